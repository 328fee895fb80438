package main

import (
	"bytes"
	"fmt"
)

// A shape is a Dockerfile that can be made in any size.
type shape struct {
	name, unit string
	sizes      []int // each twice the one before
	text       func(size int) []byte
}

var shapes = []shape{
	{"one stage with many instructions", "instructions", []int{5_000, 10_000, 20_000}, instructions},
	{"many stages, each made from the one before", "stages", []int{2_500, 5_000, 10_000}, stages},
	{"a file of many bytes", "bytes", []int{2_500_000, 5_000_000, 10_000_000}, bytesOf},
}

// instructions are of the kinds that real files hold most, with variables.
func instructions(size int) []byte {
	var b bytes.Buffer
	b.WriteString("FROM debian:12\n")
	for i := 1; i < size; i++ {
		switch i % 5 {
		case 0:
			fmt.Fprintf(&b, "ENV NAME_%d=value-$NAME_%d\n", i, i-5)
		case 1:
			fmt.Fprintf(&b, "RUN apt-get update && apt-get install -y package-%d | tee /tmp/log-$NAME_%d\n", i, i-1)
		case 2:
			fmt.Fprintf(&b, "COPY file-%d /app/\n", i)
		case 3:
			fmt.Fprintf(&b, "# hadolint ignore=DL3008\nRUN cd /app \\\n && curl -o x http://example.com/%d\n", i)
		case 4:
			fmt.Fprintf(&b, "LABEL key-%d=\"value\"\n", i)
		}
	}
	return b.Bytes()
}

func stages(size int) []byte {
	var b bytes.Buffer
	b.WriteString("FROM debian:12 AS stage-0\n")
	for i := 1; i < size; i++ {
		fmt.Fprintf(&b, "FROM stage-%d AS stage-%d\nCOPY --from=stage-%d /a /b\nRUN make %d\n", i-1, i, i/2, i)
	}
	return b.Bytes()
}

// bytesOf is RUNs of many lines and heredocs.
func bytesOf(size int) []byte {
	var b bytes.Buffer
	b.WriteString("FROM debian:12\n")
	for i := 0; b.Len() < size; i++ {
		fmt.Fprintf(&b, "RUN echo %d", i)
		for j := range 40 {
			fmt.Fprintf(&b, " \\\n  && install-something --with=option-%d some/path/to/a/file", j)
		}
		fmt.Fprintf(&b, "\nRUN <<EOF\nset -e\nmake all-%d\nEOF\n", i)
	}
	return b.Bytes()
}
