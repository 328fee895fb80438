// Gendocs writes the rule pages and the rule table of the README.
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
	readme := flag.String("readme", "", "README to write the table into")
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
	page, err := os.ReadFile(*readme)
	if err != nil {
		log.Fatal(err)
	}
	text, err := docs.Splice(string(page), "rules", docs.Table(all))
	if err != nil {
		log.Fatal(err)
	}
	if err := os.WriteFile(*readme, []byte(text), 0o644); err != nil {
		log.Fatal(err)
	}
}
