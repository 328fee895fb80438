package cli

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"golang.org/x/term"

	"github.com/whittle-oci/whittle/builder/oci/staging"
	"github.com/whittle-oci/whittle/cmd/internal/version"
	"github.com/whittle-oci/whittle/lint"
	"github.com/whittle-oci/whittle/lint/discover"
	"github.com/whittle-oci/whittle/lint/format"
)

// An output is one format and where it goes.
type output struct {
	write format.Writer
	file  string // "" for standard output
}

// outputs are all of a run.
type outputs struct {
	list []output
	out  io.Writer // nil where standard output has something else
	opts format.Options
}

// outputs reads --format: FORMAT or FORMAT=FILE.
func (a *app) outputs(formats []string, root string) (outputs, error) {
	if root == "" {
		root = discover.Root(absolute("."))
	}
	o := outputs{out: a.Out, opts: format.Options{Color: a.color(), Hints: true, Once: true, Version: version.String(), Dir: absolute(root), Here: absolute(".")}}
	if len(formats) == 0 {
		formats = []string{"text"}
	}
	for _, f := range formats {
		name, file, _ := strings.Cut(f, "=")
		write, err := format.Named(name)
		if err != nil {
			return o, usage{fmt.Errorf("--format: %w", err)}
		}
		if slices.ContainsFunc(o.list, func(x output) bool { return x.file == file }) {
			if file == "" {
				return o, usage{fmt.Errorf("--format: two formats for standard output; write all but one to files: --format %s=FILE", name)}
			}
			return o, usage{fmt.Errorf("--format: two formats for the file %s", file)}
		}
		o.list = append(o.list, output{write, file})
	}
	return o, nil
}

// write writes every output; files whole or not at all.
func (o outputs) write(ctx context.Context, diags []lint.Diagnostic) error {
	for _, x := range o.list {
		if x.file == "" && o.out == nil {
			continue
		}
		if x.file == "" {
			if err := x.write(o.out, diags, o.opts); err != nil {
				return err
			}
			continue
		}
		var b bytes.Buffer
		opts := o.opts
		opts.Color = false
		if err := x.write(&b, diags, opts); err != nil {
			return err
		}
		if err := staging.WriteFile(ctx, x.file, b.Bytes()); err != nil {
			return fmt.Errorf("writing the report: %w", err)
		}
	}
	return nil
}

// color reports whether to paint: on a terminal or where CLICOLOR_FORCE asks for
// it (bixense.com/clicolors), unless NO_COLOR is set (no-color.org).
func (a *app) color() bool {
	if force := os.Getenv("CLICOLOR_FORCE"); force != "" && force != "0" && os.Getenv("NO_COLOR") == "" {
		return true
	}
	f, ok := a.Out.(*os.File)
	return ok && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb" && term.IsTerminal(int(f.Fd()))
}
