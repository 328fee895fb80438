package node

import (
	"context"
	"fmt"
	"strings"

	"github.com/whittle-oci/whittle/builder/need"
	"github.com/whittle-oci/whittle/builder/tree"
)

// distributed are directories in which distributions have the modules of
// Node.js. Their packages say what belongs together.
var distributed = []string{"/usr/share/nodejs", "/usr/lib/nodejs", "/usr/share/node_modules"}

// whole keeps the package or application of a file that node runs as a whole,
// where the file is in the image for that alone: a package manager, what is
// installed globally in the base image.
func (r *Runtime) whole(ctx context.Context, env *need.Env, _ *need.Set, have *contents, out *need.Found) error {
	seen := map[string]bool{}
	for _, f := range have.programs {
		if f.Kept {
			continue // and so is what lies beside it
		}
		if f.Program {
			head, err := env.Head(ctx, f.Path)
			if err != nil {
				return err
			}
			if _, ok := interpreted(head); !ok && !managerScript(f.Path, head) {
				continue
			}
		}
		dir, err := r.root(ctx, env, f.Path)
		if err != nil {
			return err
		}
		if seen[dir] || systemDir(dir) || has(distributed, dir) {
			continue
		}
		seen[dir] = true
		err = tree.Walk(ctx, env.Tree, dir, func(name string, e tree.Entry) error {
			n := need.Need{Kind: need.Data, Path: name, By: f.Path, Reason: fmt.Sprintf("in the package of %s", f.Path), Strength: need.Expected, Droppable: true, Shell: f.Shell, Entry: &e}
			switch {
			case e.IsSymlink():
				n.Kind, n.Entry = need.KeptLink, nil
			case !e.IsRegular():
				return nil
			}
			out.Needs = append(out.Needs, n)
			return nil
		})
		if err != nil {
			return fmt.Errorf("reading %s: %w", dir, err)
		}
	}
	return nil
}

// managerScript reports whether a shell script is a package manager's own start,
// as Yarn 1 has one.
func managerScript(name string, head []byte) bool {
	return strings.HasPrefix(string(head), "#!") && (strings.HasSuffix(name, "/bin/yarn") || strings.HasSuffix(name, "/bin/yarnpkg"))
}

// has reports whether a directory is one of those in a list or lies below.
func has(list []string, name string) bool {
	for _, dir := range list {
		if need.Below(name, dir) {
			return true
		}
	}
	return false
}
