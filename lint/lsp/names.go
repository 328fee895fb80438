package lsp

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/whittle-oci/whittle/lint/dockerfile"
	"github.com/whittle-oci/whittle/lint/rule"
	"github.com/whittle-oci/whittle/lint/source"
)

// name matches a rule's name, under whatever tool's.
var name = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`[A-Za-z0-9][A-Za-z0-9_/-]*$`) })

// ignoring matches what stands before a rule's name in a comment that switches
// rules off: which tool's comment it is, and the names before.
var ignoring = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`(?i)^\s*#.*?(?:(whittle|hadolint|tally)\s+(?:(?:global|stage)\s+)?ignore\s*=|(check)\s*=(?:.*;)?\s*(?:skip|experimental)\s*=|(trivy):ignore:|(checkov):skip=|(shellcheck)\s+(?:.*\s)?disable=)((?:[A-Za-z0-9_/-]+\s*,\s*)*)\s*$`)
})

// A slot is a place for the name of a rule in a comment.
type slot struct {
	tool string      // whose comment it is, in lower case
	span source.Span // of the name that is there, as far as it is typed
	word string      // that name
	have []string    // names that stand before it
}

// slotAt finds the place for a name that a byte is in, or after.
func (t text) slotAt(off int) (slot, bool) {
	line := t.position(off).Line
	start, end := t.lines[line], len(t.bytes)
	if int(line)+1 < len(t.lines) {
		end = t.lines[line+1]
	}
	before, after := string(t.bytes[start:off]), strings.TrimRight(string(t.bytes[off:end]), "\r\n")
	word := name().FindString(before)
	m := ignoring().FindStringSubmatch(strings.TrimSuffix(before, word))
	if m == nil {
		return slot{}, false
	}
	rest := len(after) - len(strings.TrimLeftFunc(after, func(r rune) bool { return r == '-' || r == '_' || r == '/' || r < 128 && isWord(byte(r)) }))
	s := slot{
		tool: strings.ToLower(strings.Join(m[1:6], "")), span: source.Span{Start: off - len(word), End: off + rest}, word: word + after[:rest],
		have: strings.FieldsFunc(m[6], func(r rune) bool { return r == ',' || r == ' ' || r == '\t' }),
	}
	return s, true
}

func isWord(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
}

// hover shows the page of the rule whose name is under the pointer, or of the
// rules whose findings are.
func (s *server) hover(ctx context.Context, snap snapshot, at position) (any, error) {
	off := snap.text.offset(at)
	if slot, ok := snap.text.slotAt(off); ok {
		meta, known := s.cfg.Find(slot.word)
		if !known {
			return nil, nil
		}
		r := snap.text.rangeOf(slot.span)
		return hover{s.markup(s.cfg.Page(meta)), &r}, nil
	}
	found, err := s.findings(ctx, snap)
	if err != nil {
		return nil, err
	}
	var pages []string
	var span source.Span
	for _, d := range found.diags {
		if off < d.Span.Start || off > d.Span.End || off == d.Span.End && d.Span.Start < d.Span.End {
			continue
		}
		page := fmt.Sprintf("%s: %s\n\n%s", d.Severity, d.Message, s.cfg.Page(*d.Rule))
		if slices.Contains(pages, page) {
			continue
		}
		pages = append(pages, page)
		if len(pages) == 1 || d.Span.End-d.Span.Start < span.End-span.Start {
			span = d.Span
		}
	}
	if len(pages) == 0 {
		return nil, nil
	}
	r := snap.text.rangeOf(span)
	return hover{s.markup(strings.Join(pages, "\n---\n\n")), &r}, nil
}

// markup is Markdown, under the kind that the client shows.
func (s *server) markup(value string) markup {
	s.mu.Lock()
	defer s.mu.Unlock()
	if kinds := s.client.Capabilities.TextDocument.Hover.ContentFormat; len(kinds) > 0 && !slices.Contains(kinds, "markdown") {
		return markup{"plaintext", value}
	}
	return markup{"markdown", value}
}

// complete offers the names of rules in a comment that suppresses rules: those
// that are found in the instruction below first, then those that the comment's
// tool uses.
func (s *server) complete(ctx context.Context, snap snapshot, at position) (any, error) {
	out := completionList{Items: []completionItem{}}
	slot, ok := snap.text.slotAt(snap.text.offset(at))
	if !ok {
		return out, nil
	}
	found, err := s.findings(ctx, snap)
	if err != nil {
		return nil, err
	}
	below := rulesBelow(found, slot.span.Start)
	where := snap.text.rangeOf(slot.span)
	offered := slices.Clone(slot.have)
	offer := func(m *rule.Meta) {
		for i, name := range append([]string{m.Name}, m.Aliases...) {
			if slices.Contains(offered, name) {
				continue
			}
			offered = append(offered, name)
			tool, rank := "", "2"
			if i > 0 {
				tool = rule.Tool(name)
			}
			switch {
			case tool == "KICS": // nobody knows these by heart
				continue
			case !slices.Contains(tools[slot.tool], tool):
				if slot.tool == "shellcheck" { // which reads no others
					continue
				}
			case slices.Contains(below, m):
				rank = "0"
			default:
				rank = "1"
			}
			out.Items = append(out.Items, completionItem{
				Label: name, Kind: kindEnumMember, Detail: m.Summary, SortText: rank + name, TextEdit: textEdit{where, name},
			})
		}
	}
	for _, m := range below {
		offer(m)
	}
	for i := range s.cfg.Rules {
		offer(&s.cfg.Rules[i])
	}
	return out, nil
}

// tools are those whose names are at home in a comment; ours is "".
var tools = map[string][]string{
	"whittle": {""}, "hadolint": {"hadolint", "ShellCheck"}, "tally": {"hadolint", "BuildKit", "ShellCheck"},
	"check": {"BuildKit"}, "trivy": {"Trivy"}, "checkov": {"Checkov"}, "shellcheck": {"ShellCheck"},
}

// rulesBelow lists the rules that are broken in the instruction that a comment
// is about.
func rulesBelow(found *findings, comment int) []*rule.Meta {
	f, err := dockerfile.Parse(found.file)
	if err != nil {
		return nil
	}
	line := f.Pos(comment).Line
	i := slices.IndexFunc(f.Instructions, func(in dockerfile.Instruction) bool { return in.Node.EndLine >= line })
	var out []*rule.Meta
	for _, d := range found.diags {
		if in, ok := f.At(f.Pos(d.Span.Start).Line); ok && in.Index == i && !slices.Contains(out, d.Rule) {
			out = append(out, d.Rule)
		}
	}
	return out
}
