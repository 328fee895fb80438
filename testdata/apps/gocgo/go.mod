module example.test/gocgo

go 1.26
