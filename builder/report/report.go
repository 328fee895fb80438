// Package report says what became of a build: before and after, what changed,
// what was left out, and why every file is there.
package report

import (
	"encoding/json"
	"fmt"
	"path"
	"sort"
	"strings"

	"github.com/whittle-oci/whittle/builder/plan"
)

// Version is the version of the JSON that Report marshals to. It grows when a
// field changes its meaning or goes away.
const Version = 1

// ContentsPredicate is the predicate type of the attestation that carries a
// report (in-toto attestation framework, github.com/in-toto/attestation).
const ContentsPredicate = "https://whittle-oci.github.io/contents/v1"

// A Report is the result of making one platform's image minimal.
type Report struct {
	Version  int    `json:"version"`
	Platform string `json:"platform"`
	Before   Side   `json:"before"`
	After    Side   `json:"after"`
	// Droppable is the part of After that is there only because the
	// Dockerfile put it there.
	Droppable Amount         `json:"droppable"`
	Programs  []string       `json:"programs"`
	Static    *Static        `json:"static,omitempty"`
	Changes   []plan.Change  `json:"changes,omitempty"`
	Left      []plan.Left    `json:"left,omitempty"`
	Warnings  []plan.Warning `json:"warnings,omitempty"`
	Files     []File         `json:"files,omitempty"`
	// Truncated says that Files was left out because the report would have
	// been too large to travel.
	Truncated bool `json:"truncated,omitempty"`
}

// A Side is one of the two images that a report compares.
type Side struct {
	Bytes    int64  `json:"bytes"` // content of regular files
	Files    int    `json:"files"`
	Packages int    `json:"packages"`
	User     string `json:"user"`
	Shell    string `json:"shell,omitempty"`
}

// An Amount is how much of an image something is.
type Amount struct {
	Bytes int64 `json:"bytes"` // content of regular files
	Files int   `json:"files"`
}

// Static says how Go programs were compiled.
type Static struct {
	Made bool     `json:"made"` // the build was made static
	Why  string   `json:"why"`
	Set  []string `json:"set,omitempty"` // variables that were set for it
	Cgo  []string `json:"cgo,omitempty"` // packages that use cgo
	Line int      `json:"line,omitempty"`
}

// A File is one file of the image and why it is there.
type File struct {
	Path      string `json:"path"`
	Bytes     int64  `json:"bytes"`
	Mode      string `json:"mode"`
	Reason    string `json:"reason"`
	Package   string `json:"package,omitempty"`
	Droppable bool   `json:"droppable,omitempty"`
}

// New makes the part of a report that a plan tells.
func New(platform string, p *plan.Plan) *Report {
	r := &Report{Version: Version, Platform: platform, Programs: p.Programs, Changes: p.Changes, Left: p.Left, Warnings: p.Warnings}
	r.After.Bytes, r.After.Files = p.Size()
	r.After.Packages = len(p.Packages)
	r.After.Shell = p.Shell
	r.After.User = UserText(p.Config.User)
	for _, e := range p.Entries {
		if e.Droppable && e.Type == plan.File {
			r.Droppable.Bytes += e.Size
			r.Droppable.Files++
		}
		if e.Type != plan.Dir {
			r.Files = append(r.Files, File{e.Path, e.Size, e.ModeText, e.Reason, e.Package, e.Droppable})
		}
	}
	return r
}

// UserText gives the user of an image, "root" where it names none.
func UserText(user string) string {
	if user == "" {
		return "root"
	}
	return user
}

// Marshal gives the report as JSON of at most limit bytes, without its files
// when they would not fit.
func (r *Report) Marshal(limit int) ([]byte, error) {
	dt, err := json.Marshal(r)
	if err != nil || len(dt) <= limit {
		return dt, err
	}
	short := *r
	short.Files, short.Truncated = nil, true
	if dt, err = json.Marshal(short); err == nil && len(dt) > limit {
		short.Left = nil
		dt, err = json.Marshal(short)
	}
	return dt, err
}

// Parse reads the predicate of a contents attestation.
func Parse(predicate []byte) (*Report, error) {
	var r Report
	if err := json.Unmarshal(predicate, &r); err != nil {
		return nil, fmt.Errorf("reading the contents attestation: %w", err)
	}
	if r.Version > Version {
		return nil, fmt.Errorf("the contents attestation has version %d, this whittle reads %d; use a newer one", r.Version, Version)
	}
	return &r, nil
}

// Directories sums the bytes of files by directory, largest first, down to
// depth levels.
func (r *Report) Directories(depth int) []File {
	sums := map[string]int64{}
	for _, f := range r.Files {
		dir := path.Dir(f.Path)
		if parts := strings.Split(dir, "/"); len(parts) > depth+1 {
			dir = strings.Join(parts[:depth+1], "/")
		}
		sums[dir] += f.Bytes
	}
	var out []File
	for dir, n := range sums {
		out = append(out, File{Path: dir, Bytes: n})
	}
	sort.Slice(out, func(i, j int) bool {
		if out[i].Bytes != out[j].Bytes {
			return out[i].Bytes > out[j].Bytes
		}
		return out[i].Path < out[j].Path
	})
	return out
}

// Size writes a number of bytes for people.
func Size(n int64) string { return plan.FormatSize(n) }
