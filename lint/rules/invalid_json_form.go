package rules

import (
	"encoding/json"
	"regexp"
	"strconv"
	"strings"
	"sync"

	"github.com/whittle-oci/whittle/lint/dockerfile"
	"github.com/whittle-oci/whittle/lint/rule"
	"github.com/whittle-oci/whittle/lint/rules/internal/walk"
	"github.com/whittle-oci/whittle/lint/source"
)

var invalidJSONForm = rule.Rule{
	Meta: rule.Meta{
		Name:     "invalid-json-form",
		Family:   rule.Hygiene,
		Summary:  "a list in brackets is valid JSON",
		Why:      "What is not JSON is read as a shell command or as file names: with single quotes, a comma too many or none, the brackets and quotes become a part of the words. The build succeeds, and the container does not start.",
		Bad:      "FROM debian:12\nCMD ['nginx', '-g']\n",
		Good:     "FROM debian:12\nCMD [\"nginx\", \"-g\"]\n",
		Severity: rule.Error,
		Fixable:  rule.Sometimes,
		Presets:  []string{"recommended"},
	},
	Check: checkInvalidJSONForm,
}

func checkInvalidJSONForm(p *rule.Pass) {
	for _, in := range p.File.Instructions {
		switch in.Keyword {
		case "cmd", "entrypoint", "run", "healthcheck", "volume", "copy", "add":
		default:
			continue
		}
		rest := in.Rest()
		text := strings.TrimSpace(rest.Text)
		if in.Command == nil || in.Node.Attributes["json"] || !looksLikeList(text, in.Keyword != "run") {
			continue
		}
		span := rest.Span(0, len(text))
		finding := rule.Finding{Span: span, Message: "the list is not JSON, so it is read as plain words" + why(text), About: list(in)}
		if end := followed(text); end > 0 {
			behind := strings.TrimSpace(text[end:])
			finding.Message = "text follows the list, so it is no JSON and all of it is read as plain words"
			if strings.HasPrefix(behind, "#") {
				finding.Message += "; # begins no comment here"
				if in.Keyword != "run" && singleLine(p.File, span) {
					above := in.Span().Start
					finding.Fix = &rule.Fix{Title: "Put the comment above", Safety: rule.Unsafe, Edits: []source.Edit{
						{Span: source.Span{Start: above, End: above}, New: behind + walk.EOL(p.File, above)},
						{Span: source.Span{Start: rest.Span(end-1, end).End, End: span.End}},
					}}
				}
			}
			p.Report(finding)
			continue
		}
		if fixed, ok := repaired(text); ok && singleLine(p.File, span) {
			finding.Message += "; did you mean " + fixed + "?"
			finding.Fix = &rule.Fix{Title: "Write it as JSON", Safety: rule.Unsafe, Edits: []source.Edit{{Span: span, New: fixed}}}
		}
		p.Report(finding)
	}
}

// list tells the list of one instruction from others.
func list(in dockerfile.Instruction) string { return "list " + strconv.Itoa(in.Index) }

// followed is where a list of JSON strings ends that other text follows, 0 where
// there is none.
func followed(text string) int {
	if !strings.HasPrefix(text, "[") {
		return 0
	}
	d := json.NewDecoder(strings.NewReader(text))
	var items []string
	if d.Decode(&items) != nil || len(items) == 0 {
		return 0
	}
	if end := int(d.InputOffset()); strings.TrimSpace(text[end:]) != "" {
		return end
	}
	return 0
}

// why says what keeps a list from being JSON, where that is plain to see.
func why(text string) string {
	switch {
	case strings.Contains(text, "'") && !strings.Contains(text, `"`):
		return ": JSON has double quotes only"
	case invalidEscape().MatchString(text):
		return `: JSON takes \ for an escape; write \\`
	}
	return ""
}

// invalidEscape is a backslash that JSON knows no meaning of.
var invalidEscape = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`\\[^"\\/bfnrtu]`) })

// looksLikeList reports whether somebody meant a JSON list: brackets around
// something quoted or, where they are no command, around a comma. A list of JSON
// strings is one whatever follows it, unless it may be a test of the shell.
func looksLikeList(text string, sure bool) bool {
	if end := followed(text); end > 0 && (sure || strings.HasPrefix(strings.TrimSpace(text[end:]), "#")) {
		return true
	}
	if !strings.HasPrefix(text, "[") || !strings.HasSuffix(text, "]") || len(text) < 4 {
		return false
	}
	inside := strings.TrimSpace(text[1 : len(text)-1])
	if sure && strings.ContainsAny(inside, `"',`) {
		return true
	}
	return inside != "" && (strings.HasPrefix(inside, `"`) && strings.HasSuffix(strings.TrimRight(inside, ", "), `"`) ||
		strings.HasPrefix(inside, "'") && strings.HasSuffix(strings.TrimRight(inside, ", "), "'"))
}

var quotedItem = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^\s*(?:"([^"\\]*)"|'([^'\\]*)')\s*(,|$)?`) })

// repaired writes the list as JSON, when its items can be told apart.
func repaired(text string) (string, bool) {
	inside := strings.TrimRight(strings.TrimSpace(text[1:len(text)-1]), ", ")
	var items []string
	for inside != "" {
		m := quotedItem().FindStringSubmatchIndex(inside)
		if m == nil {
			return "", false
		}
		item := ""
		if m[2] >= 0 {
			item = inside[m[2]:m[3]]
		} else {
			item = inside[m[4]:m[5]]
		}
		items = append(items, quoteJSON(item))
		inside = inside[m[1]:]
	}
	out := "[" + strings.Join(items, ", ") + "]"
	return out, json.Valid([]byte(out))
}

// singleLine reports whether a place of the file is on one line.
func singleLine(f *dockerfile.File, s source.Span) bool {
	return !strings.Contains(string(f.Bytes[s.Start:s.End]), "\n")
}
