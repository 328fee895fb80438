package node

import (
	"context"
	"fmt"
	"path"
	"regexp"
	"sync"

	"github.com/whittle-oci/whittle/builder/image"
	"github.com/whittle-oci/whittle/builder/need"
	"github.com/whittle-oci/whittle/builder/tree"
)

// maxMap is the largest map of Plug'n'Play that is read, in bytes.
const maxMap = 32 << 20

// location matches where the map of Plug'n'Play has a package: in an archive of
// the cache, or unpacked, below a directory that names the version
// (yarnpkg.com/advanced/pnp-spec).
var location = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`"packageLocation":\s*"\./(\.yarn/(?:cache|unplugged)/[^"/]*-npm-(\d[^"/]*?)-[0-9a-f]{10}[^"/]*)/node_modules/((?:@[^"/]+/)?[^"/]+)/"`)
})

// parseMap reads the packages out of a map of Plug'n'Play: their archives or
// directories, relative to that of the map.
func parseMap(text []byte) []image.Component {
	var out []image.Component
	for _, m := range location().FindAllSubmatch(text, -1) {
		out = append(out, image.Component{Type: "npm", Name: string(m[3]), Version: string(m[2]), Program: string(m[1])})
	}
	return out
}

// archived lists the packages that an application has by Plug'n'Play.
func (r *Runtime) archived(ctx context.Context, env *need.Env, s *need.Set, dir string, out *need.Found) error {
	all, ok := r.settled.maps[dir]
	if !ok {
		name := path.Join(dir, ".pnp.cjs")
		res, there, err := tree.FindFile(ctx, env.Tree, name)
		if err != nil {
			return err
		}
		if there && res.Entry.Size <= maxMap {
			text, err := tree.ReadFile(ctx, env.Tree, res.Path, maxMap)
			if err != nil {
				return fmt.Errorf("reading %s: %w", name, err)
			}
			all = parseMap(text)
		}
		if r.settled.maps == nil {
			r.settled.maps = map[string][]image.Component{}
		}
		r.settled.maps[dir] = all
	}
	for _, c := range all {
		if c.Program = path.Join(dir, c.Program); s.File(c.Program) != nil || s.Holds(c.Program) {
			out.Components = append(out.Components, c)
		}
	}
	return nil
}
