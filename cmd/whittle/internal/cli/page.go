package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/spf13/pflag"

	"github.com/whittle-oci/whittle/builder/oci/staging"
	"github.com/whittle-oci/whittle/builder/page"
)

// A pageFlag is --report: a page about what a verb found out, and the JSON of it
// in a file beside it.
type pageFlag struct {
	value string

	set        *staging.Set
	html, json io.Writer
	data       string // name of the JSON file, "" for none
}

// defaultPage is where a page goes that has no name.
const defaultPage = "whittle-report.html"

func (f *pageFlag) register(fl *pflag.FlagSet) {
	fl.StringVar(&f.value, "report", "", "write a page to look at, and its JSON beside it: html or html=FILE (default "+defaultPage+")")
}

// wanted reports whether there is to be a page.
func (f *pageFlag) wanted() bool { return f.value != "" }

// open opens the files, so that what cannot be written is known before any work
// is done. Nothing of them shows before write; discard follows in any case.
func (f *pageFlag) open(ctx context.Context, a *app) error {
	if !f.wanted() {
		return nil
	}
	kind, file, named := strings.Cut(f.value, "=")
	if kind != "html" || named && file == "" {
		return usage{fmt.Errorf("--report %s: want html or html=FILE", f.value)}
	}
	if !named {
		file = defaultPage
	}
	ext := filepath.Ext(file)
	if ext == ".json" {
		return usage{fmt.Errorf("--report %s: the JSON goes there, beside the page; name it .html", f.value)}
	}
	f.set = staging.New(ctx)
	if staging.IsStdout(file) {
		f.html = f.set.Stream(file, a.Out)
		a.Out = a.Err // so that nothing but the page is there
		return nil
	}
	f.data = strings.TrimSuffix(file, ext) + ".json"
	var err error
	if f.html, err = f.set.File(file); err == nil {
		f.json, err = f.set.File(f.data)
	}
	if err != nil {
		return usage{fmt.Errorf("--report %s: %w", f.value, err)}
	}
	return nil
}

// write writes the page and its JSON, where they are wanted.
func (f *pageFlag) write(p *page.Page, data any) error {
	if !f.wanted() {
		return nil
	}
	if err := p.Write(f.html, f.data); err != nil {
		return fmt.Errorf("writing --report: %w", err)
	}
	if f.json != nil {
		if err := json.NewEncoder(f.json).Encode(data); err != nil {
			return fmt.Errorf("writing --report: %w", err)
		}
	}
	if err := f.set.Commit(); err != nil {
		return fmt.Errorf("writing --report: %w", err)
	}
	return nil
}

// discard lets go of what was not written.
func (f *pageFlag) discard() {
	if f.set != nil {
		f.set.Discard()
	}
}
