package report

import (
	"encoding/json"
	"fmt"
	"path"
	"slices"
	"sort"
	"strings"
)

// ContentsPredicate is the predicate type of the attestation that says why
// every file is in an image (in-toto attestation framework,
// github.com/in-toto/attestation). docs/contents.md describes it.
const ContentsPredicate = "https://whittle-oci.github.io/contents/v1"

// contentsVersion is the version of the contents' JSON. Version 1 was a report
// with its files as they are.
const contentsVersion = 2

// contents is the predicate: a report whose files stand in two tables, since
// tens of thousands of them have a handful of reasons and directories.
type contents struct {
	Report
	Version int `json:"version"`
	// Grouped says that directories are listed and not files.
	Grouped bool     `json:"grouped,omitempty"`
	Reasons []reason `json:"reasons"`
	Paths   []paths  `json:"paths"`
}

// A reason is what files have in common.
type reason struct {
	Reason    string `json:"reason"`
	Mode      string `json:"mode,omitempty"`
	Package   string `json:"package,omitempty"`
	Droppable bool   `json:"droppable,omitempty"`
}

// paths are files of one directory that have the same reason.
type paths struct {
	Directory string   `json:"directory"`
	Reason    int      `json:"reason"` // index into the table of reasons
	Names     []string `json:"names,omitempty"`
	Bytes     []int64  `json:"bytes"`           // of each name, or the sum of all files
	Files     int      `json:"files,omitempty"` // how many, where they are not named
}

// Contents gives the predicate of the contents attestation as JSON of at most
// limit bytes. What else the report tells is cut to a quarter of that where
// all would not fit. grouped reports that files would not either, so that they
// are summed up by directory: for each reason apart if possible, else with one
// reason of several, else for directories further up.
func (r *Report) Contents(limit int) (predicate []byte, grouped bool, err error) {
	dt, err := r.contents(r.Files, false)
	if err != nil || len(dt) <= limit {
		return dt, false, err
	}
	alone := *r
	alone.Files = nil
	short, _, err := alone.within(limit/4, func(r *Report) ([]byte, error) { return compact(r) })
	if err != nil {
		short = &alone // the limit is little, and what is cut below is cut last
	}
	if dt, err = short.contents(r.Files, false); err != nil || len(dt) <= limit {
		return dt, false, err
	}
	depth := 0
	for _, f := range r.Files {
		depth = max(depth, strings.Count(path.Dir(f.Path), "/"))
	}
	if dt, err = short.contents(group(r.Files, depth, true), true); err != nil || len(dt) <= limit {
		return dt, true, err
	}
	// The first depth that is too much; the one before fits.
	depth = sort.Search(depth+1, func(d int) bool {
		dt, err := short.contents(group(r.Files, d, false), true)
		return err != nil || len(dt) > limit
	}) - 1
	files := group(r.Files, max(depth, 0), false)
	if depth < 0 {
		files = clipReasons(files)
	}
	_, dt, err = short.within(limit, func(r *Report) ([]byte, error) { return r.contents(files, true) })
	return dt, true, err
}

// contents encodes the report with these files.
func (r *Report) contents(files []File, grouped bool) ([]byte, error) {
	c := contents{Report: *r, Version: contentsVersion, Grouped: grouped, Reasons: []reason{}, Paths: []paths{}}
	c.Files = nil
	reasons := map[reason]int{}
	type key struct {
		dir    string
		reason int
	}
	at := map[key]int{}
	for _, f := range files {
		why := reason{f.Reason, f.Mode, f.Package, f.Droppable}
		n, ok := reasons[why]
		if !ok {
			n = len(c.Reasons)
			reasons[why] = n
			c.Reasons = append(c.Reasons, why)
		}
		if f.Files > 0 {
			c.Paths = append(c.Paths, paths{Directory: f.Path, Reason: n, Bytes: []int64{f.Bytes}, Files: f.Files})
			continue
		}
		dir, name := path.Dir(f.Path), path.Base(f.Path)
		i, ok := at[key{dir, n}]
		if !ok {
			i = len(c.Paths)
			at[key{dir, n}] = i
			c.Paths = append(c.Paths, paths{Directory: dir, Reason: n})
		}
		c.Paths[i].Names = append(c.Paths[i].Names, name)
		c.Paths[i].Bytes = append(c.Paths[i].Bytes, f.Bytes)
	}
	return compact(c)
}

