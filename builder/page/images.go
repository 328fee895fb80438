package page

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/whittle-oci/whittle/builder/image"
	"github.com/whittle-oci/whittle/builder/inspect"
	"github.com/whittle-oci/whittle/builder/report"
)

// Build makes the page of a build, a section for each platform. name is what
// was built.
func Build(name string, reports []*report.Report) *Page {
	p := &Page{Title: "Build of " + name, Lead: "What the build made, what it kept of it, and why."}
	for _, r := range reports {
		p.Sections = append(p.Sections, built(r))
	}
	return p
}

func built(r *report.Report) Section {
	files := bySize(r.Files)
	s := Section{Title: cmp.Or(r.Platform, "The image"), Facts: sides(r.Before, r.After), Maps: maps(files)}
	if r.Before.Unknown == "" {
		s.Bars = []Bar{{"before", r.Before.Bytes}, {"after", r.After.Bytes}}
	}
	s.Facts.Rows = append(s.Facts.Rows, []string{"droppable", "", fmt.Sprintf("%s in %d files", image.FormatSize(r.Droppable.Bytes), r.Droppable.Files)})
	warnings := Table{Title: "Warnings", Columns: []string{"instruction", "says", "way out"}, Text: 3, Open: true}
	for _, w := range first(&warnings, r.Warnings) {
		warnings.Rows = append(warnings.Rows, []string{w.Instruction, w.Message, w.Hint})
	}
	changes := Table{Title: "Changes", Columns: []string{"kind", "name", "from", "to", "why"}, Text: 5}
	for _, c := range first(&changes, r.Changes) {
		changes.Rows = append(changes.Rows, []string{c.Kind, c.Name, c.From, c.To, c.Why})
	}
	left := Table{Title: "Left out", Columns: []string{"path", "why", "bytes", "files"}, Text: 2}
	byBytes := slices.SortedStableFunc(slices.Values(r.Left), func(a, b image.Left) int { return cmp.Compare(b.Bytes, a.Bytes) })
	for _, l := range first(&left, byBytes) {
		left.Rows = append(left.Rows, []string{l.Path, l.Why, image.FormatSize(l.Bytes), strconv.Itoa(max(l.Files, 1))})
	}
	s.Tables = []Table{warnings, changes, left, largest(files)}
	return s
}

// sides is a table of an image before and after.
func sides(a, b report.Side) Table {
	row := func(name string, of func(report.Side) string) []string {
		if a.Unknown != "" && name != "user" && name != "shell" {
			return []string{name, "unknown", of(b)}
		}
		return []string{name, of(a), of(b)}
	}
	return Table{Title: "Before and after", Columns: []string{"what", "before", "after"}, Text: 3, Rows: [][]string{
		row("bytes", func(s report.Side) string { return image.FormatSize(s.Bytes) }),
		row("files", func(s report.Side) string { return strconv.Itoa(s.Files) }),
		row("packages", func(s report.Side) string { return strconv.Itoa(s.Packages) }),
		row("user", func(s report.Side) string { return s.User }),
		row("shell", func(s report.Side) string { return cmp.Or(s.Shell, "none") }),
	}}
}

// component is the package of a file, in words.
func component(f report.File) string {
	return cmp.Or(f.Package, inspect.LanguagePackage(f.Path), "of no package")
}

// maps are treemaps of files by reason, where they have some, and by package.
func maps(files []report.File) []Map {
	reasons, components := make([]File, len(files)), make([]File, len(files))
	known := false
	for i, f := range files {
		reasons[i] = File{Group: cmp.Or(f.Reason, "without a reason"), Path: f.Path, Bytes: f.Bytes, Files: f.Files}
		components[i] = File{Group: component(f), Path: f.Path, Bytes: f.Bytes, Files: f.Files}
		known = known || f.Reason != ""
	}
	out := []Map{{Title: "By package", Note: "Areas are bytes of files.", Files: components}}
	if known {
		out = append([]Map{{Title: "By reason", Note: "Areas are bytes of files.", Files: reasons}}, out...)
	}
	return out
}

// bySize puts the largest files first.
func bySize(files []report.File) []report.File {
	return slices.SortedFunc(slices.Values(files), func(a, b report.File) int {
		return cmp.Or(cmp.Compare(b.Bytes, a.Bytes), cmp.Compare(a.Path, b.Path))
	})
}

// largest is a table of files, which are in the order of their sizes.
func largest(files []report.File) Table {
	t := Table{Title: "Files", Columns: []string{"path", "why", "package", "bytes"}, Text: 3}
	for _, f := range first(&t, files) {
		name := f.Path
		if f.Files > 0 {
			name = fmt.Sprintf("%s: %d files", f.Path, f.Files)
		}
		why := f.Reason
		if f.Droppable {
			why += " (droppable)"
		}
		t.Rows = append(t.Rows, []string{name, why, component(f), image.FormatSize(f.Bytes)})
	}
	return t
}

