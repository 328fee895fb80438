package hadolint

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"io"
)

// quote escapes text for an attribute or an element.
func quote(s string) string {
	var b bytes.Buffer
	_ = xml.EscapeText(&b, []byte(s)) // a buffer takes everything
	return b.String()
}

func checkstyle(w io.Writer, results []Result, _ Options) error {
	var b bytes.Buffer
	b.WriteString(`<?xml version="1.0" encoding="UTF-8"?><checkstyle version="4.3">`)
	for _, r := range results {
		if len(r.Findings) == 0 {
			fmt.Fprintf(&b, `<file name="%s"/>`, quote(r.File))
			continue
		}
		fmt.Fprintf(&b, `<file name="%s">`, quote(r.File))
		for _, f := range r.Findings {
			severity := f.Severity
			if severity == "style" {
				severity = "info" // checkstyle knows no other
			}
			fmt.Fprintf(&b, `<error column="%d" line="%d" message="%s" severity="%s"`, f.Col, f.Line, quote(f.Message), severity)
			if f.Code != syntax {
				fmt.Fprintf(&b, ` source="%s"`, quote(f.Code))
			}
			b.WriteString("/>")
		}
		b.WriteString("</file>")
	}
	b.WriteString("</checkstyle>")
	_, err := w.Write(b.Bytes())
	return err
}

func junit(w io.Writer, results []Result, o Options) error {
	var b bytes.Buffer
	failures, errs := 0, 0
	_ = each(results, func(_ Result, f Finding) error {
		if f.Code == syntax {
			errs++
		} else {
			failures++
		}
		return nil
	})
	const took = "0.001"
	fmt.Fprintf(&b, `<?xml version="1.0" encoding="UTF-8"?><testsuites id="%s" name="Hadolint run at %s" time="%s">`,
		o.Time.Format("20060102_150405"), o.Time.Format("2006-01-02 15:04:05"), took)
	fmt.Fprintf(&b, `<testsuite id="hadolint" name="Hadolint %s" failures="%d" errors="%d" time="%s">`, quote(o.Version), failures, errs, took)
	err := each(results, func(r Result, f Finding) error {
		if f.Code == syntax {
			fmt.Fprintf(&b, `<testcase id="hadolint.error" name="%s" time="%s"><error id="%s" type="%s" message="%s">`, f.Code, took, f.Code, f.Severity, quote(f.Message))
			fmt.Fprintf(&b, "File: %s\nLine: %d\nCategory: Hadolint - Dockerfile Static Analysis\n%s: %s</error></testcase>", quote(r.File), f.Line, f.Severity, quote(f.Message))
			return nil
		}
		fmt.Fprintf(&b, `<testcase id="hadolint.rule.%s" time="%s"><failure id="%s" type="%s" message="%s">`, quote(f.Code), took, quote(f.Code), f.Severity, quote(f.Message))
		_, err := fmt.Fprintf(&b, "File: %s\nLine: %d\nCategory: Hadolint - Dockerfile Static Analysis\n%s: %s</failure></testcase>", quote(r.File), f.Line, f.Severity, quote(f.Message))
		return err
	})
	b.WriteString("</testsuite></testsuites>")
	if err == nil {
		_, err = w.Write(b.Bytes())
	}
	return err
}
