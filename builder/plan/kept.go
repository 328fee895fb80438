package plan

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/whittle-oci/whittle/builder/packages"
	"github.com/whittle-oci/whittle/builder/runtimes"
	"github.com/whittle-oci/whittle/builder/tree"
)

// kept carries what the Dockerfile put into the final stage: every path in
// which the built tree differs from the base image, but for what a package
// manager or a compiler left there.
func (m *maker) kept(ctx context.Context) error {
	if m.in.Changed == nil {
		return nil
	}
	k := &keeper{maker: m, roots: m.cacheRoots()}
	if err := k.walk(ctx, "/"); err != nil {
		return fmt.Errorf("reading what the build changed: %w", err)
	}
	var base *packages.DB
	if m.in.Base != nil {
		var err error
		if base, err = packages.Open(ctx, m.in.Base); err != nil {
			return err
		}
	}
	owned, err := m.db.Drop(ctx, base, k.names)
	if err != nil {
		return fmt.Errorf("reading the package database: %w", err)
	}
	k.owned = owned
	if err := k.provided(ctx); err != nil {
		return err
	}
	for _, name := range k.names {
		if err := k.decide(ctx, name); err != nil {
			return err
		}
	}
	return k.settle(ctx)
}

// keeper decides about changed files, one at a time.
type keeper struct {
	*maker
	roots   []cacheRoot
	names   []string // changed paths, parents first
	owned   map[string]packages.Package
	left    map[string]*Left
	links   []string // kept symbolic links, looked at when the files are known
	dirs    []string // changed directories, parents first
	scripts []string // kept #! scripts that nothing names as a program
}

// walk collects changed paths and leaves whole directories out early, so that
// a module cache of a hundred thousand files costs nothing.
func (k *keeper) walk(ctx context.Context, dir string) error {
	entries, err := k.in.Changed.ReadDir(ctx, dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		name := path.Join(dir, e.Name)
		if slices.Contains(pseudo, name) || slices.Contains(accountFiles, name) {
			continue
		}
		if why := k.skipped(ctx, name, e); why != "" {
			k.leave(name, e, why)
			if w := k.walkedRoot(name); w != nil {
				w.skipped = append(w.skipped, name)
			}
			continue
		}
		k.changed[name] = e
		k.names = append(k.names, name)
		if !e.IsDir() {
			if w := k.walkedRoot(name); w != nil {
				w.seen = append(w.seen, name)
			}
			continue
		}
		if w := k.walkedRoot(name); w != nil {
			w.dirs = append(w.dirs, name)
		}
		isNew, err := k.isNew(ctx, name)
		if err != nil {
			return err
		}
		if isNew && k.walkedRoot(name) == nil {
			k.walked[name] = &walked{}
		}
		if err := k.walk(ctx, name); err != nil {
			return err
		}
	}
	return nil
}

// walkedRoot finds the new directory that name lies in, nil when there is
// none.
func (k *keeper) walkedRoot(name string) *walked {
	for dir := path.Dir(name); dir != "/"; dir = path.Dir(dir) {
		if w, ok := k.walked[dir]; ok {
			return w
		}
	}
	return nil
}

// isNew reports whether the base image has nothing at name.
func (k *keeper) isNew(ctx context.Context, name string) (bool, error) {
	if k.in.Base == nil {
		return true, nil
	}
	_, err := tree.Resolve(ctx, k.in.Base, name)
	if errors.Is(err, fs.ErrNotExist) {
		return true, nil
	}
	return false, err
}

// leave notes that the file or directory at name stays behind. A directory's
// content is not counted: counting would be the cost that is being avoided.
func (k *keeper) leave(name string, e tree.Entry, why string) {
	if k.left == nil {
		k.left = map[string]*Left{}
	}
	l := &Left{Path: name, Why: why}
	if e.IsRegular() {
		l.Files, l.Bytes = 1, e.Size
	}
	k.left[name] = l
}

// decide carries one changed path or leaves it.
func (k *keeper) decide(ctx context.Context, name string) error {
	e := k.changed[name]
	if _, ok := k.entries[name]; ok && !e.IsDir() {
		return nil // a program, or something it needs
	}
	if pkg, ok := k.owned[name]; ok {
		if !e.IsDir() {
			k.leave(name, e, "belongs to the package "+pkg.Name)
		}
		return nil
	}
	switch {
	case e.IsDir():
		k.dirs = append(k.dirs, name)
		return nil
	case e.IsSymlink():
		k.links = append(k.links, name)
		return nil
	case !e.IsRegular():
		k.leave(name, e, "is a device, socket or pipe")
		return nil
	}
	if why := k.unwanted(name); why != "" {
		k.leave(name, e, why)
		return nil
	}
	secret, err := k.secret(ctx, name, e)
	if err != nil {
		return err
	}
	if secret != "" {
		k.leave(name, e, secret)
		k.warn("COPY", fmt.Sprintf("%s was left out: it %s", name, secret), "mount it as a secret at run time; include: carries it all the same")
		return nil
	}
	entry := k.place(name, e, "the final stage put it there")
	entry.Droppable = true
	return k.support(ctx, name, e)
}

