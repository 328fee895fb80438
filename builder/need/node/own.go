package node

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/whittle-oci/whittle/builder/need"
	"github.com/whittle-oci/whittle/builder/tree"
)

// languages are the endings of files that node runs, by itself or compiled.
var languages = []string{".js", ".mjs", ".cjs", ".ts", ".mts", ".cts"}

// others are directories of an application that hold what browsers load, what
// tools made or tests; what they call, node does not run when it starts.
var others = []string{"node_modules", "public", "static", "assets", "www", "client", "test", "tests", "__tests__", "spec", "coverage", "docs", "e2e", "examples"}

// isSource reports whether a file is one of the application's own that node may
// run, by its path below the application's directory.
func isSource(rel string) bool {
	if !slices.Contains(languages, path.Ext(rel)) || strings.HasSuffix(rel, ".min.js") || strings.HasSuffix(rel, ".d.ts") || strings.HasSuffix(rel, ".test.js") || strings.HasSuffix(rel, ".spec.js") {
		return false
	}
	for part := range strings.SplitSeq(rel, "/") {
		if slices.Contains(others, part) || strings.HasPrefix(part, ".") {
			return false
		}
	}
	return true
}

// source reads a file of the application once. What cannot be read tells
// nothing.
func (r *Runtime) source(ctx context.Context, env *need.Env, name string, size int64) ([]use, error) {
	if uses, ok := r.settled.sources[name]; ok {
		return uses, nil
	}
	if size > maxSource || len(r.settled.sources) >= maxSources {
		return nil, nil
	}
	text, err := tree.ReadFile(ctx, env.Tree, name, maxSource)
	if err != nil {
		if need.Missing(err) {
			return nil, nil
		}
		return nil, fmt.Errorf("reading %s: %w", name, err)
	}
	if r.settled.sources == nil {
		r.settled.sources = map[string][]use{}
	}
	uses := scan(text)
	r.settled.sources[name] = uses
	return uses, nil
}

// errEnough ends a walk.
var errEnough = errors.New("enough was read")

// variables lists the variables of a package manager that the files of an
// application name, sorted.
func (r *Runtime) variables(ctx context.Context, env *need.Env, dir string) ([]string, error) {
	res, ok, err := tree.Find(ctx, env.Tree, dir)
	if err != nil || !ok || systemDir(res.Path) {
		return nil, err
	}
	var out []string
	n := 0
	err = tree.Walk(ctx, env.Tree, res.Path, func(name string, e tree.Entry) error {
		rel := strings.TrimPrefix(name, strings.TrimSuffix(res.Path, "/")+"/")
		if e.IsDir() {
			if name != res.Path && (slices.Contains(others, e.Name) || strings.HasPrefix(e.Name, ".")) {
				return tree.SkipDir
			}
			return nil
		}
		if !e.IsRegular() || !isSource(rel) {
			return nil
		}
		if n++; n > maxSources {
			return errEnough
		}
		uses, err := r.source(ctx, env, name, e.Size)
		for _, u := range uses {
			if u.kind == usesVariable {
				out = append(out, u.name)
			}
		}
		return err
	})
	if errors.Is(err, errEnough) {
		err = nil
	}
	slices.Sort(out)
	return slices.Compact(out), err
}
