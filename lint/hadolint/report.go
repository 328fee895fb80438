package hadolint

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/whittle-oci/whittle/lint"
	"github.com/whittle-oci/whittle/lint/rule"
)

// A Finding is a diagnostic under hadolint's code and severity. Lines and
// columns count from 1.
type Finding struct {
	Code      string // DL1000 for text that is no Dockerfile
	Severity  string // error, warning, info or style
	Message   string
	Line, Col int
	End       int // the last line
}

// A Result is the findings of one file, in the order of lines.
type Result struct {
	File     string
	Findings []Finding
}

// Options are what a report may use.
type Options struct {
	Color        bool
	PathInReport string // stands for the path of every file in some formats
	Version      string // of the program
	Time         time.Time
}

// Findings puts diagnostics under hadolint's codes, the ignored ones left out.
// Diagnostics of rules that hadolint has none like are left out too.
func (c Config) Findings(diags []lint.Diagnostic) []Finding {
	var out []Finding
	for _, d := range diags {
		code := Code(d.Rule)
		if code == "" || code != syntax && slices.Contains(c.Ignored, code) {
			continue
		}
		severity, ok := c.Severity(code, d.Severity.String())
		if code == syntax {
			severity, ok = "error", true
		}
		if !ok {
			continue
		}
		from, to := d.File.Pos(d.Span.Start), d.File.Pos(d.Span.End)
		out = append(out, Finding{code, severity, d.Message, from.Line, from.Col, max(from.Line, to.Line)})
	}
	slices.SortStableFunc(out, func(a, b Finding) int { return a.Line - b.Line })
	return out
}

// syntax is the code of text that is no Dockerfile.
const syntax = "DL1000"

// Code is what hadolint or ShellCheck call a rule, "" where they have none.
func Code(m *rule.Meta) string {
	if code(m.Name) {
		return m.Name
	}
	if i := slices.IndexFunc(m.Aliases, code); i >= 0 {
		return m.Aliases[i]
	}
	return ""
}

// Fails reports whether findings make the exit code 1.
func (c Config) Fails(results []Result) bool {
	if c.NoFail != nil && *c.NoFail {
		return false
	}
	if slices.Contains(c.Formats, "codeclimate") || slices.Contains(c.Formats, "codacy") {
		return false
	}
	least := slices.Index(severities, "info")
	switch c.Threshold {
	case "":
	case "ignore", "none":
		least = len(severities)
	default:
		least = slices.Index(severities, c.Threshold)
	}
	return slices.ContainsFunc(results, func(r Result) bool {
		return slices.ContainsFunc(r.Findings, func(f Finding) bool { return slices.Index(severities, f.Severity) <= least })
	})
}

// Write writes a report.
func Write(w io.Writer, format string, results []Result, o Options) error {
	write := map[string]func(io.Writer, []Result, Options) error{
		"tty": tty, "json": jsonList, "checkstyle": checkstyle, "codeclimate": codeclimate, "gitlab_codeclimate": gitlab,
		"gnu": gnu, "codacy": codacy, "sonarqube": sonarqube, "sarif": sarif, "junit": junit,
	}[format]
	if write == nil {
		return fmt.Errorf("there is no format %q", format)
	}
	if slices.Contains([]string{"checkstyle", "codeclimate", "gitlab_codeclimate", "sonarqube", "junit"}, format) && o.PathInReport != "" {
		results = slices.Clone(results)
		for i := range results {
			results[i].File = o.PathInReport
		}
	}
	return write(w, results, o)
}

// colours of severities, as terminal sequences.
var colours = map[string]string{"error": "\x1b[1m\x1b[91m", "warning": "\x1b[1m\x1b[93m", "info": "\x1b[92m", "style": "\x1b[96m"}

func tty(w io.Writer, results []Result, o Options) error {
	return each(results, func(r Result, f Finding) error {
		if f.Code == syntax {
			_, err := fmt.Fprintf(w, "%s:%d:%d %s\n", r.File, f.Line, f.Col, oneLine(f.Message))
			return err
		}
		severity := f.Severity
		if o.Color {
			severity = colours[severity] + severity + "\x1b[0m"
		}
		_, err := fmt.Fprintf(w, "%s:%d %s %s: %s\n", r.File, f.Line, f.Code, severity, f.Message)
		return err
	})
}

func gnu(w io.Writer, results []Result, _ Options) error {
	return each(results, func(r Result, f Finding) error {
		if f.Code == syntax {
			_, err := fmt.Fprintf(w, "hadolint:%s:%d:%d: %s\n", r.File, f.Line, f.Col, oneLine(f.Message))
			return err
		}
		_, err := fmt.Fprintf(w, "hadolint:%s:%d: %s %s: %s\n", r.File, f.Line, f.Code, f.Severity, f.Message)
		return err
	})
}

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

func each(results []Result, do func(Result, Finding) error) error {
	for _, r := range results {
		for _, f := range r.Findings {
			if err := do(r, f); err != nil {
				return err
			}
		}
	}
	return nil
}
