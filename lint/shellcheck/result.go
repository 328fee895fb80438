package shellcheck

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/whittle-oci/whittle/lint"
	"github.com/whittle-oci/whittle/lint/rule"
	"github.com/whittle-oci/whittle/lint/source"
)

// levels are ShellCheck's severities.
var levels = map[string]rule.Severity{"error": rule.Error, "warning": rule.Warning, "info": rule.Info, "style": rule.Style}

// repeatedSpaces is the one check that looks at the blanks between words, which
// a continuation joins.
const repeatedSpaces = 2291

// splitting is the check for what a command prints, unquoted. It is right where
// that may be several words.
const splitting = 2046

// wordCommands print one word without blanks, whatever the system (their manual
// pages in coreutils, util-linux, dpkg, glibc and lsb-release).
var wordCommands = []string{
	"nproc", "nproc --all", "uname -m", "uname -s", "uname -r", "uname -p", "arch", "id -u", "id -g", "id -un", "id -gn", "whoami", "hostname",
	"dpkg --print-architecture", "getconf _NPROCESSORS_ONLN", "getconf LONG_BIT", "lsb_release -cs", "lsb_release -sc", "lsb_release -rs", "lsb_release -sr",
	"date +%s", "date +%Y", "date +%F", "date +%Y%m%d", "rpm -E %fedora", "rpm -E %rhel", "rpm --eval %fedora", "rpm --eval %rhel", "rpm -E %{rhel}", "rpm -E %{fedora}",
	"apk --print-arch",
}

// oneWord reports whether text is the substitution of a command that prints one
// word: $(nproc), `uname -m`.
func oneWord(text string) bool {
	inner, ok := strings.CutPrefix(text, "$(")
	if ok {
		inner, ok = strings.CutSuffix(inner, ")")
	} else if inner, ok = strings.CutPrefix(text, "`"); ok {
		inner, ok = strings.CutSuffix(inner, "`")
	}
	inner = strings.NewReplacer(`"`, "", "'", "").Replace(inner)
	return ok && slices.Contains(wordCommands, strings.Join(strings.Fields(inner), " "))
}

// diagnostics turns what was said of a script into findings in the file.
func (s script) diagnostics(comments []comment) []lint.Diagnostic {
	if len(comments) == 0 {
		return nil
	}
	at := newPlaces(s)
	off := s.disabled()
	var out []lint.Diagnostic
	for _, c := range comments {
		severity, known := levels[c.Level]
		start, inside := at.offset(c.Line, c.Column)
		end, _ := at.offset(c.EndLine, c.EndColumn)
		if !known || !inside {
			continue
		}
		end = max(start, end)
		if s.dialect.takes != nil && s.dialect.takes(c.Code, c.Message, s.text.Text[start:end]) {
			continue
		}
		if c.Code == splitting && oneWord(s.text.Text[start:end]) {
			continue
		}
		span := s.text.Span(start, end)
		if c.Code == repeatedSpaces && span.End-span.Start != end-start {
			continue // the indentation of a continued line
		}
		if slices.ContainsFunc(off, func(o disabled) bool { return o.about(span, c.Code) }) {
			continue
		}
		out = append(out, lint.Diagnostic{
			Rule: metaOf(c.Code, severity), Severity: severity, File: s.file.File,
			Finding: rule.Finding{Span: span, Message: strings.TrimSuffix(c.Message, "."), Fix: s.fix(at, c)},
		})
	}
	return out
}

// fix makes a fix of ours from ShellCheck's. It changes what RUN runs, so it is
// never safe. There is none where an edit would take a continuation with it.
func (s script) fix(at places, c comment) *rule.Fix {
	if c.Replacement == nil || len(c.Replacement.List) == 0 {
		return nil
	}
	fix := &rule.Fix{Title: fmt.Sprintf("Apply ShellCheck's fix of SC%d", c.Code), Safety: rule.Unsafe}
	for _, r := range c.Replacement.List {
		start, ok := at.offset(r.Line, r.Column)
		end, _ := at.offset(r.EndLine, r.EndColumn)
		if !ok || end < start || strings.ContainsAny(r.Text, "\r\n") {
			return nil
		}
		span := s.text.Span(start, end)
		if start == end && r.Insertion == "beforeStart" && start > 0 {
			// The text before it may end on an earlier line of the file.
			last := s.text.Span(start-1, start).End
			span = source.Span{Start: last, End: last}
		}
		if span.End-span.Start != end-start {
			return nil
		}
		fix.Edits = append(fix.Edits, source.Edit{Span: span, New: r.Text})
	}
	slices.SortStableFunc(fix.Edits, func(a, b source.Edit) int { return a.Span.Start - b.Span.Start })
	for i, e := range fix.Edits {
		if i > 0 && (e.Span.Start < fix.Edits[i-1].Span.End || e.Span.Start == fix.Edits[i-1].Span.Start) {
			return nil // their order would be a guess
		}
	}
	return fix
}

// places turns lines and columns of the given text into offsets in the script.
type places struct {
	given      string
	lines      []int // offset of every line
	head, kept int
	length     int // of the script
}

func newPlaces(s script) places {
	p := places{given: s.given, lines: []int{0}, head: s.head, kept: s.kept, length: len(s.text.Text)}
	for i := range len(s.given) {
		if s.given[i] == '\n' {
			p.lines = append(p.lines, i+1)
		}
	}
	return p
}

// offset takes a line and a column that count from 1, columns in characters.
// It is false for the lines that are not of the script.
func (p places) offset(line, col int) (int, bool) {
	if line < 1 || col < 1 {
		return 0, false
	}
	at := len(p.given)
	if line <= len(p.lines) {
		at = p.lines[line-1]
	}
	inside := at >= p.head
	for ; col > 1 && at < len(p.given) && p.given[at] != '\n'; col-- {
		_, n := utf8.DecodeRuneInString(p.given[at:])
		at += n
	}
	return min(max(at-p.head+p.kept, 0), p.length), inside
}
