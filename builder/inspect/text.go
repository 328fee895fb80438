package inspect

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"

	"github.com/whittle-oci/whittle/builder/image"
	"github.com/whittle-oci/whittle/builder/report"
)

// TextOptions say how much a text tells.
type TextOptions struct {
	All bool // every share and every program, not the largest alone
}

// shown is how many shares of a kind are told.
const shown = 10

// Text writes an inspection for people, in one write.
func (in *Inspection) Text(w io.Writer, o TextOptions) error {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s, %s\n", image.Printable(in.Image), in.Platform)
	if in.Digest != "" {
		fmt.Fprintf(&b, "  %s\n", in.Digest)
	}
	t := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	line := func(name, format string, args ...any) {
		fmt.Fprintf(t, "  %s\t%s\n", name, image.Printable(fmt.Sprintf(format, args...)))
	}
	if before := in.Before; before != nil {
		line("before", "%s in %d files, %d packages, as %s, shell %s", report.Size(before.Bytes), before.Files, before.Packages, before.User, none(before.Shell))
	}
	line("files", "%s in %d", report.Size(in.Size.Bytes), in.Size.Files)
	layers := strconv.Itoa(in.Size.Layers)
	if in.Size.Pulled > 0 {
		layers += ", " + report.Size(in.Size.Pulled) + " to pull"
	}
	if in.Size.Hidden > 0 {
		layers += ", " + report.Size(in.Size.Hidden) + " of them hidden by later ones"
	}
	line("layers", "%s", layers)
	line("packages", "%d", len(in.Packages))
	line("user", "%s", in.Config.User)
	line("starts", "%s", strings.Join(slices.Concat(in.Config.Entrypoint, in.Config.Cmd), " "))
	line("shell", "%s", none(strings.Join(in.Shells, ", ")))
	line("installs", "%s", none(strings.Join(in.PackageManagers, ", ")))
	_ = t.Flush() // a buffer does not fail
	for _, part := range []struct {
		name, other string
		list        []Part
	}{{"directory", "", in.Directories}, {"component", "of no package", in.Components}, {"reason", "without a reason", in.Reasons}} {
		table(&b, part.name, part.other, part.list, o)
	}
	if o.All {
		in.programs(&b)
	}
	in.findings(&b)
	_, err := w.Write(b.Bytes())
	return err
}

func table(b *bytes.Buffer, name, other string, list []Part, o TextOptions) {
	if len(list) == 0 {
		return
	}
	fmt.Fprintf(b, "by %s\n", name)
	t := tabwriter.NewWriter(b, 0, 0, 2, ' ', tabwriter.AlignRight)
	for i, p := range list {
		if i == shown && !o.All {
			var rest Part
			for _, q := range list[i:] {
				rest.Bytes += q.Bytes
				rest.Files += q.Files
			}
			fmt.Fprintf(t, "  %s\t%d\t  and %d more\n", report.Size(rest.Bytes), rest.Files, len(list)-i)
			break
		}
		if p.Name == "" {
			p.Name = other
		}
		fmt.Fprintf(t, "  %s\t%d\t  %s\n", report.Size(p.Bytes), p.Files, image.Printable(p.Name))
	}
	_ = t.Flush()
}

func (in *Inspection) programs(b *bytes.Buffer) {
	if len(in.Programs) > 0 {
		fmt.Fprintln(b, "programs and libraries")
	}
	for _, p := range in.Programs {
		fmt.Fprintf(b, "  %s: %s\n", image.Printable(p.Path), none(image.Printable(strings.Join(slices.Concat(nonEmpty(p.Interpreter), p.Needed), " "))))
	}
}

func (in *Inspection) findings(b *bytes.Buffer) {
	if len(in.Findings) == 0 {
		return
	}
	fmt.Fprintln(b, "findings")
	for _, f := range in.Findings {
		alias := ""
		if len(f.Aliases) > 0 {
			alias = " (" + strings.Join(f.Aliases, ", ") + ")"
		}
		fmt.Fprintf(b, "  %s: %s: %s%s\n", f.Severity, f.Rule, image.Printable(f.Message), alias)
	}
}

func nonEmpty(s string) []string {
	if s == "" {
		return nil
	}
	return []string{s}
}

func none(s string) string {
	if s == "" {
		return "none"
	}
	return s
}
