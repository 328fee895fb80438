package report

import "fmt"

// A Budget bounds what an image may hold. A number that is 0 bounds nothing.
type Budget struct {
	Bytes    int64 // of regular files
	Files    int
	Packages int
	NoShell  bool
}

// IsZero reports whether nothing is bounded.
func (b Budget) IsZero() bool { return b == Budget{} }

// Exceeded says in what an image is over its budget, by the settings that bound
// it; nothing where it is not.
func (b Budget) Exceeded(s Side) []string {
	var out []string
	if b.Bytes > 0 && s.Bytes > b.Bytes {
		out = append(out, fmt.Sprintf("the image holds %d bytes of files, more than max-size allows (%d)", s.Bytes, b.Bytes))
	}
	if b.Files > 0 && s.Files > b.Files {
		out = append(out, fmt.Sprintf("the image holds %d files, more than max-files allows (%d)", s.Files, b.Files))
	}
	if b.Packages > 0 && s.Packages > b.Packages {
		out = append(out, fmt.Sprintf("the image holds files of %d packages, more than max-packages allows (%d)", s.Packages, b.Packages))
	}
	if b.NoShell && s.Shell != "" {
		out = append(out, fmt.Sprintf("the image has the shell %s, and no-shell allows none", s.Shell))
	}
	return out
}
