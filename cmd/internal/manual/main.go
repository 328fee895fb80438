// Manual writes what the manual and editors are told of .whittle.yaml: the JSON
// Schema, and the tables of docs/lint.md.
//
//go:generate go run . -root ../../..
package main

import (
	"flag"
	"log"
	"os"
	"path/filepath"
)

func main() {
	log.SetFlags(0)
	root := flag.String("root", "", "root of the repository")
	flag.Parse()
	pages, err := pages(*root)
	if err != nil {
		log.Fatal(err)
	}
	for name, text := range pages {
		if err := os.WriteFile(filepath.Join(*root, name), text, 0o644); err != nil {
			log.Fatal(err)
		}
	}
}
