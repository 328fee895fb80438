// Gendocs writes the rule pages, the page that lists them, and the one of what
// needs a built image.
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
	out := flag.String("out", "", "directory to write pages to")
	index := flag.String("index", "", "page to write that lists the rules")
	notHere := flag.String("not-here", "", "page to write of what needs a built image")
	flag.Parse()
	all := docs.All(rules.All())
	for _, r := range all {
		name, text := docs.Render(r)
		if err := os.WriteFile(filepath.Join(*out, name), []byte(text), 0o644); err != nil {
			log.Fatal(err)
		}
	}
	if err := os.WriteFile(*notHere, []byte(docs.NotHere()), 0o644); err != nil {
		log.Fatal(err)
	}
	if err := os.WriteFile(*index, []byte(docs.Index(all)), 0o644); err != nil {
		log.Fatal(err)
	}
}
