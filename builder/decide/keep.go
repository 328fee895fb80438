package decide

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/whittle-oci/whittle/builder/image"
	"github.com/whittle-oci/whittle/builder/need"
	"github.com/whittle-oci/whittle/builder/need/distribution"
	"github.com/whittle-oci/whittle/builder/packages"
	"github.com/whittle-oci/whittle/builder/tree"
)

// kept is what the Dockerfile put into the final stage.
type kept struct {
	needs    []need.Need
	facts    []need.Fact
	roots    []string // directories that may be copied as a whole
	left     []image.Left
	warnings []image.Warning
	changed  map[string]tree.Entry       // files in which the tree differs from its base
	owned    map[string]packages.Package // those of them that packages brought
	empty    map[string]bool             // directories without a file at any depth
	based    bool                        // the stage has a base image to differ from
}

// keep is phase 2: every path in which the built tree differs from the base
// image, but for what a package manager or a compiler left there, and what
// include: names. Where the base image brought the program itself, outside of
// any package, what it holds beyond packages counts too. What is left is
// provisional: the closure may ask for it.
//
// mains are the real paths of the programs that ENTRYPOINT and CMD start, pruned
// what their runtimes have beside them that no program needs, and why.
func keep(ctx context.Context, env *need.Env, in Input, db *packages.DB, dist *distribution.Provider, g *gate, mains []string, pruned map[string]string) (kept, error) {
	out := kept{changed: map[string]tree.Entry{}, empty: map[string]bool{}, based: in.Base != nil}
	if err := include(ctx, env.Tree, in.Options.Include, g, &out); err != nil || in.Changed == nil {
		return out, err
	}
	if err := keepChanged(ctx, env, in, db, g, mains, pruned, &out); err != nil {
		return out, err
	}
	err := keepAsked(ctx, env, dist, &out)
	return out, err
}

// keepAsked asks for what the packages hold that the final stage installs by
// name, where no program of theirs has to be started for it.
func keepAsked(ctx context.Context, env *need.Env, dist *distribution.Provider, out *kept) error {
	found, err := dist.Data(ctx, env)
	if err != nil {
		return fmt.Errorf("following packages: %w", err)
	}
	out.needs = append(out.needs, found.Needs...)
	out.facts = append(out.facts, found.Facts...)
	return nil
}

func keepChanged(ctx context.Context, env *need.Env, in Input, db *packages.DB, g *gate, mains []string, pruned map[string]string, out *kept) error {
	application, err := madeByHand(ctx, in, db, mains)
	if err != nil {
		return err
	}
	caches, err := cacheRoots(ctx, env, in)
	if err != nil {
		return err
	}
	maps.Copy(caches, pruned)
	w := &keeper{env: env, caches: caches, tree: in.Changed, base: in.Base, compiles: in.Compiles, reason: "the final stage put it there", left: map[string]image.Left{}, out: out}
	if application != "" {
		w.tree, w.base, w.reason, w.application = in.Tree, nil, "came with "+application+" in the base image", true
		if len(pruned) == 0 { // nothing is known of what it has beside it
			out.warnings = append(out.warnings, image.NewWarning("FROM", fmt.Sprintf("%s comes from the base image and belongs to no package, so what the base image holds beyond packages is kept too", application), "exclude: what the program does not read"))
		}
	}
	names, err := w.walk(ctx)
	if err != nil {
		return fmt.Errorf("reading what the build changed: %w", err)
	}
	if out.owned, err = packaged(ctx, db, w.base, out.changed); err != nil {
		return err
	}
	names = slices.DeleteFunc(names, func(name string) bool { _, ok := out.owned[name]; return ok })
	tooMany, err := g.lookAhead(ctx, names, out.changed)
	if err != nil {
		return err
	}
	if tooMany {
		w.warn("COPY", fmt.Sprintf("only the first %d of very many small files were looked at for private keys", maxLooked), "keep keys out of the build context")
	}
	for _, name := range names {
		if err := w.decide(ctx, name); err != nil {
			return err
		}
	}
	w.finish()
	return nil
}