// group sums files up by their directory, cut to depth levels, with an entry
// for each reason or with one that names the first of them. The order is that
// of the paths.
func group(files []File, depth int, each bool) []File {
	type key struct {
		dir string
		why reason
	}
	at := map[key]int{}
	reasons := map[string]map[string]bool{}
	var out []File
	for _, f := range files {
		k := key{dir: upTo(path.Dir(f.Path), depth)}
		if each {
			k.why = reason{f.Reason, "", f.Package, f.Droppable}
		}
		i, ok := at[k]
		if !ok {
			i = len(out)
			at[k] = i
			out = append(out, File{Path: k.dir, Reason: f.Reason, Package: f.Package, Droppable: f.Droppable})
			if !each {
				reasons[k.dir] = map[string]bool{}
			}
		}
		g := &out[i]
		g.Files++
		g.Bytes += f.Bytes
		if !each {
			reasons[k.dir][f.Reason] = true
			g.Droppable = g.Droppable && f.Droppable
			if g.Package != f.Package {
				g.Package = ""
			}
		}
	}
	for i := range out {
		if n := len(reasons[out[i].Path]); n > 1 {
			out[i].Reason = fmt.Sprintf("%s, and %d other reasons", out[i].Reason, n-1)
		}
	}
	return out
}

// upTo cuts a directory to a number of levels.
func upTo(dir string, depth int) string {
	parts := strings.SplitN(dir, "/", depth+2)
	if len(parts) <= depth+1 {
		return dir
	}
	return "/" + strings.Join(parts[1:depth+1], "/")
}

func clipReasons(files []File) []File {
	for i := range files {
		files[i].Reason, files[i].Package = clip(files[i].Reason, least), clip(files[i].Package, least)
	}
	return files
}

// Parse reads the predicate of a contents attestation, of any version. Files
// come in the order of their paths.
func Parse(predicate []byte) (*Report, error) {
	var c contents
	if err := json.Unmarshal(predicate, &c); err != nil {
		return nil, fmt.Errorf("reading the contents attestation: %w", err)
	}
	if c.Version > contentsVersion {
		return nil, fmt.Errorf("the contents attestation has version %d, this whittle reads %d; use a newer one", c.Version, contentsVersion)
	}
	r := c.Report
	r.Version = Version
	for _, p := range c.Paths {
		if p.Reason < 0 || p.Reason >= len(c.Reasons) {
			return nil, fmt.Errorf("reading the contents attestation: %s has reason %d of %d", p.Directory, p.Reason, len(c.Reasons))
		}
		why := c.Reasons[p.Reason]
		f := File{Mode: why.Mode, Reason: why.Reason, Package: why.Package, Droppable: why.Droppable}
		if p.Files > 0 {
			f.Path, f.Files = p.Directory, p.Files
			for _, n := range p.Bytes {
				f.Bytes += n
			}
			r.Files = append(r.Files, f)
			continue
		}
		if len(p.Names) != len(p.Bytes) {
			return nil, fmt.Errorf("reading the contents attestation: %s has %d names and %d sizes", p.Directory, len(p.Names), len(p.Bytes))
		}
		for i, name := range p.Names {
			f.Path, f.Bytes = strings.TrimSuffix(p.Directory, "/")+"/"+name, p.Bytes[i]
			r.Files = append(r.Files, f)
		}
	}
	if len(c.Paths) > 0 {
		sort.SliceStable(r.Files, func(i, j int) bool { return r.Files[i].Path < r.Files[j].Path })
	}
	return &r, nil
}

// Why gives the entries that say why a path is there: the file, the files
// below it, or where directories are listed the innermost that it lies in.
func (r *Report) Why(name string) []File {
	var found, around []File
	for _, f := range r.Files {
		switch {
		case f.Path == name || below(f.Path, name):
			found = append(found, f)
		case f.Files > 0 && below(name, f.Path):
			if len(around) > 0 && len(around[0].Path) < len(f.Path) {
				around = nil
			}
			if len(around) == 0 || around[0].Path == f.Path {
				around = append(around, f)
			}
		}
	}
	if len(found) > 0 {
		return found
	}
	return slices.Clip(around)
}

// below reports whether a path lies below a directory.
func below(name, dir string) bool { return strings.HasPrefix(name, strings.TrimSuffix(dir, "/")+"/") }
