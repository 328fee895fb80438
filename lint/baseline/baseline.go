package baseline

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"

	"github.com/whittle-oci/whittle/lint"
)

// A Baseline is the findings of an earlier run. It may be asked from several
// goroutines at once.
type Baseline struct {
	known map[string]record // by fingerprint

	mu    sync.Mutex
	again map[string]bool // those that New has met
}

// version is that of the file's format.
const version = 1

// file is a baseline as it is kept: a list in order, one finding to a line, so
// that changes to it can be reviewed and merged.
type file struct {
	Version  int      `json:"version"`
	Findings []record `json:"findings"`
}

type record struct {
	File        string `json:"file"`
	Rule        string `json:"rule"`
	Fingerprint string `json:"fingerprint"`
}

// Read reads a baseline that Write wrote.
func Read(data []byte) (*Baseline, error) {
	var f file
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&f); err != nil {
		return nil, fmt.Errorf("this is no baseline: %w", err)
	}
	if f.Version != version {
		return nil, fmt.Errorf("the baseline has version %d, and this program reads %d", f.Version, version)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("this is no baseline: there is more behind its end")
	}
	b := &Baseline{known: map[string]record{}, again: map[string]bool{}}
	for _, r := range f.Findings {
		b.known[r.Fingerprint] = r
	}
	return b, nil
}

// New gives the findings that are not in the baseline. They are those of whole
// files: path writes the names of their files as Write was told to.
func (b *Baseline) New(diags []lint.Diagnostic, path func(string) string) []lint.Diagnostic {
	var out []lint.Diagnostic
	b.mu.Lock()
	defer b.mu.Unlock()
	for i, print := range Fingerprints(diags, path) {
		if _, ok := b.known[print]; !ok {
			out = append(out, diags[i])
			continue
		}
		b.again[print] = true
	}
	return out
}

// Gone counts the findings that New has not met, among those that should be
// there still, as of tells by file and rule.
func (b *Baseline) Gone(of func(file, rule string) bool) (n int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for print, r := range b.known {
		if !b.again[print] && of(r.File, r.Rule) {
			n++
		}
	}
	return n
}

// Write writes a baseline of findings. path gives the names of their files, with
// slashes, as they are from where the baseline is kept.
func Write(w io.Writer, diags []lint.Diagnostic, path func(string) string) error {
	var records []record
	for i, print := range Fingerprints(diags, path) {
		records = append(records, record{path(diags[i].File.Name), diags[i].Rule.Name, print})
	}
	slices.SortFunc(records, func(a, b record) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Rule, b.Rule), cmp.Compare(a.Fingerprint, b.Fingerprint))
	})
	var b bytes.Buffer
	fmt.Fprintf(&b, "{\n  \"version\": %d,\n  \"findings\": [", version)
	for i, r := range records {
		line, err := json.Marshal(r)
		if err != nil {
			return err
		}
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString("\n    ")
		b.Write(line)
	}
	if len(records) > 0 {
		b.WriteString("\n  ")
	}
	b.WriteString("]\n}\n")
	_, err := w.Write(b.Bytes())
	return err
}