// madeByHand finds the program of the image that its base image's makers put
// there outside of any package, "" when there is none.
func madeByHand(ctx context.Context, in Input, db *packages.DB, mains []string) (string, error) {
	listed, err := db.Lists(ctx)
	if err != nil || in.Base == nil {
		return "", err
	}
	for _, program := range mains {
		// Where nobody knows whose files are whose, any command of the
		// distribution looks like one of no package.
		if distribution.Helper(program) || !listed && slices.Contains(systemCommands, path.Dir(program)) {
			continue
		}
		if _, owned, err := db.Owner(ctx, program); owned || err != nil {
			if err != nil {
				return "", fmt.Errorf("looking up the package of %s: %w", program, err)
			}
			continue
		}
		_, err = in.Changed.Lstat(ctx, program)
		if errors.Is(err, fs.ErrNotExist) {
			return program, nil
		}
		if err != nil {
			return "", err
		}
	}
	return "", nil
}

// packaged asks which of the changed paths packages brought.
func packaged(ctx context.Context, db *packages.DB, base tree.Tree, changed map[string]tree.Entry) (map[string]packages.Package, error) {
	var baseDB *packages.DB
	if base != nil {
		baseDB = Packages(base)
	}
	owned, err := db.Drop(ctx, baseDB, changed)
	if err != nil {
		return nil, fmt.Errorf("reading the package database: %w", err)
	}
	return owned, nil
}

// keeper decides about changed files, one at a time.
type keeper struct {
	env         *need.Env
	tree        tree.Tree         // what counts as changed
	base        tree.Tree         // nil when everything does
	caches      map[string]string // directories that stay behind, and what they are
	compiles    []string
	application bool   // the base image brought the program
	reason      string // why files are kept
	left        map[string]image.Left
	builds      []string // files that describe the build
	out         *kept
}

// walk collects the changed paths, parents first, and leaves whole directories
// out early, so that a module cache of a hundred thousand files costs nothing.
func (k *keeper) walk(ctx context.Context) ([]string, error) {
	var names []string
	err := tree.Walk(ctx, k.tree, "/", func(name string, e tree.Entry) error {
		if name == "/" {
			return nil
		}
		why := ""
		switch {
		case slices.Contains(need.Mounted, name):
			return skip(e)
		case slices.Contains(need.AccountFiles, name):
			why = "is written anew for the user of the image"
		default:
			why = k.skipped(ctx, name, e)
		}
		if why != "" {
			k.leave(name, e, why)
			return skip(e)
		}
		k.out.changed[name] = e
		names = append(names, name)
		if e.IsDir() {
			return k.enter(ctx, name)
		}
		return nil
	})
	return names, err
}

func skip(e tree.Entry) error {
	if e.IsDir() {
		return tree.SkipDir
	}
	return nil
}

// enter notes a directory that the base image does not have: it may be copied
// as a whole.
func (k *keeper) enter(ctx context.Context, name string) error {
	if n := len(k.out.roots); n > 0 && need.Below(name, k.out.roots[n-1]) {
		return nil
	}
	if k.base != nil {
		if _, err := tree.Resolve(ctx, k.base, name); !need.Missing(err) {
			return err
		}
	}
	k.out.roots = append(k.out.roots, name)
	return nil
}

// leave notes that the file or directory at name stays behind. A directory's
// content is not counted: counting would be the cost that is being avoided.
func (k *keeper) leave(name string, e tree.Entry, why string) {
	l := image.Left{Path: name, Why: why}
	if e.IsRegular() {
		l.Files, l.Bytes = 1, e.Size
	}
	k.left[name] = l
}

func (k *keeper) warn(instruction, message, hint string) {
	k.out.warnings = append(k.out.warnings, image.NewWarning(instruction, message, hint))
}