// support carries the libraries of a kept executable or library, so that what
// the program starts or loads works too. What is missing there is a warning:
// nobody has said that the file is run.
func (k *keeper) support(ctx context.Context, name string, e tree.Entry) error {
	if e.Mode&0o111 == 0 && !strings.Contains(path.Base(name), ".so") || e.Size < 52 {
		return nil
	}
	r, err := k.t.Open(ctx, name)
	if err != nil {
		return err
	}
	head := make([]byte, 64)
	n, err := r.ReadAt(head, 0)
	if n < 4 && err != nil {
		return fmt.Errorf("reading %s: %w", name, err)
	}
	if _, ok := runtimes.Shebang(head[:n]); ok {
		k.scripts = append(k.scripts, name)
		return nil
	}
	if !bytes.HasPrefix(head, []byte("\x7fELF")) {
		return nil
	}
	err = k.binary(ctx, executable{name: name, reason: "kept"}, name)
	if bad, ok := errors.AsType[*RefusedError](err); ok {
		k.warn("", fmt.Sprintf("%s is kept and could not run: %s", name, bad.Message), bad.Hint)
		return nil
	}
	if u, ok := errors.AsType[*UnsupportedError](err); ok {
		return u
	}
	return err
}

// settle decides about links and directories, which depend on what was kept.
func (k *keeper) settle(ctx context.Context) error {
	for _, name := range k.links {
		if err := k.settleLink(ctx, name); err != nil {
			return err
		}
	}
	for _, name := range slices.Backward(k.dirs) {
		if err := k.settleDir(ctx, name); err != nil {
			return err
		}
	}
	for _, name := range k.scripts {
		k.warn("", fmt.Sprintf("%s is a script that is kept without its interpreter", name), "exclude: it, or include: the interpreter when the program runs it")
	}
	for _, l := range k.left {
		if l.Files > 0 && k.leftAbove(l.Path) {
			continue
		}
		k.plan.Left = append(k.plan.Left, *l)
	}
	return nil
}

func (k *keeper) leftAbove(name string) bool {
	for dir := path.Dir(name); dir != "/"; dir = path.Dir(dir) {
		if _, ok := k.left[dir]; ok {
			return true
		}
	}
	return false
}

// settleLink keeps a changed link when it leads to something the image has, or
// to a data file, which then comes along.
func (k *keeper) settleLink(ctx context.Context, name string) error {
	e := k.changed[name]
	res, err := tree.Resolve(ctx, k.t, name)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, tree.ErrLoop) {
		k.leave(name, e, "is a link that leads nowhere")
		return nil
	}
	if err != nil {
		return err
	}
	_, have := k.entries[res.Path]
	if !have && res.Entry.IsDir() {
		for p := range k.entries {
			if strings.HasPrefix(p, res.Path+"/") {
				have = true
				break
			}
		}
	}
	if !have && (!res.Entry.IsRegular() || res.Entry.Mode&0o111 != 0) {
		k.leave(name, e, "is a link to "+res.Path+", which was left out")
		return nil
	}
	if _, _, err := k.carry(ctx, name, "the final stage put it there"); err != nil {
		return err
	}
	k.entries[name].Droppable = true
	return nil
}

// settleDir keeps a directory that the Dockerfile made empty, or whose owner
// or mode it changed. Directories that hold kept files come by themselves.
func (k *keeper) settleDir(ctx context.Context, name string) error {
	e := k.changed[name]
	children, err := k.in.Changed.ReadDir(ctx, name)
	if err != nil {
		return err
	}
	if k.in.Base != nil {
		res, err := tree.Resolve(ctx, k.in.Base, name)
		if err == nil {
			if res.Path != name || res.Entry.Mode == e.Mode && res.Entry.UID == e.UID && res.Entry.GID == e.GID {
				return nil
			}
			k.place(name, e, "the final stage changed its owner or mode").Droppable = true
			return nil
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	if len(children) > 0 && !k.holds(name) {
		return nil
	}
	k.place(name, e, "the final stage made it").Droppable = true
	return nil
}

// holds reports whether anything below dir is carried.
func (k *keeper) holds(dir string) bool {
	for p := range k.entries {
		if strings.HasPrefix(p, dir+"/") {
			return true
		}
	}
	return false
}
