package hadolint

import (
	"bytes"
	"crypto/sha1" // the fingerprint that hadolint writes
	"encoding/hex"
	"encoding/json"
	"io"
)

// encode writes JSON without spaces, a newline at the end or escapes for HTML.
func encode(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	err := enc.Encode(v)
	return bytes.TrimRight(b.Bytes(), "\n"), err
}

func write(w io.Writer, v any) error {
	b, err := encode(v)
	if err == nil {
		_, err = w.Write(b)
	}
	return err
}

func jsonList(w io.Writer, results []Result, _ Options) error {
	type record struct {
		Code    string `json:"code"`
		Column  int    `json:"column"`
		File    string `json:"file"`
		Level   string `json:"level"`
		Line    int    `json:"line"`
		Message string `json:"message"`
	}
	out := []record{}
	_ = each(results, func(r Result, f Finding) error {
		out = append(out, record{f.Code, f.Col, r.File, f.Severity, f.Line, f.Message})
		return nil
	})
	return write(w, out)
}

// issue is one object of Code Climate's format.
type issue struct {
	Categories  []string      `json:"categories"`
	CheckName   string        `json:"check_name"`
	Description string        `json:"description"`
	Fingerprint string        `json:"fingerprint,omitempty"`
	Location    issueLocation `json:"location"`
	Severity    string        `json:"severity"`
	Type        string        `json:"type"`
}

type issueLocation struct {
	Lines     *lines     `json:"lines,omitempty"`
	Path      string     `json:"path"`
	Positions *positions `json:"positions,omitempty"`
}

type lines struct {
	Begin int `json:"begin"`
	End   int `json:"end"`
}

type positions struct {
	Begin position `json:"begin"`
	End   position `json:"end"`
}

type position struct {
	Column int `json:"column"`
	Line   int `json:"line"`
}

func issueOf(r Result, f Finding) issue {
	i := issue{
		Categories: []string{"Bug Risk"}, CheckName: f.Code, Description: f.Message, Type: "issue",
		Severity: map[string]string{"error": "blocker", "warning": "major", "info": "info", "style": "minor"}[f.Severity],
	}
	i.Location = issueLocation{Path: r.File, Lines: &lines{f.Line, f.Line}}
	if f.Code == syntax {
		at := position{f.Col, f.Line}
		i.Location = issueLocation{Path: r.File, Positions: &positions{at, at}}
	}
	return i
}

// codeclimate writes one object after the other, each with a NUL behind it.
func codeclimate(w io.Writer, results []Result, _ Options) error {
	return each(results, func(r Result, f Finding) error {
		b, err := encode(issueOf(r, f))
		if err == nil {
			_, err = w.Write(append(b, 0))
		}
		return err
	})
}

// gitlab writes a list of the same objects with fingerprints.
func gitlab(w io.Writer, results []Result, _ Options) error {
	out := []issue{}
	err := each(results, func(r Result, f Finding) error {
		i := issueOf(r, f)
		b, err := encode(i)
		sum := sha1.Sum(b)
		i.Fingerprint = hex.EncodeToString(sum[:])
		out = append(out, i)
		return err
	})
	if err != nil {
		return err
	}
	return write(w, out)
}

// codacy writes objects back to back.
func codacy(w io.Writer, results []Result, _ Options) error {
	return each(results, func(r Result, f Finding) error {
		return write(w, struct {
			Filename string `json:"filename"`
			Line     int    `json:"line"`
			Message  string `json:"message"`
			Pattern  string `json:"patternId"`
		}{r.File, f.Line, f.Message, f.Code})
	})
}

func sonarqube(w io.Writer, results []Result, _ Options) error {
	type textRange struct {
		EndColumn   int `json:"endColumn"`
		EndLine     int `json:"endLine"`
		StartColumn int `json:"startColumn"`
		StartLine   int `json:"startLine"`
	}
	type primary struct {
		Path    string    `json:"filePath"`
		Message string    `json:"message"`
		Range   textRange `json:"textRange"`
	}
	type record struct {
		Engine   string  `json:"engineId"`
		Primary  primary `json:"primaryLocation"`
		Rule     string  `json:"ruleId"`
		Severity string  `json:"severity"`
		Type     string  `json:"type"`
	}
	out := []record{}
	_ = each(results, func(r Result, f Finding) error {
		kind, severity := "CODE_SMELL", map[string]string{"error": "CRITICAL", "warning": "MAJOR", "info": "MINOR", "style": "INFO"}[f.Severity]
		if f.Severity == "error" {
			kind = "BUG"
		}
		if f.Code == syntax {
			severity = "BLOCKER"
		}
		out = append(out, record{"Hadolint", primary{r.File, f.Message, textRange{f.Col, f.Line, f.Col - 1, f.Line}}, f.Code, severity, kind})
		return nil
	})
	return write(w, struct {
		Issues []record `json:"issues"`
	}{out})
}
