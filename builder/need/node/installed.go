package node

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/whittle-oci/whittle/builder/image"
	"github.com/whittle-oci/whittle/builder/need"
	"github.com/whittle-oci/whittle/builder/tree"
)

// Limits on what says which packages are installed.
const (
	maxLock = 64 << 20 // bytes of a lock file
	maxRead = 5000     // package.json of packages of which nothing else tells the version
)

// A locked package is one that a lock file of npm describes.
type locked struct {
	Name    string `json:"name"` // where it is another than that of its directory
	Version string `json:"version"`
	Dev     bool   `json:"dev"`
	Link    bool   `json:"link"`
}

// parseLock reads package-lock.json, or the lock that npm keeps in
// node_modules, of version 2 or 3: packages by their directory
// (docs.npmjs.com/cli/v10/configuring-npm/package-lock-json).
func parseLock(text []byte) (map[string]locked, error) {
	var lock struct {
		Packages map[string]json.RawMessage `json:"packages"`
	}
	if err := json.Unmarshal(text, &lock); err != nil {
		return nil, err
	}
	out := make(map[string]locked, len(lock.Packages))
	for dir, raw := range lock.Packages {
		var l locked
		if json.Unmarshal(raw, &l) == nil {
			out[dir] = l
		}
	}
	return out, nil
}

// lock reads what npm says of the packages that are installed below a
// directory; nil where it says nothing.
func (r *Runtime) lock(ctx context.Context, env *need.Env, dir string) (map[string]locked, error) {
	if l, ok := r.settled.locks[dir]; ok {
		return l, nil
	}
	if r.settled.locks == nil {
		r.settled.locks = map[string]map[string]locked{}
	}
	r.settled.locks[dir] = nil
	res, ok, err := tree.FindFile(ctx, env.Tree, path.Join(dir, "node_modules/.package-lock.json"))
	if err != nil || !ok || res.Entry.Size > maxLock {
		return nil, err
	}
	text, err := tree.ReadFile(ctx, env.Tree, res.Path, maxLock)
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", res.Path, err)
	}
	if l, err := parseLock(text); err == nil {
		r.settled.locks[dir] = l
	}
	return r.settled.locks[dir], nil
}

// virtual reads the name and version of a package out of the name of its
// directory in the store of pnpm, such as "@babel+core@7.24.0_supports-color@8"
// or "next@14.2.0(react@18.0.0)" (pnpm.io/symlinked-node-modules-structure).
func virtual(dir string) (name, version string, ok bool) {
	dir = strings.ReplaceAll(dir, "+", "/")
	at := strings.IndexByte(dir[min(1, len(dir)):], '@') + 1 // behind that of a scope
	if at < 1 {
		return "", "", false
	}
	name, version = dir[:at], dir[at+1:]
	if i := strings.IndexAny(version, "_("); i >= 0 {
		version = version[:i]
	}
	digit := version != "" && version[0] >= '0' && version[0] <= '9'
	return name, version, digit && !strings.Contains(version, "/")
}

// components lists the installed packages, for the SBOM. What a lock or the
// store of pnpm says of their versions saves reading each package.json.
func (r *Runtime) components(ctx context.Context, env *need.Env, s *need.Set, have *contents, out *need.Found) error {
	for _, name := range have.manifests {
		c, ok, err := r.component(ctx, env, name)
		if err != nil {
			return err
		}
		if ok {
			out.Components = append(out.Components, c)
		}
	}
	for dir := range r.roots {
		if err := r.archived(ctx, env, s, dir, out); err != nil {
			return err
		}
		name := path.Join(dir, "package.json")
		if s.File(name) == nil || slices.Contains(have.manifests, name) {
			continue
		}
		if c, ok, err := r.read(ctx, env, name); err != nil {
			return err
		} else if ok {
			out.Components = append(out.Components, c)
		}
	}
	return nil
}

// component describes the package of an installed package.json.
func (r *Runtime) component(ctx context.Context, env *need.Env, file string) (image.Component, bool, error) {
	i := strings.LastIndex(file, "/node_modules/")
	name := path.Dir(file[i+len("/node_modules/"):])
	if j := strings.LastIndex(file, "/node_modules/.pnpm/"); j >= 0 {
		dir, _, _ := strings.Cut(file[j+len("/node_modules/.pnpm/"):], "/")
		if n, version, ok := virtual(dir); ok && n == name {
			return image.Component{Type: "npm", Name: name, Version: version, Program: file}, true, nil
		}
	}
	root, rest, _ := within(file)
	lock, err := r.lock(ctx, env, path.Join("/", root))
	if err != nil {
		return image.Component{}, false, err
	}
	if l, ok := lock["node_modules/"+path.Dir(rest)]; ok && !l.Link && l.Version != "" {
		return image.Component{Type: "npm", Name: orElse(l.Name, name), Version: l.Version, Program: file}, true, nil
	}
	return r.read(ctx, env, file)
}

