// Package report says what became of a build: before and after, what changed,
// what was left out, and why every file is there.
package report

import (
	"path"
	"sort"
	"strings"

	"github.com/whittle-oci/whittle/builder/image"
)

// Version is the version of the JSON that Report marshals to. It grows when a
// field changes its meaning or goes away.
const Version = 1

// A Report is the result of making one platform's image minimal.
type Report struct {
	Version  int    `json:"version"`
	Platform string `json:"platform"`
	Before   Side   `json:"before"`
	After    Side   `json:"after"`
	// Droppable is the part of After that is there only because the
	// Dockerfile put it there.
	Droppable Amount `json:"droppable"`
	// ReadOnly are the options of docker run with which the image runs on a
	// read-only root: a tmpfs for each directory that programs write to.
	ReadOnly []string `json:"readOnly"`
	Smoke    *Smoke   `json:"smoke,omitempty"` // nil when nothing was to be tried
	Programs []string `json:"programs"`
	// Layers are what After is divided into, the lowest first; nil where it is
	// one.
	Layers   []Layer         `json:"layers,omitempty"`
	Static   *Static         `json:"static,omitempty"`
	Changes  []image.Change  `json:"changes,omitempty"`
	Left     []image.Left    `json:"left,omitempty"`
	Warnings []image.Warning `json:"warnings,omitempty"`
	Files    []File          `json:"files,omitempty"`
	// Truncated says that Files was left out because the report would have
	// been too large to travel, Omitted how many entries of other lists were,
	// by their names.
	Truncated bool           `json:"truncated,omitempty"`
	Omitted   map[string]int `json:"omitted,omitempty"`
}

// A Side is one of the two images that a report compares.
type Side struct {
	Bytes    int64  `json:"bytes"` // content of regular files
	Files    int    `json:"files"`
	Packages int    `json:"packages"`
	User     string `json:"user"`
	Shell    string `json:"shell,omitempty"`
	// Unknown says why Bytes, Files and Packages are not known, "" when they
	// are.
	Unknown string `json:"unknown,omitempty"`
}

// A Layer is one layer of an image.
type Layer struct {
	Name string `json:"name"` // runtime, dependencies or application
	Amount
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
	// On is the platform that they were compiled on where it is not the image's,
	// such as linux/amd64.
	On string `json:"on,omitempty"`
}

// Smoke says how the finished image was tried.
type Smoke struct {
	Check  string `json:"check"`
	Result string `json:"result"` // in words
}

// A File is one file of the image and why it is there, or a directory's worth
// of them.
type File struct {
	Path      string `json:"path"`
	Bytes     int64  `json:"bytes"`
	Mode      string `json:"mode,omitempty"` // in octal; "" where Files is not 0
	Reason    string `json:"reason"`
	Package   string `json:"package,omitempty"`
	Droppable bool   `json:"droppable,omitempty"`
	// Files is how many files below the directory Path this stands for, 0 for
	// one file.
	Files int `json:"files,omitempty"`
}

// New makes the part of a report that a plan tells.
func New(platform string, p *image.Plan) *Report {
	r := &Report{Version: Version, Platform: platform, Programs: p.Programs, Changes: p.Changes, Left: p.Left, Warnings: p.Warnings}
	r.After.Bytes, r.After.Files = p.Size()
	r.After.Packages = len(p.Packages)
	r.After.Shell = p.Shell
	r.After.User = UserText(p.Config.User)
	r.ReadOnly = readOnly(p)
	r.Layers = layers(p)
	for _, e := range p.Entries {
		if e.Droppable && e.Type == image.File && e.Hardlink == "" {
			r.Droppable.Bytes += e.Size
			r.Droppable.Files++
		}
		if e.Type != image.Dir {
			r.Files = append(r.Files, File{Path: e.Path, Bytes: e.Size, Mode: e.ModeText, Reason: e.Reason, Package: e.Package, Droppable: e.Droppable})
		}
	}
	return r
}

// layers says how an image is divided.
func layers(p *image.Plan) []Layer {
	if len(p.Layers) < 2 {
		return nil
	}
	var out []Layer
	for _, l := range p.Layers {
		n := Layer{Name: l.Name}
		for _, e := range l.Entries {
			if e.Type == image.File && e.Hardlink == "" {
				n.Bytes += e.Size
				n.Files++
			}
		}
		out = append(out, n)
	}
	return out
}

// UserText gives the user of an image, "root" where it names none.
func UserText(user string) string {
	if user == "" {
		return "root"
	}
	return user
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
func Size(n int64) string { return image.FormatSize(n) }
