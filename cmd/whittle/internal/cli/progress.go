package cli

import (
	"bytes"
	"cmp"
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

// printWarnings writes the warnings of a build, each once and the worst first,
// at most maxWarnings of them unless more is asked for.
func (a *app) printWarnings(warnings []client.VertexWarning) {
	if a.quiet || len(warnings) == 0 {
		return
	}
	type ranked struct {
		rank int
		text string
	}
	var texts []ranked
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
		texts = append(texts, ranked{rank(w), b.String()})
	}
	slices.SortFunc(texts, func(x, y ranked) int { return cmp.Or(cmp.Compare(x.rank, y.rank), strings.Compare(x.text, y.text)) })
	texts = slices.Compact(texts)
	plural := "s"
	if len(texts) == 1 {
		plural = ""
	}
	fmt.Fprintf(a.Err, "\n%d warning%s:\n", len(texts), plural)
	shown := texts
	if a.verbose == 0 {
		shown = texts[:min(len(texts), maxWarnings)]
	}
	for _, t := range shown {
		fmt.Fprintf(a.Err, "  - %s\n", t.text)
	}
	if n := len(texts) - len(shown); n > 0 {
		fmt.Fprintf(a.Err, "  and %d more, which -v shows\n", n)
	}
	fmt.Fprintln(a.Err)
}

// maxWarnings is how many warnings a build shows without -v.
const maxWarnings = 10

// missing are words of warnings that something is not in the image.
var missing = []string{"not in the image", "was left out", "could not run", "without their interpreter", "without its interpreter"}

// asWritten are words of warnings that the image as written lacks something, too,
// so that nothing is worse for it.
const asWritten = "not in the built image"

// rank orders warnings, the worst first: what the image may lack that it has as
// written, what else the builder is not sure of, findings of the linter.
func rank(w client.VertexWarning) int {
	switch {
	case w.URL != "":
		return 2
	case !strings.Contains(string(w.Short), asWritten) && slices.ContainsFunc(missing, func(words string) bool { return strings.Contains(string(w.Short), words) }):
		return 0
	}
	return 1
}

// sorted gives the reports in the order of their platforms.
func (r *reports) sorted() []*report.Report {
	slices.SortFunc(r.list, func(a, b *report.Report) int { return strings.Compare(a.Platform, b.Platform) })
	return r.list
}
