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
	"github.com/whittle-oci/whittle/builder/tree"
)

// kept carries what the Dockerfile put into the final stage: every path in
// which the built tree differs from the base image, but for what a package
// manager or a compiler left there. Where the base image brought the program
// itself, outside of any package, what it holds beyond packages counts too.
func (m *maker) kept(ctx context.Context) error {
	if m.in.Changed == nil {
		return nil
	}
	roots, err := m.cacheRoots(ctx)
	if err != nil {
		return err
	}
	k := &keeper{maker: m, roots: roots, changedTree: m.in.Changed, base: m.in.Base, reason: "the final stage put it there"}
	if m.application != "" {
		k.changedTree, k.base, k.reason = m.t, nil, "came with "+m.application+" in the base image"
	}
	if err := k.walk(ctx, "/"); err != nil {
		return fmt.Errorf("reading what the build changed: %w", err)
	}
	if err := k.packaged(ctx); err != nil {
		return err
	}
	if err := k.lookAhead(ctx); err != nil {
		return err
	}
	for _, name := range k.names {
		if err := k.decide(ctx, name); err != nil {
			return err
		}
	}
	return k.settle(ctx)
}

// packaged asks which of the changed paths packages brought.
func (k *keeper) packaged(ctx context.Context) error {
	var base *packages.DB
	if k.base != nil {
		var err error
		if base, err = packages.Open(ctx, k.base); err != nil {
			return err
		}
	}
	var err error
	if k.owned, err = k.db.Drop(ctx, base, k.changed); err != nil {
		return fmt.Errorf("reading the package database: %w", err)
	}
	return nil
}

// keeper decides about changed files, one at a time.
type keeper struct {
	*maker
	changedTree tree.Tree
	base        tree.Tree         // nil when everything counts as changed
	reason      string            // why files are kept
	roots       map[string]string // caches, and what they are
	names       []string          // changed paths, parents first
	owned       map[string]packages.Package
	left        map[string]*Left
	links       []string // kept symbolic links, looked at when the files are known
	dirs        []string // changed directories, parents first
	scripts     []string // kept #! scripts that nothing names as a program
	builds      []string // files that describe the build
}

// walk collects changed paths and leaves whole directories out early, so that
// a module cache of a hundred thousand files costs nothing.
func (k *keeper) walk(ctx context.Context, dir string) error {
	entries, err := k.changedTree.ReadDir(ctx, dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		name := path.Join(dir, e.Name)
		if slices.Contains(pseudo, name) {
			continue
		}
		why := k.skipped(ctx, name, e)
		if slices.Contains(accountFiles, name) {
			why = "is written anew for the user of the image"
		}
		if why != "" {
			k.leave(name, e, why)
			continue
		}
		k.changed[name] = e
		k.names = append(k.names, name)
		if !e.IsDir() {
			continue
		}
		if err := k.enter(ctx, name); err != nil {
			return err
		}
	}
	return nil
}

// enter walks a directory, and notes the outermost ones that are new.
func (k *keeper) enter(ctx context.Context, name string) error {
	if k.inWalked(name) {
		return k.walk(ctx, name)
	}
	isNew, err := k.isNew(ctx, name)
	if err != nil {
		return err
	}
	if isNew {
		k.walked[name] = true
	}
	return k.walk(ctx, name)
}

// inWalked reports whether name lies in a new directory.
func (k *keeper) inWalked(name string) bool {
	for dir := path.Dir(name); dir != "/"; dir = path.Dir(dir) {
		if k.walked[dir] {
			return true
		}
	}
	return false
}

// isNew reports whether the base image has nothing at name.
func (k *keeper) isNew(ctx context.Context, name string) (bool, error) {
	if k.base == nil {
		return true, nil
	}
	_, err := tree.Resolve(ctx, k.base, name)
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

// leavePackaged counts a file of a package that stays behind. Packages are told
// as a whole: an installation may bring thousands of files.
func (k *keeper) leavePackaged(e tree.Entry, pkg string) {
	l, ok := k.unneeded[pkg]
	if !ok {
		l = &Left{Path: "package " + pkg}
		k.unneeded[pkg] = l
	}
	if e.IsRegular() {
		l.Files++
		l.Bytes += e.Size
	}
}

// decide carries one changed path or leaves it.
func (k *keeper) decide(ctx context.Context, name string) error {
	e := k.changed[name]
	if _, ok := k.entries[name]; ok && !e.IsDir() {
		return nil // a program, or something it needs
	}
	if pkg, ok := k.owned[name]; ok {
		if !e.IsDir() {
			k.leavePackaged(e, pkg.Name)
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
		k.warn("", name+" was left out: it is a device, socket or pipe", "make it when the container starts")
		return nil
	}
	if k.application != "" && strings.HasPrefix(name, "/var/log/") {
		k.leave(name, e, "is a log of the base image")
		return nil
	}
	why, err := k.unwanted(ctx, name, e)
	if err != nil {
		return err
	}
	if why != "" {
		k.leave(name, e, why)
		return nil
	}
	if why, err = k.secret(ctx, name, e); err != nil {
		return err
	}
	if why != "" {
		k.leave(name, e, why)
		k.warnSecret(name, why)
		return nil
	}
	k.place(name, e, k.reason).Droppable = true
	return k.support(ctx, name, e)
}

// support carries the libraries of a kept executable or library, so that what
// the program starts or loads works too. What is missing there is a warning:
// nobody has said that the file is run.
func (k *keeper) support(ctx context.Context, name string, e tree.Entry) error {
	if e.Mode&0o111 == 0 && !strings.Contains(path.Base(name), ".so") || e.Size == 0 {
		return nil
	}
	head, err := k.head(ctx, name)
	if err != nil {
		return err
	}
	if bytes.HasPrefix(head, []byte("#!")) {
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
	return err
}
