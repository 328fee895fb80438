package rules

import (
	"slices"
	"strings"

	"github.com/whittle-oci/whittle/lint/dockerfile"
	"github.com/whittle-oci/whittle/lint/rule"
	"github.com/whittle-oci/whittle/lint/source"
)

var worldWritable = rule.Rule{
	Meta: rule.Meta{
		Name:     "world-writable",
		Family:   rule.Root,
		Summary:  "files of the image are not world-writable",
		Why:      "chmod 777 lets any process that gets into the container change the program. Give the directory to the user that writes to it, or to its group.",
		Bad:      "FROM debian:12\nRUN chmod -R 777 /app\nUSER 10001\n",
		Good:     "FROM debian:12\nRUN chown -R 10001:0 /app && chmod -R g=u /app\nUSER 10001\n",
		Severity: rule.Warning,
		Fixable:  rule.Sometimes,
		Presets:  []string{"recommended"},
	},
	Check: checkWorldWritable,
}

func checkWorldWritable(p *rule.Pass) {
	for _, m := range modes(p.File) {
		if !openMode(m.text) {
			continue
		}
		finding := rule.Finding{Span: m.span, Message: "the mode " + m.text + " lets everyone write; give the files to the user that does"}
		plain := octal(m.text) && string(p.File.Bytes[m.span.Start:m.span.End]) == m.text
		switch last := m.span.End - 1; {
		case !plain || m.temporary:
		case m.tmp && len(m.text) == 3:
			finding.Fix = &rule.Fix{Title: "Let nobody delete the files of others", Safety: rule.Unsafe, Edits: []source.Edit{{
				Span: source.Span{Start: m.span.Start, End: m.span.Start}, New: "1",
			}}}
		case !m.tmp:
			finding.Fix = &rule.Fix{Title: "Leave writing to owner and group", Safety: rule.Unsafe, Edits: []source.Edit{{
				Span: source.Span{Start: last, End: last + 1}, New: string(m.text[len(m.text)-1] - 2),
			}}}
		}
		p.Report(finding)
	}
}

// openMode reports whether a mode lets others write, the sticky directories
// aside that /tmp is one of.
func openMode(mode string) bool {
	if octal(mode) {
		sticky := len(mode) > 3 && strings.IndexByte("1357", mode[len(mode)-4]) >= 0
		return !sticky && strings.IndexByte("2367", mode[len(mode)-1]) >= 0
	}
	for clause := range strings.SplitSeq(mode, ",") {
		for _, who := range []string{"a+", "o+", "a=", "o=", "ugo+", "go+", "ugo="} {
			if rest, ok := strings.CutPrefix(clause, who); ok && strings.Contains(rest, "w") && strings.Trim(rest, "rwxX") == "" {
				return true
			}
		}
	}
	return false
}

// A mode is one that chmod or --chmod gives to files of the image.
type mode struct {
	text string
	span source.Span
	tmp  bool // of /tmp, where everyone writes
	// temporary marks one of what a variable says is for temporary files.
	temporary bool
}

func modes(f *dockerfile.File) []mode {
	var out []mode
	for _, in := range f.Instructions {
		if !f.Shipped(in.Stage) {
			continue
		}
		switch in.Keyword {
		case "copy", "add":
			if flag, ok := in.Flag("chmod"); ok {
				out = append(out, mode{text: flag.Value, span: flag.ValueSpan})
			}
		case "run":
			for _, c := range f.Commands(in) {
				if c.Name != "chmod" {
					continue
				}
				for _, a := range c.Args {
					if a.Literal && (octal(a.Text) || strings.ContainsAny(a.Text, "+=") && !strings.HasPrefix(a.Text, "--")) {
						out = append(out, mode{text: a.Text, span: a.Span, tmp: slices.ContainsFunc(c.Args, tmp), temporary: slices.ContainsFunc(c.Args, temporary)})
						break
					}
				}
			}
		}
	}
	return out
}

// tmp reports whether an argument is a directory for everyone's temporary files.
func tmp(a dockerfile.Arg) bool {
	name := strings.TrimRight(a.Text, "/")
	return name == "/tmp" || name == "/var/tmp"
}

// temporary reports whether an argument is a variable for temporary files.
func temporary(a dockerfile.Arg) bool {
	_, name, found := strings.Cut(strings.ToLower(a.Text), "$")
	return found && (strings.Contains(name, "tmp") || strings.Contains(name, "tempdir") || strings.Contains(name, "temp_dir"))
}

// octal reports whether a mode is a number of three or four digits, or five with
// a 0 before them.
func octal(mode string) bool {
	return len(mode) >= 3 && len(mode) <= 5 && strings.Trim(mode, "01234567") == ""
}
