package suppress

import (
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"sync"

	"github.com/whittle-oci/whittle/lint/source"
)

// form compiles an expression when it is first needed.
func form(expr string) func() *regexp.Regexp {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(expr) })
}

var (
	directiveForm = form(`^\s*([A-Za-z][A-Za-z0-9]*)\s*=\s*(.+?)\s*$`)
	ignoreForm    = form(`(?i)^\s*(whittle|hadolint|tally)\s+(?:(global|stage)\s+)?ignore\s*=\s*`)
	trivyForm     = form(`(?i)(?:^|[\s#])trivy:ignore:([A-Za-z0-9_*-]+)((?::[^\s#]+)*)`)
	checkovForm   = form(`(?i)^\s*checkov:skip=([A-Za-z0-9_-]+)\s*(?::\s*(.*))?$`)
	kicsForm      = form(`(?i)^\s*kics-scan\s+(ignore-line|ignore-block|ignore|disable)\s*(?:=\s*(\S+))?\s*$`)
	code          = form(`^[A-Z][A-Z0-9_]*-?[0-9]+$`)
)

// comments reads one comment in any form. start is the offset of text, which
// follows the #.
func (r reader) comments(n, start int, text string) []Comment {
	if !strings.ContainsAny(text, "=:-") { // every form has one of these
		return nil
	}
	c := Comment{Span: source.Span{Start: start - 1, End: start + len(text)}}
	if m := ignoreForm().FindStringSubmatchIndex(text); m != nil {
		c.Tool = strings.ToLower(text[m[2]:m[3]])
		if m[4] >= 0 {
			c.Scope = map[string]Scope{"global": File, "stage": Stage}[strings.ToLower(text[m[4]:m[5]])]
		}
		c.Names, c.Reason = list(text, m[1], start)
		return r.placed(n, c)
	}
	if all := trivyForm().FindAllStringSubmatchIndex(text, -1); all != nil {
		c.Tool = "trivy"
		var out []Comment
		for _, m := range all {
			c.Names = []Name{{TrivyID(text[m[2]:m[3]]), source.Span{Start: start + m[2], End: start + m[3]}}}
			c.Until = expiry(text[m[4]:m[5]])
			out = append(out, r.placed(n, c)...)
		}
		return out
	}
	if m := checkovForm().FindStringSubmatchIndex(text); m != nil {
		c.Tool, c.Scope = "checkov", File
		c.Names = []Name{{text[m[2]:m[3]], source.Span{Start: start + m[2], End: start + m[3]}}}
		if m[4] >= 0 {
			c.Reason = strings.TrimSpace(text[m[4]:m[5]])
		}
		return r.placed(n, c)
	}
	if m := kicsForm().FindStringSubmatchIndex(text); m != nil {
		return r.placed(n, kics(c, text, start, m))
	}
	if m := directiveForm().FindStringSubmatchIndex(text); m != nil && strings.EqualFold(text[m[2]:m[3]], "check") {
		// BuildKit takes what follows a blank for a remark.
		value, remark, _ := strings.Cut(text[m[4]:m[5]], " ")
		c.Tool, c.Reason = "check", strings.TrimLeft(remark, " \t#-")
		c.Names, _ = check(value, start+m[4])
		return r.placed(n, c)
	}
	return nil
}

func kics(c Comment, text string, start int, m []int) Comment {
	c.Tool = "kics"
	all := []Name{{"all", source.Span{Start: start + m[2], End: start + m[3]}}}
	switch strings.ToLower(text[m[2]:m[3]]) {
	case "ignore":
		c.Names, c.Scope = all, File
	case "disable":
		c.Scope = File
		if m[4] >= 0 {
			c.Names, _ = list(text, m[4], start)
		}
	default:
		c.Names = all
	}
	return c
}

// placed gives a comment its lines. One that names no rule is none.
func (r reader) placed(n int, c Comment) []Comment {
	if len(c.Names) == 0 {
		return nil
	}
	c.First, c.Last = r.about(n, c.Scope)
	return []Comment{c}
}