// Inspection makes the page of an image. Treemaps are of its Contents.
func Inspection(in *inspect.Inspection, over []string) *Page {
	p := &Page{Title: in.Image, Lead: in.Digest}
	files := bySize(in.Contents)
	s := Section{Title: cmp.Or(in.Platform, "The image"), Maps: maps(files)}
	s.Facts = Table{Title: "The image", Columns: []string{"what", "is"}, Text: 2}
	fact := func(name, format string, args ...any) {
		s.Facts.Rows = append(s.Facts.Rows, []string{name, fmt.Sprintf(format, args...)})
	}
	if before := in.Before; before != nil {
		s.Facts = sides(*before, in.Side())
		fact = func(name, format string, args ...any) {
			s.Facts.Rows = append(s.Facts.Rows, []string{name, "", fmt.Sprintf(format, args...)})
		}
		s.Bars = []Bar{{"before", before.Bytes}, {"after", in.Size.Bytes}}
	} else {
		fact("bytes", "%s", image.FormatSize(in.Size.Bytes))
		fact("files", "%d", in.Size.Files)
		fact("packages", "%d", len(in.Packages))
		fact("user", "%s", in.Config.User)
		fact("shells", "%s", cmp.Or(strings.Join(in.Shells, ", "), "none"))
	}
	fact("layers", "%d, %s to pull, %s hidden by later ones", in.Size.Layers, image.FormatSize(in.Size.Pulled), image.FormatSize(in.Size.Hidden))
	fact("starts", "%s", strings.Join(slices.Concat(in.Config.Entrypoint, in.Config.Cmd), " "))
	fact("installs", "%s", cmp.Or(strings.Join(in.PackageManagers, ", "), "none"))
	for _, o := range over {
		fact("over its budget", "%s", o)
	}
	findings := Table{Title: "Findings", Columns: []string{"severity", "finding", "says", "also known as"}, Text: 4, Open: true}
	for _, f := range first(&findings, in.Findings) {
		findings.Rows = append(findings.Rows, []string{string(f.Severity), f.Rule, f.Message, strings.Join(f.Aliases, ", ")})
	}
	programs := Table{Title: "Programs and libraries", Columns: []string{"path", "needs", "missing"}, Text: 3}
	for _, x := range first(&programs, in.Programs) {
		programs.Rows = append(programs.Rows, []string{x.Path, strings.Join(x.Needed, " "), strings.Join(x.Missing, " ")})
	}
	s.Tables = []Table{findings, parts("Directories", in.Directories), parts("Packages", in.Components), programs, largest(files)}
	p.Sections = []Section{s}
	return p
}

func parts(title string, list []inspect.Part) Table {
	t := Table{Title: title, Columns: []string{"what", "bytes", "files"}, Text: 1}
	for _, x := range first(&t, list) {
		t.Rows = append(t.Rows, []string{cmp.Or(x.Name, "of no package"), image.FormatSize(x.Bytes), strconv.Itoa(x.Files)})
	}
	return t
}

// Comparison makes the page of two images, whose treemaps have one scale.
func Comparison(c *inspect.Comparison) *Page {
	p := &Page{Title: c.A.Image + " and " + c.B.Image, Lead: c.Summary()}
	s := Section{Title: cmp.Or(c.B.Platform, "The images"), Facts: Table{Title: "Both images", Columns: []string{"what", "first", "second"}, Text: 3, Rows: [][]string{
		{"image", c.A.Image, c.B.Image},
		{"digest", c.A.Digest, c.B.Digest},
		{"bytes", image.FormatSize(c.A.Bytes), image.FormatSize(c.B.Bytes)},
		{"files", strconv.Itoa(c.A.Files), strconv.Itoa(c.B.Files)},
		{"packages", strconv.Itoa(c.A.Packages), strconv.Itoa(c.B.Packages)},
	}}}
	if len(c.Made) > 0 {
		s.Facts.Rows = append(s.Facts.Rows, []string{"besides", strings.Join(c.Made, "; "), ""})
	}
	s.Bars = []Bar{{"first", c.A.Bytes}, {"second", c.B.Bytes}}
	before, after := states(c.Differences)
	whole := max(c.A.Bytes, c.B.Bytes)
	s.Maps = []Map{
		{Title: "First", Note: "Areas are bytes of files, packages stand together; both drawings have one scale.", Files: stated(c.A.Contents, before), Whole: whole, States: true},
		{Title: "Second", Files: stated(c.B.Contents, after), Whole: whole, States: true},
	}
	all := slices.Concat(c.Differences, c.Attached)
	for i, d := range all {
		if i == 0 || all[i-1].Kind != d.Kind {
			s.Tables = append(s.Tables, Table{Title: "Differences: " + d.Kind, Columns: []string{"what", "first", "second"}, Text: 3, Open: d.Kind != "file" && d.Kind != "content"})
		}
		t := &s.Tables[len(s.Tables)-1]
		if len(t.Rows) == maxItems {
			t.More++
			continue
		}
		t.Rows = append(t.Rows, []string{d.Name, d.From, d.To})
	}
	p.Sections = []Section{s}
	return p
}

// states says what became of paths, as each side is to tell it.
func states(list []image.Difference) (before, after map[string]string) {
	before, after = map[string]string{}, map[string]string{}
	for _, d := range list {
		switch {
		case d.Kind == "file" && d.To == "":
			before[d.Name] = Gone
		case d.Kind == "file" && d.From == "":
			after[d.Name] = New
		case slices.Contains([]string{"file", "mode", "owner", "content", "link"}, d.Kind):
			before[d.Name], after[d.Name] = Changed, Changed
		}
	}
	return before, after
}

func stated(files []report.File, states map[string]string) []File {
	out := make([]File, len(files))
	for i, f := range files {
		out[i] = File{Group: component(f), Path: f.Path, Bytes: f.Bytes, State: states[f.Path]}
	}
	return out
}
