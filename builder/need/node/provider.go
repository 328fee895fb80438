package node

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

// Claims implements need.Provider: Node.js itself, which reads what variables
// name.
func (r *Runtime) Claims(v need.Visit) bool {
	return v.Need.Kind == need.Program && (isName(v.Path) || isName(v.Need.Path)) && !strings.HasPrefix(string(v.Head), "#!")
}

// Needs implements need.Provider.
func (r *Runtime) Needs(ctx context.Context, env *need.Env, v need.Visit) (need.Found, error) {
	var out need.Found
	c := need.Command{Instruction: v.Need.Instruction}
	if options, _ := env.Getenv("NODE_OPTIONS"); options != "" {
		line := parse(words(options))
		r.preloads = r.preloads || len(line.modules)+len(line.loaders) > 0
		found := need.Found{}
		if err := r.preload(ctx, env, need.Command{Instruction: "NODE_OPTIONS"}, line, &found); err != nil {
			return out, bad(c, err)
		}
		for _, n := range found.Needs {
			n.Instruction = ""
			out.Needs = append(out.Needs, n)
		}
		out.Facts, out.Warnings = append(out.Facts, found.Facts...), append(out.Warnings, found.Warnings...)
	}
	if dir, _ := env.Getenv("NODE_ICU_DATA"); dir != "" {
		if err := below(ctx, env, env.Abs(dir), "data of ICU that NODE_ICU_DATA names", &out); err != nil {
			return out, err
		}
	}
	// OpenSSL is within node, and reads its configuration where it was told to
	// when it was compiled.
	for _, name := range opensslConfigurations {
		out.Needs = append(out.Needs, need.Need{Kind: need.Data, Path: name, By: v.Path, Reason: "configuration of OpenSSL, which is within " + v.Path, Strength: need.Optional})
	}
	if v, _ := env.Getenv("NODE_USE_SYSTEM_CA"); v == "1" {
		out.Facts = append(out.Facts, need.Fact{Kind: need.Certificates, Reason: "NODE_USE_SYSTEM_CA is set"})
	}
	err := r.authorities(ctx, env, &out)
	return out, err
}

// opensslConfigurations are where builds of node look for it: the official ones
// below /usr/local, those of distributions where these have it.
var opensslConfigurations = []string{"/etc/ssl/openssl.cnf", "/usr/local/ssl/openssl.cnf"}

// authorities asks for the file of NODE_EXTRA_CA_CERTS. Where it is the bundle of
// the distribution, phase 5 takes that.
func (r *Runtime) authorities(ctx context.Context, env *need.Env, out *need.Found) error {
	name, _ := env.Getenv("NODE_EXTRA_CA_CERTS")
	if name == "" {
		return nil
	}
	at := env.Abs(name)
	if need.Below(at, "/etc/ssl") || need.Below(at, "/etc/pki") {
		out.Facts = append(out.Facts, need.Fact{Kind: need.Certificates, Reason: "NODE_EXTRA_CA_CERTS names " + at})
	}
	_, ok, err := tree.FindFile(ctx, env.Tree, at)
	if err != nil {
		return err
	}
	if !ok {
		out.Warnings = append(out.Warnings, image.NewWarning("ENV", fmt.Sprintf("NODE_EXTRA_CA_CERTS names %s, which is not in the built image", at), "copy it in the final stage, or mount it"))
		return nil
	}
	out.Needs = append(out.Needs, need.Need{Kind: need.Config, Path: at, By: "NODE_EXTRA_CA_CERTS", Reason: "NODE_EXTRA_CA_CERTS names it", Strength: need.Expected})
	return nil
}

// settled is what is known of files that a settled closure holds.
type settled struct {
	sources map[string][]use
	locks   map[string]map[string]locked // of npm, by directory
	maps    map[string][]image.Component // of Plug'n'Play, by directory
	other   map[string]bool              // native modules by whether they are for another system
}

// Settle implements need.Settler: it looks at an application that the image has
// together with Node.js.
func (r *Runtime) Settle(ctx context.Context, env *need.Env, s *need.Set) (need.Found, error) {
	var out need.Found
	have, err := r.sort(ctx, env, s)
	if err != nil || have.node == "" {
		return out, err
	}
	for _, step := range []func(context.Context, *need.Env, *need.Set, *contents, *need.Found) error{r.whole, r.scripts, r.native, r.components, r.own, r.absent, r.known, r.links, r.droppable} {
		if err := step(ctx, env, s, have, &out); err != nil {
			return out, err
		}
	}
	return out, nil
}

// contents are the files of a closure, sorted by what they are to Node.js.
type contents struct {
	node      string       // real path of Node.js, "" where the image has none
	manifests []string     // package.json of installed packages
	modules   []*need.File // native ones
	sources   []*need.File // of applications, by the directories that are started
	links     []*need.File // below a node_modules
	programs  []*need.File // that are scripts, or files that node is told to run
	packages  map[string]bool
}

// sort looks at every file of a closure once.
func (r *Runtime) sort(ctx context.Context, env *need.Env, s *need.Set) (*contents, error) {
	out := &contents{packages: map[string]bool{}}
	files := s.Files()
	for _, f := range files {
		if f.Program && isName(f.Path) {
			if is, err := isNode(ctx, env, f.Path); err != nil {
				return nil, err
			} else if is {
				out.node = f.Path
				break
			}
		}
	}
	if out.node == "" {
		return out, nil
	}
	if len(r.roots) == 0 { // a script starts node
		r.workdir(env)
	}
	roots := []string{}
	for dir := range r.roots {
		roots = append(roots, dir)
	}
	slices.Sort(roots)
	for _, f := range files {
		i := strings.LastIndex(f.Path, "/node_modules/")
		switch {
		case f.Entry.IsSymlink():
			if i >= 0 {
				out.links = append(out.links, f)
			}
			continue
		case !f.Entry.IsRegular():
			continue
		}
		ext := path.Ext(f.Path)
		if f.Kept && ext == ".node" {
			out.modules = append(out.modules, f)
		}
		if i >= 0 && strings.HasSuffix(f.Path, "/package.json") {
			rest := f.Path[i+len("/node_modules/"):]
			if packageName(rest)+"/package.json" == rest {
				out.manifests = append(out.manifests, f.Path)
				out.packages[path.Dir(f.Path)] = true
			}
		}
		if (!f.Kept || f.Program) && (f.Program || f.Read && slices.Contains(languages, ext) && has(roots, f.Path)) {
			out.programs = append(out.programs, f)
		}
		if i < 0 && slices.Contains(languages, ext) {
			for _, dir := range roots {
				if rel, ok := strings.CutPrefix(f.Path, dir+"/"); ok && isSource(rel) {
					out.sources = append(out.sources, f)
					break
				}
			}
		}
	}
	return out, nil
}