// directive reads a parser directive: the first comments of a file, each NAME=
// VALUE. Of those, check is about the whole file.
func (r reader) directive(n, start int, text string, head bool) (out []Comment, fail, ok bool) {
	if !head {
		return nil, false, false
	}
	m := directiveForm().FindStringSubmatchIndex(text)
	if m == nil {
		return nil, false, false
	}
	switch strings.ToLower(text[m[2]:m[3]]) {
	case "syntax", "escape":
		return nil, false, true
	case "check":
		value, remark, _ := strings.Cut(text[m[4]:m[5]], " ")
		c := Comment{Span: source.Span{Start: start - 1, End: start + len(text)}, Tool: "check", Scope: File, Reason: strings.TrimLeft(remark, " \t#-")}
		c.Names, fail = check(value, start+m[4])
		return r.placed(n, c), fail, true
	}
	return nil, false, false
}

// Directive is the comment that the value of a check directive stands for, when
// it comes from elsewhere than the file. fail is its error=true.
func Directive(value string) (c Comment, fail bool) {
	names, fail := check(value, 0)
	for i := range names {
		names[i].Span = source.Span{}
	}
	return Comment{Tool: "check", Scope: File, Names: names, First: 1, Last: math.MaxInt}, fail
}

// check reads BuildKit's options: skip=A,B;error=true;experimental=C. start is
// the offset of value.
func check(value string, start int) (skip []Name, fail bool) {
	at := start
	for part := range strings.SplitSeq(value, ";") {
		k, v, _ := strings.Cut(part, "=")
		switch strings.TrimSpace(k) {
		case "skip":
			skip, _ = list(part, len(k)+1, at)
		case "error":
			fail, _ = strconv.ParseBool(strings.TrimSpace(v))
		}
		at += len(part) + 1
	}
	return skip, fail
}

// list reads rules with commas between them from text[at:], and the reason that
// follows the last. start is the offset of text.
func list(text string, at, start int) (names []Name, reason string) {
	for {
		for at < len(text) && (text[at] == ' ' || text[at] == '\t') {
			at++
		}
		end := at
		for end < len(text) && nameByte(text[end]) {
			end++
		}
		if end == at || len(names) > 0 && text[at] == '-' {
			break
		}
		name := text[at:end]
		names = append(names, Name{bare(name), source.Span{Start: start + at, End: start + end}})
		at = end
		for at < len(text) && (text[at] == ' ' || text[at] == '\t') {
			at++
		}
		if at < len(text) && text[at] == ',' {
			at++
			continue
		}
		// Some leave the commas out between codes.
		word, _, _ := strings.Cut(text[at:], " ")
		if !code().MatchString(word) {
			break
		}
	}
	rest := strings.TrimSpace(text[min(at, len(text)):])
	rest = strings.TrimPrefix(rest, ";reason=")
	return names, strings.TrimSpace(strings.TrimLeft(rest, "#-;:( \t"))
}

func nameByte(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_' || c == '-' || c == '/'
}

// bare takes the tool from a name such as hadolint/DL3008, which tally writes.
// BuildKit's own names have it.
func bare(name string) string {
	for _, tool := range []string{"hadolint/", "shellcheck/", "tally/"} {
		name = strings.TrimPrefix(name, tool)
	}
	return name
}

// TrivyID writes a rule of trivy's as it does today: DS-0002, for
// DS002, AVD-DS-0002 and avd-ds-0002.
func TrivyID(id string) string {
	id = strings.TrimPrefix(strings.ToUpper(id), "AVD-")
	if id == "*" {
		return "all"
	}
	if digits, ok := strings.CutPrefix(id, "DS"); ok {
		if n, err := strconv.Atoi(strings.TrimPrefix(digits, "-")); err == nil {
			return fmt.Sprintf("DS-%04d", n)
		}
	}
	return id
}

// expiry finds :exp:2006-01-02 among trivy's parameters.
func expiry(params string) string {
	_, day, ok := strings.Cut(params, ":exp:")
	if !ok || len(day) < len("2006-01-02") {
		return ""
	}
	return day[:len("2006-01-02")]
}
