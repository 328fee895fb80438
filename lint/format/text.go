package format

import (
	"bufio"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/width"

	"github.com/whittle-oci/whittle/lint"
	"github.com/whittle-oci/whittle/lint/rule"
)

// colours of severities, as SGR parameters.
var colours = map[rule.Severity]string{rule.Error: "31", rule.Warning: "33", rule.Info: "36", rule.Style: "2"}

// How much of a line is shown, and how much of that before the finding where
// there is too much, in bytes.
const (
	maxSource = 200
	lead      = 40
)

// Text writes each diagnostic with its line of source, a caret, and where hints
// are wanted the fix that it carries. With Once, the first place stands for all of
// what a file does all the time, and of an image that it names again.
func Text(w io.Writer, diags []lint.Diagnostic, o Options) error {
	b := bufio.NewWriter(w)
	paint := func(code, s string) string {
		if !o.Color {
			return s
		}
		return "\x1b[" + code + "m" + s + "\x1b[0m"
	}
	count := map[repeated]int{}
	for _, d := range diags {
		if r, ok := repeats(d); ok && o.Once {
			count[r]++
		}
	}
	for _, d := range diags {
		message := oneLine(d.Message)
		if r, ok := repeats(d); ok && o.Once {
			n := count[r]
			if count[r] = 0; n == 0 {
				continue
			}
			if n > 1 {
				message += fmt.Sprintf(" (and %d more in this file)", n-1)
			}
		}
		at := placeOf(d)
		fmt.Fprintf(b, "%s:%d:%d: %s: %s %s\n", printable(d.File.Name), at.line, at.column, paint(colours[d.Severity], d.Severity.String()), message, paint("2", "["+d.Rule.Name+"]"))
		line, column := excerpt(string(d.File.Line(at.line)), at.column)
		pad, caret := pointer(line, column, d.Span.End-d.Span.Start)
		fmt.Fprintf(b, "    %s\n    %s%s\n", printable(line), pad, paint(colours[d.Severity], caret))
		if hint := hintOf(d.Fix); hint != "" && o.Hints {
			fmt.Fprintf(b, "    %s %s\n", paint("2", "hint:"), hint)
		}
	}
	return b.Flush()
}

// repeated is what one line stands for: a habit, or an image.
type repeated struct{ file, rule, message string }

// habits are rules about how a file is written, which it breaks everywhere or
// nowhere.
var habits = []string{"as-case", "legacy-key-value", "instruction-case"}

// images are rules that say the same of an image wherever it is named.
var images = []string{"base-without-digest", "image-without-digest"}

// repeats reports whether one line may stand for a finding and its like.
func repeats(d lint.Diagnostic) (repeated, bool) {
	r := repeated{file: d.File.Name, rule: d.Rule.Name}
	if slices.Contains(images, d.Rule.Name) {
		r.message = d.Message
		return r, true
	}
	return r, slices.Contains(habits, d.Rule.Name)
}

// excerpt gives what is shown of a line, and the column of a finding in it.
func excerpt(line string, column int) (string, int) {
	if len(line) <= maxSource {
		return line, column
	}
	start := max(0, min(column-1, len(line))-lead)
	for start > 0 && !utf8.RuneStart(line[start]) {
		start--
	}
	end := min(start+maxSource, len(line))
	for end < len(line) && !utf8.RuneStart(line[end]) {
		end--
	}
	const more = "…"
	shown := line[start:end]
	column -= start
	if start > 0 {
		shown, column = more+shown, column+len(more)
	}
	if end < len(line) {
		shown += more
	}
	return shown, column
}

// pointer underlines length bytes of a line from a column on, as far as they
// stand in the line. Tabs stay tabs, so that the caret stands under what it
// means.
func pointer(line string, column, length int) (pad, caret string) {
	start := min(column-1, len(line))
	end := min(start+length, len(line))
	var b strings.Builder
	for _, r := range line[:start] {
		if r == '\t' {
			b.WriteByte('\t')
			continue
		}
		b.WriteString(strings.Repeat(" ", cells(r)))
	}
	n := 0
	for _, r := range line[start:end] {
		n += cells(r)
	}
	return b.String(), "^" + strings.Repeat("~", max(0, n-1))
}

// cells is how many columns of a terminal a character takes.
func cells(r rune) int {
	switch width.LookupRune(r).Kind() {
	case width.EastAsianWide, width.EastAsianFullwidth:
		return 2
	}
	if unicode.Is(unicode.Mn, r) {
		return 0
	}
	return 1
}

// oneLine puts a message into one line.
func oneLine(message string) string {
	return printable(strings.Join(strings.Fields(message), " "))
}

// printable shows what a terminal would take for a command as a blank.
func printable(line string) string {
	return strings.Map(func(r rune) rune {
		if r != '\t' && unicode.IsControl(r) {
			return ' '
		}
		return r
	}, line)
}

// hintOf says what a fix does and how to have it done.
func hintOf(f *rule.Fix) string {
	if f == nil || f.Title == "" {
		return ""
	}
	switch f.Safety {
	case rule.Safe:
		return f.Title + " (--fix)"
	case rule.Unsafe:
		return f.Title + " (--fix --unsafe)"
	}
	return f.Title
}