// decide asks for one changed path or leaves it.
func (k *keeper) decide(ctx context.Context, name string) error {
	e := k.out.changed[name]
	n := need.Need{Kind: need.Data, Path: name, By: "Dockerfile", Reason: k.reason, Droppable: true, Entry: &e}
	switch {
	case e.IsDir():
		kind, reason, err := k.dir(ctx, name, e)
		if err != nil || kind == leaveDir {
			return err
		}
		n.Reason = reason
		if kind == keepIfUsed {
			n.Kind = need.KeptDir
		}
	case e.IsSymlink():
		n.Kind = need.KeptLink
		res, err := tree.Resolve(ctx, k.env.Tree, name)
		if err != nil && !need.Missing(err) {
			return err
		}
		// update-alternatives makes links for manual pages beside those for
		// programs, also where an image has no manual pages.
		switch dangling := err != nil; {
		case distribution.Documentation(e.Linkname), !dangling && distribution.Documentation(res.Path):
			k.leave(name, e, "leads to documentation")
			return nil
		case strings.HasPrefix(e.Linkname, alternatives) && dangling, strings.HasPrefix(name, alternatives) && dangling:
			k.leave(name, e, whyPackages)
			return nil
		}
	case !e.IsRegular():
		k.leave(name, e, "is a device, socket or pipe")
		k.warn("", name+" was left out: it is a device, socket or pipe", "make it when the container starts")
		return nil
	case k.application && strings.HasPrefix(name, "/var/log/"):
		k.leave(name, e, "is a log of the base image")
		return nil
	default:
		why, err := k.unwanted(ctx, name, e)
		if err != nil {
			return err
		}
		if why != "" {
			k.leave(name, e, why)
			return nil
		}
	}
	k.out.needs = append(k.out.needs, n)
	return nil
}

// alternatives holds the links that choose among programs of one name
// (update-alternatives(1)).
const alternatives = "/etc/alternatives/"

// what becomes of a changed directory
const (
	leaveDir = iota
	keepDir
	keepIfUsed
)

// dir says whether a changed directory is kept: one that the Dockerfile made
// empty, or whose owner or mode it changed. Directories that hold kept files
// come by themselves.
func (k *keeper) dir(ctx context.Context, name string, e tree.Entry) (int, string, error) {
	if k.base != nil {
		res, err := tree.Resolve(ctx, k.base, name)
		if err == nil {
			if res.Path != name || res.Entry.Mode == e.Mode && res.Entry.UID == e.UID && res.Entry.GID == e.GID {
				return leaveDir, "", nil
			}
			return keepDir, "the final stage changed its owner or mode", nil
		}
		if !need.Missing(err) {
			return leaveDir, "", err
		}
	}
	children, err := k.tree.ReadDir(ctx, name)
	if err != nil {
		return leaveDir, "", err
	}
	empty, err := emptyDir(ctx, k.env.Tree, name, k.out.empty)
	if err != nil {
		return leaveDir, "", err
	}
	if len(children) > 0 && !empty && e.UID == 0 && e.Mode&0o022 == 0 {
		// Where all that was in it stays behind, only root may put something
		// there.
		return keepIfUsed, "the final stage made it", nil
	}
	return keepDir, "the final stage made it", nil
}

// finish reports what stays behind, but for what lies in a directory that does.
func (k *keeper) finish() {
	if len(k.builds) > 0 {
		k.warn("COPY", strings.Join(k.builds, ", ")+" was left out: it describes the build", "add it to .dockerignore; include: carries it all the same")
	}
	for _, name := range slices.Sorted(maps.Keys(k.left)) {
		l := k.left[name]
		if l.Files > 0 && k.leftAbove(name) {
			continue
		}
		k.out.left = append(k.out.left, l)
	}
}

func (k *keeper) leftAbove(name string) bool {
	for dir := path.Dir(name); dir != "/"; dir = path.Dir(dir) {
		if _, ok := k.left[dir]; ok {
			return true
		}
	}
	return false
}
