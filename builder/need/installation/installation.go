// Package installation knows what installations of runtimes have in common:
// directories that are kept as they are but for what a published table lists.
package installation

import (
	"context"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/whittle-oci/whittle/builder/image"
	"github.com/whittle-oci/whittle/builder/need"
	"github.com/whittle-oci/whittle/builder/tree"
)

// A Row is a part of an installation that no program needs to run.
type Row struct {
	Path   string // below the directory that the table is for, in the form of path.Match
	Bytes  int64  // as measured, 0 where that was not
	Why    string // what it is, as the report says it: "is documentation"
	Source string // who says so
}

// A Table lists what stays behind below a directory.
type Table []Row

// Why says why a path below the table's directory stays behind, "" when it does
// not.
func (t Table) Why(rel string) string {
	for _, row := range t {
		if ok, _ := path.Match(row.Path, rel); ok {
			return row.Why
		}
	}
	return ""
}

// Markdown prints the rows for the manual, with head before each path.
func (t Table) Markdown(head string) string {
	var b strings.Builder
	for _, row := range t {
		size := ""
		if row.Bytes > 0 {
			size = image.FormatSize(row.Bytes)
		}
		fmt.Fprintf(&b, "| `%s%s` | %s | %s | %s |\n", head, row.Path, size, row.Why, row.Source)
	}
	return b.String()
}

// Present gives what a directory of the tree has of the table, by real paths,
// with why.
func (t Table) Present(ctx context.Context, of tree.Tree, dir string) (map[string]string, error) {
	out := map[string]string{}
	for _, row := range t {
		names, err := Glob(ctx, of, dir, row.Path)
		if err != nil {
			return nil, err
		}
		for _, name := range names {
			out[name] = row.Why
		}
	}
	return out, nil
}

// Files asks for the files below a directory, which may be a link, and for the
// links to it. Skip leaves out paths below it, of directories with all that is
// in them; nil leaves out nothing. One that is not there asks for nothing.
func Files(ctx context.Context, t tree.Tree, dir, by, reason string, skip func(rel string) bool) ([]need.Need, error) {
	res, err := tree.Resolve(ctx, t, dir)
	if need.Missing(err) || err == nil && !res.Entry.IsDir() {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var out []need.Need
	for _, l := range res.Links {
		out = append(out, need.Need{Kind: need.Link, Path: l, By: by, Reason: reason, Strength: need.Expected})
	}
	err = tree.Walk(ctx, t, res.Path, func(name string, e tree.Entry) error {
		rel := strings.TrimPrefix(name, res.Path+"/")
		if name != res.Path && skip != nil && skip(rel) {
			if e.IsDir() {
				return tree.SkipDir
			}
			return nil
		}
		switch {
		case e.IsRegular():
			out = append(out, need.Need{Kind: need.Data, Path: name, By: by, Reason: reason, Strength: need.Expected, Entry: &e})
		case e.IsSymlink():
			out = append(out, need.Need{Kind: need.Data, Path: name, By: by, Reason: reason, Strength: need.Expected})
		}
		return nil
	})
	return out, err
}

// Glob lists the real paths below a directory that match a pattern of
// path.Match, a component at a time, sorted.
func Glob(ctx context.Context, t tree.Tree, dir, pattern string) ([]string, error) {
	at := []string{dir}
	for part := range strings.SplitSeq(pattern, "/") {
		var next []string
		for _, d := range at {
			res, err := tree.Resolve(ctx, t, d)
			if need.Missing(err) || err == nil && !res.Entry.IsDir() {
				continue
			}
			if err != nil {
				return nil, err
			}
			entries, err := t.ReadDir(ctx, res.Path)
			if err != nil {
				return nil, err
			}
			for _, e := range entries {
				if ok, _ := path.Match(part, e.Name); ok {
					next = append(next, path.Join(res.Path, e.Name))
				}
			}
		}
		at = next
	}
	slices.Sort(at)
	return at, nil
}
