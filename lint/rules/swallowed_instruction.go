package rules

import (
	"bytes"
	"fmt"
	"regexp"
	"slices"
	"sync"

	"github.com/whittle-oci/whittle/lint/dockerfile"
	"github.com/whittle-oci/whittle/lint/fix"
	"github.com/whittle-oci/whittle/lint/rule"
	"github.com/whittle-oci/whittle/lint/source"
)

var swallowedInstruction = rule.Rule{
	Meta: rule.Meta{
		Name:     "swallowed-instruction",
		Family:   rule.Hygiene,
		Summary:  "no instruction is swallowed by a line continuation above it",
		Why:      "A line that ends in the escape character goes on with the next one, whatever that begins with. A COPY behind it is then words of the RUN above: nothing is copied, and the RUN gets arguments that nobody meant. Windows paths that end in a backslash do the same.",
		Bad:      "FROM alpine:3.22\nRUN apk add --no-cache samba \\\n\nCOPY smb.conf /etc/samba/\n",
		Good:     "FROM alpine:3.22\nRUN apk add --no-cache samba\n\nCOPY smb.conf /etc/samba/\n",
		Severity: rule.Error,
		Fixable:  rule.Sometimes,
		Presets:  []string{"recommended"},
	},
	Check: checkSwallowedInstruction,
}

// beginning is how a line begins that was meant for an instruction.
var beginning = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^(ADD|ARG|CMD|COPY|ENTRYPOINT|ENV|EXPOSE|FROM|HEALTHCHECK|LABEL|MAINTAINER|ONBUILD|RUN|SHELL|STOPSIGNAL|USER|VOLUME|WORKDIR)[ \t]+[^ \t=]`)
})

func checkSwallowedInstruction(p *rule.Pass) {
	for _, in := range p.File.Instructions {
		if in.Trigger || slices.Contains([]string{"healthcheck", "onbuild", "label"}, in.Keyword) {
			continue // another instruction, or a label's name, may stand there
		}
		first, last := in.Node.StartLine, lastLine(p.File, in)
		before := first // the last line that is more than a comment
		for n := first + 1; n <= last; n++ {
			line := p.File.Line(n)
			if text := bytes.TrimSpace(line); len(text) == 0 || text[0] == '#' {
				continue
			}
			if m := beginning().FindSubmatchIndex(line); m != nil {
				start := p.File.LineStart(n)
				finding := rule.Finding{
					Span:    source.Span{Start: start, End: start + m[3]},
					Message: fmt.Sprintf("this %s is a part of the instruction above, since line %d ends in %c", line[:m[3]], before, p.File.Escape),
				}
				at, path := escapeAt(p.File, before)
				switch {
				case path:
					finding.Message += "; write / in paths, or choose another escape character"
				case at.End > 0 && stands(p.File, at):
					finding.Fix = &rule.Fix{Title: "Take the " + string(p.File.Escape) + " away", Safety: rule.Unsafe, Edits: []source.Edit{{Span: at}}}
				}
				p.Report(finding)
				break
			}
			before = n
		}
	}
}

// stands reports whether BuildKit takes the file as it does now when a part of
// it is cut out: what was swallowed is an instruction then.
func stands(f *dockerfile.File, cut source.Span) bool {
	text, _ := fix.Apply(f.Bytes, []fix.Set{{{Span: cut}}})
	without, err := dockerfile.Parse(source.NewFile(f.Name, text))
	return err == nil && len(without.Problems) <= len(f.Problems)
}

// escapeAt is the escape character that a line ends in, with the blanks around
// it. path reports that it ends a word, as it does in a path of Windows.
func escapeAt(f *dockerfile.File, n int) (at source.Span, path bool) {
	line := f.Line(n)
	text := bytes.TrimRight(line, " \t\r")
	body := bytes.TrimSuffix(text, []byte(string(f.Escape)))
	if len(body) == len(text) {
		return source.Span{}, false
	}
	start, bare := f.LineStart(n), bytes.TrimRight(body, " \t")
	return source.Span{Start: start + len(bare), End: start + len(text)}, len(bare) == len(body) && bytes.ContainsRune(body, f.Escape)
}
