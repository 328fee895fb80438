package report

import (
	"bytes"
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"

	"github.com/whittle-oci/whittle/builder/image"
)

// TextOptions says how much a text report tells.
type TextOptions struct {
	Files bool // every file with its reason
}

// Text writes the report for people. It is one write, so that reports of
// several platforms do not mix.
func (r *Report) Text(w io.Writer, o TextOptions) error {
	var b bytes.Buffer
	r.summary(&b)
	r.static(&b)
	for _, c := range r.Changes {
		if c.Kind == "static" {
			continue
		}
		fmt.Fprintf(&b, "  %s %s: %s\n", c.Kind, image.Printable(c.Name), arrow(image.Printable(c.From), image.Printable(c.To), c.Why))
	}
	if o.Files {
		r.files(&b)
	}
	_, err := w.Write(b.Bytes())
	return err
}

func (r *Report) summary(b *bytes.Buffer) {
	fmt.Fprintf(b, "%s\n", r.Platform)
	t := tabwriter.NewWriter(b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "  \tbefore\tafter")
	files, packages := fmt.Sprintf("%s in %d", Size(r.Before.Bytes), r.Before.Files), strconv.Itoa(r.Before.Packages)
	if r.Before.Unknown != "" {
		files, packages = "unknown", "unknown"
	}
	fmt.Fprintf(t, "  files\t%s\t%s in %d\n", files, Size(r.After.Bytes), r.After.Files)
	if r.Droppable.Files > 0 {
		fmt.Fprintf(t, "  droppable\t\t%s in %d\n", Size(r.Droppable.Bytes), r.Droppable.Files)
	}
	for _, l := range r.Layers {
		fmt.Fprintf(t, "  layer\t\t%s in %d  %s\n", Size(l.Bytes), l.Files, l.Name)
	}
	fmt.Fprintf(t, "  packages\t%s\t%d\n", packages, r.After.Packages)
	fmt.Fprintf(t, "  user\t%s\t%s\n", r.Before.User, r.After.User)
	fmt.Fprintf(t, "  shell\t%s\t%s\n", none(r.Before.Shell), none(r.After.Shell))
	_ = t.Flush() // a buffer does not fail
	fmt.Fprintf(b, "  run it with %s\n", image.Printable(strings.Join(r.ReadOnly, " ")))
	if r.Smoke != nil {
		fmt.Fprintf(b, "  smoke: %s: %s\n", image.Printable(r.Smoke.Check), r.Smoke.Result)
	}
	if r.Before.Unknown != "" {
		fmt.Fprintf(b, "  the size before is unknown: %s\n", image.Printable(r.Before.Unknown))
	}
}

func (r *Report) static(b *bytes.Buffer) {
	if r.Static == nil {
		return
	}
	what := "left as written"
	if r.Static.Made {
		what = "made static"
	}
	if r.Static.On != "" {
		what += ", compiled on " + r.Static.On
	}
	fmt.Fprintf(b, "  go: %s: %s\n", what, r.Static.Why)
}

func (r *Report) files(b *bytes.Buffer) {
	t := tabwriter.NewWriter(b, 0, 0, 2, ' ', 0)
	for _, f := range r.Files {
		mark := ""
		if f.Droppable {
			mark = " (droppable)"
		}
		fmt.Fprintf(t, "  %s\t%s\t%s  %s%s\n", f.Mode, Size(f.Bytes), image.Printable(f.Path), image.Printable(f.Reason), mark)
	}
	_ = t.Flush()
	for _, l := range r.Left {
		amount := ""
		if l.Files > 1 {
			amount = fmt.Sprintf(" (%s in %d)", Size(l.Bytes), l.Files)
		}
		fmt.Fprintf(b, "  left out: %s%s, which %s\n", image.Printable(l.Path), amount, image.Printable(l.Why))
	}
}

func arrow(from, to, why string) string {
	var s string
	switch {
	case to == "":
		s = "dropped"
	case from == "":
		s = "set to " + to
	default:
		s = from + " -> " + to
	}
	return s + " (" + strings.TrimSpace(why) + ")"
}

func none(s string) string {
	if s == "" {
		return "none"
	}
	return s
}
