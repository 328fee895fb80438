package node

import (
	"context"
	"path"
	"slices"
	"strings"

	"github.com/whittle-oci/whittle/builder/need"
	"github.com/whittle-oci/whittle/builder/tree"
)

// A pruned path is one of an installation of Node.js that no program needs to
// run. Bytes are of the official archive of Node.js 20.20 for amd64.
type pruned struct {
	path  string // below the prefix of the installation
	bytes string
	why   string
}

// prunable lists them (the archives of nodejs.org, the images of
// github.com/nodejs/docker-node, the package nodejs of nodesource.com; read in
// 2026). What looks prunable and is not: lib/node_modules itself, which may hold
// what the image's makers installed globally, and the symbols of node, which
// reports and profilers read.
var prunable = []pruned{
	{"include/node", "54 MB", "headers of Node.js, to compile native modules with"},
	{"share/doc/node", "35 MB with the package of nodesource.com", "documentation"},
	{"share/doc/nodejs", "35 MB with the package of nodesource.com", "documentation"},
	{"share/man/man1/node.1", "60 kB", "documentation"},
	{"share/systemtap", "3 kB", "for debuggers"},
	{"lib/dtrace", "2 kB", "for debuggers"},
	{"lib/node_modules/npm", "19 MB", "the package manager npm"},
	{"lib/node_modules/corepack", "1.2 MB", "a package manager's starter"},
	{"bin/npm", "", "the package manager npm"},
	{"bin/npx", "", "the package manager npm"},
	{"bin/corepack", "", "a package manager's starter"},
	{"bin/yarn", "", "the package manager Yarn"},
	{"bin/yarnpkg", "", "the package manager Yarn"},
	{"bin/pnpm", "", "the package manager pnpm"},
	{"bin/pnpx", "", "the package manager pnpm"},
	{"lib/node_modules/yarn", "5 MB", "the package manager Yarn"},
	{"lib/node_modules/pnpm", "20 MB", "the package manager pnpm"},
	{"etc/npmrc", "", "settings of npm"},
	{"CHANGELOG.md", "0.1 MB", "documentation"},
	{"README.md", "40 kB", "documentation"},
	{"LICENSE", "0.1 MB", "documentation"},
	{"bin/docker-entrypoint.sh", "", "the entrypoint script of the official image"},
}

// Prunes implements need.Pruner: what of the installations of Node.js that an
// image starts no program needs to run.
func (r *Runtime) Prunes(ctx context.Context, env *need.Env, programs []string) (map[string]string, error) {
	out := map[string]string{}
	for _, p := range programs {
		is, err := isNode(ctx, env, p)
		if err != nil {
			return nil, err
		}
		if !is || path.Base(path.Dir(p)) != "bin" {
			continue
		}
		prefix := path.Dir(path.Dir(p))
		for _, x := range prunable {
			res, ok, err := tree.Find(ctx, env.Tree, path.Join(prefix, path.Dir(x.path)))
			if err != nil {
				return nil, err
			}
			if !ok {
				continue
			}
			at := path.Join(res.Path, path.Base(x.path))
			if _, err := env.Tree.Lstat(ctx, at); need.Missing(err) {
				continue
			} else if err != nil {
				return nil, err
			}
			out[at] = x.why
		}
		if err := yarns(ctx, env, out); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// yarns adds Yarn 1 where the official images have it.
func yarns(ctx context.Context, env *need.Env, out map[string]string) error {
	res, ok, err := tree.Find(ctx, env.Tree, "/opt")
	if err != nil || !ok || !res.Entry.IsDir() {
		return err
	}
	entries, err := env.Tree.ReadDir(ctx, res.Path)
	for _, e := range entries {
		if e.IsDir() && strings.HasPrefix(e.Name, "yarn-v") {
			out[path.Join(res.Path, e.Name)] = "the package manager Yarn"
		}
	}
	return err
}

// PrunedTable lists for the manual what of Node.js stays behind.
func PrunedTable() string {
	var b strings.Builder
	b.WriteString("| path | bytes | what it is |\n| --- | --- | --- |\n")
	for _, x := range append(slices.Clone(prunable), pruned{"/opt/yarn-v*", "5 MB", "the package manager Yarn"}) {
		b.WriteString("| `" + x.path + "` | " + x.bytes + " | " + x.why + " |\n")
	}
	return b.String()
}