// read describes a package by its package.json. One without a name and a version
// is no package.
func (r *Runtime) read(ctx context.Context, env *need.Env, file string) (image.Component, bool, error) {
	if len(r.manifests) > maxRead {
		return image.Component{}, false, nil
	}
	m, err := r.manifest(ctx, env, path.Dir(file))
	if errors.As(err, new(*badManifest)) {
		r.manifests[file] = nil
		return image.Component{}, false, nil
	}
	if err != nil || m == nil || m.name == "" || m.version == "" {
		return image.Component{}, false, err
	}
	return image.Component{Type: "npm", Name: m.name, Version: m.version, Program: file}, true, nil
}

// links warns of links below a node_modules that lead nowhere in the built
// image: a package of a workspace that was not copied, or a store that was not.
func (r *Runtime) links(ctx context.Context, env *need.Env, _ *need.Set, have *contents, out *need.Found) error {
	var dangling []string
	for _, f := range have.links {
		if path.Base(path.Dir(f.Path)) == ".bin" {
			continue // of what was pruned
		}
		_, ok, err := tree.Find(ctx, env.Tree, f.Path)
		if err != nil {
			return err
		}
		if !ok {
			dangling = append(dangling, f.Path+" to "+path.Join(path.Dir(f.Path), f.Entry.Linkname))
		}
	}
	if len(dangling) == 0 {
		return nil
	}
	message := "a package is a link that leads nowhere in the built image, so it cannot be loaded: " + dangling[0]
	if len(dangling) > 1 {
		message = fmt.Sprintf("%d packages are links that lead nowhere in the built image, so they cannot be loaded: %s among them", len(dangling), dangling[0])
	}
	out.Warnings = append(out.Warnings, image.NewWarning("COPY", message, "copy the packages of the workspace and pnpm's store as well, or install with pnpm deploy"))
	return nil
}

// maxTold is how many directories a note names.
const maxTold = 3

// droppable tells what of an application could stay out of the image: what npm
// says only development needs, maps for debuggers, modules for other systems.
// None of it is left out without being told to.
func (r *Runtime) droppable(ctx context.Context, env *need.Env, s *need.Set, have *contents, out *need.Found) error {
	dev := map[string]bool{}
	for _, name := range have.manifests {
		root, rest, _ := within(name)
		lock, err := r.lock(ctx, env, path.Join("/", root))
		if err != nil {
			return err
		}
		if lock["node_modules/"+path.Dir(rest)].Dev {
			dev[path.Dir(name)] = true
		}
	}
	var sum, maps, other int64
	files, mapped, others := 0, 0, 0
	for _, f := range s.Files() {
		i := strings.LastIndex(f.Path, "/node_modules/")
		if !f.Entry.IsRegular() {
			continue
		}
		switch {
		case i >= 0 && len(dev) > 0 && dev[f.Path[:i]+"/node_modules/"+packageName(f.Path[i+len("/node_modules/"):])]:
			sum += f.Entry.Size
			files++
		case strings.HasSuffix(f.Path, ".js.map") || strings.HasSuffix(f.Path, ".mjs.map") || strings.HasSuffix(f.Path, ".cjs.map"):
			maps += f.Entry.Size
			mapped++
		case r.settled.other[f.Path]:
			other += f.Entry.Size
			others++
		}
	}
	if len(dev) > 0 {
		out.Warnings = append(out.Warnings, image.NewWarning("COPY", fmt.Sprintf("%d packages, %s in %d files, are there for development alone, by npm's own list: %s", len(dev), image.FormatSize(sum), files, some(dev)), "install with npm ci --omit=dev, or run npm prune --omit=dev in the final stage"))
	}
	if maps > worthTelling {
		out.Warnings = append(out.Warnings, image.NewWarning("COPY", fmt.Sprintf("%s in %d files are source maps, which only debuggers and node --enable-source-maps read", image.FormatSize(maps), mapped), "exclude: **/*.js.map"))
	}
	if other > worthTelling {
		out.Warnings = append(out.Warnings, image.NewWarning("COPY", fmt.Sprintf("%s in %d files are native modules for other systems, which node does not load here", image.FormatSize(other), others), "exclude: them"))
	}
	return nil
}

// worthTelling is how much could go before it is said, in bytes.
const worthTelling = 1 << 20

// some names a few of a set of directories.
func some(dirs map[string]bool) string {
	var names []string
	for dir := range dirs {
		names = append(names, toolOf(dir+"/x"))
	}
	slices.Sort(names)
	names = slices.Compact(names)
	if len(names) > maxTold {
		return strings.Join(names[:maxTold], ", ") + ", …"
	}
	return strings.Join(names, ", ")
}
