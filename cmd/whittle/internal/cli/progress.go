package cli

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/containerd/console"
	"github.com/moby/buildkit/client"
	"github.com/moby/buildkit/util/progress/progressui"

	"github.com/whittle-oci/whittle/builder/report"
)

// progress shows a build on the error stream until its channel closes, and
// then gives the warnings that came by.
func (a *app) progress(ctx context.Context, mode string, ch chan *client.SolveStatus) <-chan []client.VertexWarning {
	done := make(chan []client.VertexWarning, 1)
	go func() {
		display, err := a.display(mode)
		if err != nil {
			for range ch {
			}
			done <- nil
			return
		}
		// The display must see the end of an interrupted build too.
		warnings, _ := display.UpdateFrom(context.WithoutCancel(ctx), ch)
		done <- warnings
	}()
	return done
}

func (a *app) display(mode string) (progressui.Display, error) {
	f, isFile := a.Err.(*os.File)
	if mode == "auto" {
		mode = "plain"
		if isFile && os.Getenv("TERM") != "dumb" {
			if _, err := console.ConsoleFromFile(f); err == nil {
				mode = "tty"
			}
		}
	}
	if isFile {
		return progressui.NewDisplay(f, progressui.DisplayMode(mode))
	}
	return progressui.NewDisplay(fileless{a.Err}, progressui.DisplayMode(mode))
}

// fileless is an error stream that is no file, as in tests.
type fileless struct {
	w interface{ Write([]byte) (int, error) }
}

// Write implements io.Writer.
func (f fileless) Write(b []byte) (int, error) { return f.w.Write(b) }

// printWarnings writes the warnings of a build, each once, in the order of
// their text.
func (a *app) printWarnings(warnings []client.VertexWarning) {
	if a.quiet || len(warnings) == 0 {
		return
	}
	var texts []string
	for _, w := range warnings {
		var b bytes.Buffer
		b.WriteString(string(w.Short))
		for _, d := range w.Detail {
			b.WriteString("\n    " + string(d))
		}
		if w.URL != "" {
			b.WriteString("\n    more: " + w.URL)
		}
		if w.SourceInfo != nil && len(w.Range) > 0 {
			fmt.Fprintf(&b, "\n    %s:%d", w.SourceInfo.Filename, w.Range[0].Start.Line)
		}
		texts = append(texts, b.String())
	}
	slices.Sort(texts)
	texts = slices.Compact(texts)
	plural := "s"
	if len(texts) == 1 {
		plural = ""
	}
	fmt.Fprintf(a.Err, "\n%d warning%s:\n", len(texts), plural)
	for _, t := range texts {
		fmt.Fprintf(a.Err, "  - %s\n", t)
	}
	fmt.Fprintln(a.Err)
}

// sorted gives the reports in the order of their platforms.
func (r *reports) sorted() []*report.Report {
	slices.SortFunc(r.list, func(a, b *report.Report) int { return strings.Compare(a.Platform, b.Platform) })
	return r.list
}
