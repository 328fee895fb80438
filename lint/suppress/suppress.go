// Package suppress reads the comments that switch findings off, in the form of
// every tool whose comments a Dockerfile may hold already.
//
//	# whittle ignore=RULE[,RULE]          the next instruction
//	# whittle global ignore=RULE          the whole file
//	# hadolint ignore=… and # hadolint global ignore=…
//	# check=skip=RULE[,RULE];error=true   the whole file, at its head
//	# trivy:ignore:RULE                   the next instruction
//	# checkov:skip=RULE:reason            the whole file
package suppress

import (
	"regexp"
	"strings"
	"sync"

	"github.com/whittle-oci/whittle/lint/source"
)

// A Comment switches rules off.
type Comment struct {
	Span   source.Span
	Rules  []string // names or aliases; "all" is every rule
	Global bool
	// Line is the line of the instruction that it is about, when not Global.
	Line int
}

// A Set is the comments of one file.
type Set struct {
	Comments []Comment
	// Fail is check=error=true: any finding fails the run.
	Fail bool
}

var forms = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`(?i)^#\s*(?:(whittle|hadolint)\s+(global\s+)?ignore\s*=\s*([A-Za-z0-9_,\s-]+?)(?:\s*(?:--|#).*)?|trivy:ignore:([A-Za-z0-9_-]+)|checkov:skip=([A-Za-z0-9_-]+).*|check\s*=\s*(.+))\s*$`)
})

// Read finds the comments of a file. It looks at lines only, so that it works
// on files that do not parse.
func Read(f *source.File) Set {
	var s Set
	head := true
	for n := 1; n <= f.Lines(); n++ {
		text := strings.TrimSpace(string(f.Line(n)))
		if text == "" {
			continue
		}
		if !strings.HasPrefix(text, "#") {
			head = false
			continue
		}
		m := forms().FindStringSubmatch(text)
		if m == nil {
			continue
		}
		start := f.LineStart(n)
		c := Comment{Span: source.Span{Start: start, End: start + len(f.Line(n))}, Line: target(f, n)}
		switch {
		case m[1] != "":
			c.Rules, c.Global = split(m[3]), m[2] != ""
		case m[4] != "":
			c.Rules = []string{trivy(m[4])}
		case m[5] != "":
			c.Rules, c.Global = []string{m[5]}, true
		case m[6] != "" && head:
			c.Rules, s.Fail = check(m[6])
			c.Global = true
		}
		if len(c.Rules) > 0 {
			s.Comments = append(s.Comments, c)
		}
	}
	return s
}

func split(list string) []string {
	return strings.FieldsFunc(list, func(r rune) bool { return r == ',' || r == ' ' || r == '\t' })
}

// trivy writes its rules with and without a prefix, and with and without a
// dash.
func trivy(id string) string {
	id = strings.TrimPrefix(strings.ToUpper(id), "AVD-")
	if len(id) > 2 && strings.HasPrefix(id, "DS") && id[2] != '-' {
		id = "DS-" + id[2:]
	}
	return id
}

// check reads BuildKit's directive: skip=A,B;error=true;experimental=C.
func check(value string) (skip []string, fail bool) {
	for part := range strings.SplitSeq(value, ";") {
		k, v, _ := strings.Cut(strings.TrimSpace(part), "=")
		switch strings.ToLower(strings.TrimSpace(k)) {
		case "skip":
			skip = split(v)
		case "error":
			fail = strings.EqualFold(strings.TrimSpace(v), "true")
		}
	}
	return skip, fail
}

// target is the line of the next instruction after a comment.
func target(f *source.File, n int) int {
	for n++; n <= f.Lines(); n++ {
		text := strings.TrimSpace(string(f.Line(n)))
		if text != "" && !strings.HasPrefix(text, "#") {
			return n
		}
	}
	return 0
}

// Off reports whether a finding of a rule, known by is, in the instruction that
// begins at line is switched off.
func (s Set) Off(line int, is func(name string) bool) bool {
	for _, c := range s.Comments {
		if !c.Global && c.Line != line {
			continue
		}
		for _, r := range c.Rules {
			if strings.EqualFold(r, "all") || is(r) {
				return true
			}
		}
	}
	return false
}
