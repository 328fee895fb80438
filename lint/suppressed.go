package lint

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/whittle-oci/whittle/lint/dockerfile"
	"github.com/whittle-oci/whittle/lint/rule"
	"github.com/whittle-oci/whittle/lint/source"
	"github.com/whittle-oci/whittle/lint/suppress"
)

// Suppressions reads the comments of a file that suppress findings.
func Suppressions(f *dockerfile.File) suppress.Set { return f.Suppressions() }

// inScript reports whether a comment is about a command in the script of an
// instruction.
func inScript(f *dockerfile.File, c suppress.Comment) bool {
	in, ok := f.At(c.First)
	return ok && in.Node.StartLine < c.First
}

// dropSuppressed leaves out what comments in the file switch off, and adds what is to be
// said about the comments themselves.
func dropSuppressed(f *dockerfile.File, diags []Diagnostic, opts Options) []Diagnostic {
	set := Suppressions(f)
	if len(opts.SuppressFrom) > 0 {
		set.Comments = slices.DeleteFunc(set.Comments, func(c suppress.Comment) bool { return !slices.Contains(opts.SuppressFrom, c.Tool) })
	}
	if opts.Directive != "" {
		c, _ := suppress.Directive(opts.Directive)
		set.Comments = append(slices.DeleteFunc(set.Comments, func(c suppress.Comment) bool {
			return c.Tool == "check" && c.Scope == suppress.File
		}), c)
	}
	if len(set.Comments) == 0 {
		return diags
	}
	used := make([][]bool, len(set.Comments)) // by comment and name
	byLine := map[int][]int{}                 // comments by the first line they are about
	var wide []int                            // comments about more than an instruction, or less
	for i, c := range set.Comments {
		used[i] = make([]bool, len(c.Names))
		switch {
		case opts.Today != "" && c.Until != "" && c.Until < opts.Today:
		case c.Scope == suppress.Instruction && !inScript(f, c):
			byLine[c.First] = append(byLine[c.First], i)
		default:
			wide = append(wide, i)
		}
	}
	diags = slices.DeleteFunc(diags, func(d Diagnostic) bool {
		line := f.Pos(d.Span.Start).Line
		first := line
		if in, ok := f.At(line); ok {
			first = in.Node.StartLine
		}
		off := false
		for _, i := range slices.Concat(byLine[first], wide) {
			if !set.Comments[i].Covers(line) {
				continue
			}
			if n, ok := set.Comments[i].Has(d.Rule.Is); ok {
				used[i][n], off = true, true
			}
		}
		return off
	})
	for i, c := range set.Comments {
		if c.Span.End == 0 {
			continue // not in the file
		}
		if opts.RequireReason && c.Reason == "" {
			diags = append(diags, opts.about(f, &UnexplainedIgnore, c.Span, "this comment does not say why it suppresses a finding"))
		}
		if opts.ReportUnused {
			diags = append(diags, opts.unused(f, c, used[i])...)
		}
	}
	return diags
}

func (o Options) about(f *dockerfile.File, m *rule.Meta, span source.Span, message string) Diagnostic {
	d := Diagnostic{Rule: m, Severity: m.Severity, File: f.File, Finding: rule.Finding{Span: span, Message: message}}
	if s, ok := o.severity(m); ok {
		d.Severity = s
	}
	return d
}

// unused reports the names of a comment that switched nothing off although
// their rules ran, and those that no rule has.
func (o Options) unused(f *dockerfile.File, c suppress.Comment, used []bool) []Diagnostic {
	var out []Diagnostic
	var mistaken []Diagnostic
	var left []string
	for i, n := range c.Names {
		all := strings.EqualFold(n.Text, "all")
		ran := slices.ContainsFunc(o.Rules, func(r rule.Rule) bool { return r.Is(n.Text) })
		if err := o.unknown(c, n.Text); err != nil {
			d := o.about(f, &UnusedIgnore, n.Span, err.Error())
			if e, ok := errors.AsType[*SelectError](err); ok && e.Near != "" {
				d.Fix = &rule.Fix{Title: "Write " + e.Near, Safety: rule.Suggestion, Edits: []source.Edit{{Span: n.Span, New: e.Near}}}
			}
			mistaken = append(mistaken, d)
		}
		if used[i] || !ran && (!all || c.Tool != "whittle") {
			left = append(left, string(f.Bytes[n.Span.Start:n.Span.End]))
			continue
		}
		message := fmt.Sprintf("%s is switched off here, and there is nothing of it to switch off", n.Text)
		if all {
			message = "all rules are switched off here, and there is no finding to switch off"
		}
		if c.First == 0 {
			message = fmt.Sprintf("%s is switched off here, where no instruction follows", n.Text)
		}
		out = append(out, o.about(f, &UnusedIgnore, n.Span, message))
	}
	if len(out) > 0 && (c.Tool == "whittle" || c.Tool == "hadolint") && !holdsBack(f, c) {
		out[0].Fix = withoutNames(f, c, left)
	}
	return append(out, mistaken...)
}

// unknown refuses a name that no rule has, in the comments whose names are all
// to be found here.
func (o Options) unknown(c suppress.Comment, name string) error {
	if o.Known == nil || strings.EqualFold(name, "all") || !slices.Contains([]string{"whittle", "hadolint"}, c.Tool) {
		return nil
	}
	return o.Known(name)
}

// holdsBack reports whether a comment keeps the one below it from being a
// parser directive, as an ordinary comment above it does.
func holdsBack(f *dockerfile.File, c suppress.Comment) bool {
	line := f.Pos(c.Span.Start).Line
	if line >= f.Lines() {
		return false
	}
	name, _, ok := strings.Cut(strings.TrimLeft(string(f.Line(line+1)), "# \t"), "=")
	return ok && slices.Contains([]string{"syntax", "escape", "check"}, strings.ToLower(strings.TrimSpace(name)))
}

// withoutNames leaves only some of a comment's names, or removes it whole. It
// touches no build: a comment is no instruction.
func withoutNames(f *dockerfile.File, c suppress.Comment, left []string) *rule.Fix {
	if len(left) > 0 {
		span := source.Span{Start: c.Names[0].Span.Start, End: c.Names[len(c.Names)-1].Span.End}
		return &rule.Fix{Title: "Leave out the names that switch nothing off", Edits: []source.Edit{{Span: span, New: strings.Join(left, ",")}}}
	}
	line := f.Pos(c.Span.Start).Line
	span := source.Span{Start: f.LineStart(line), End: len(f.Bytes)}
	if line < f.Lines() {
		span.End = f.LineStart(line + 1)
	}
	return &rule.Fix{Title: "Remove the comment", Edits: []source.Edit{{Span: span}}}
}
