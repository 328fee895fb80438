// Gendocs writes the rule pages.
package main

import (
	"flag"
	"log"
	"os"
	"path/filepath"

	"github.com/whittle-oci/whittle/lint/docs"
	"github.com/whittle-oci/whittle/lint/rules"
)

func main() {
	log.SetFlags(0)
	out := flag.String("out", "", "directory to write to")
	flag.Parse()
	for _, r := range rules.All() {
		name, text := docs.Page(r.Meta)
		if err := os.WriteFile(filepath.Join(*out, name), []byte(text), 0o644); err != nil {
			log.Fatal(err)
		}
	}
}
