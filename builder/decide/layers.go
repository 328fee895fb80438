package decide

import (
	"context"
	"errors"
	"slices"
	"strings"

	dockerspec "github.com/moby/docker-image-spec/specs-go/v1"

	"github.com/whittle-oci/whittle/builder/image"
	"github.com/whittle-oci/whittle/builder/need"
	"github.com/whittle-oci/whittle/builder/need/distribution"
	"github.com/whittle-oci/whittle/builder/need/elf"
	"github.com/whittle-oci/whittle/builder/tree"
)

// minLayer is the content, in bytes, below which files get no layer of their
// own: a layer costs a request, a pull of a small one takes as long as that of
// 64 KiB more.
const minLayer = 64 << 10

// The layers of an image, from the one that changes least.
const (
	runtimeLayer      = "runtime"      // what the base image alone gives
	dependenciesLayer = "dependencies" // what packages and evidence add to it
	applicationLayer  = "application"  // what the Dockerfile put there
)

// base is what a base image gives to every image on it whose program runs on
// the same interpreter, whatever else is in that image.
type base struct {
	program string
	files   *drafts
	roots   []string // directories that may be copied as a whole
	tree    tree.Tree
	// bytecode says which of its compiled modules depend on times, nil for none.
	bytecode *image.Bytecode
}

// shared decides what of a base image goes into a layer that all images on it
// share: what an image would hold that starts the program of this one and adds
// nothing to its base. Nothing of the application has a say in it, so that the
// layer is the same for all of them by construction. It is nil where the base
// image does not bring the program, or could not run it alone.
func shared(ctx context.Context, in Input, elves *elf.Files, mains []string) (*base, error) {
	if in.Base == nil || in.Changed == nil || in.Trust != nil || in.Options.OneLayer {
		return nil, nil
	}
	program, err := interpreter(ctx, in, mains)
	if program == "" || err != nil {
		return nil, err
	}
	before := tree.Before{Base: in.Base, Final: in.Tree, Changed: in.Changed}
	alone := Input{
		Tree: before, Base: before, Changed: &tree.Memory{},
		Config: dockerspec.DockerOCIImageConfig{},
		Options: Options{
			Exclude: in.Options.Exclude, StrictPackages: in.Options.StrictPackages, NoLicences: in.Options.NoLicences,
			NoIdentity: true, NoEvidence: true, OneLayer: true,
		},
	}
	alone.Config.Entrypoint, alone.Config.Env = []string{program}, in.BaseEnv
	got, err := settle(ctx, alone, elves.Same(func(name string) bool {
		_, err := in.Changed.Lstat(ctx, name)
		return need.Missing(err)
	}), nil)
	if errors.As(err, new(*image.RefusedError)) || errors.As(err, new(*image.UnsupportedError)) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	out := &base{program: program, files: newDrafts(), roots: slices.Concat(got.of.kept.roots, got.of.made.roots), tree: before, bytecode: bytecode(got.of.closed)}
	for _, d := range got.files.entries() {
		// What is the user's differs from one image to the next.
		if d.Source != "" && d.Type != image.Dir && d.UID == 0 && d.GID == 0 {
			out.files.put(d)
		}
	}
	out.files.parents(got.files)
	return out, nil
}

// interpreter finds the program that the base image brings and the image
// starts, "" for none. Shells and wrappers start others.
func interpreter(ctx context.Context, in Input, mains []string) (string, error) {
	for _, program := range mains {
		if distribution.Helper(program) {
			continue
		}
		_, err := in.Changed.Lstat(ctx, program)
		if need.Missing(err) {
			return program, nil
		}
		if err != nil {
			return "", err
		}
	}
	return "", nil
}

// differs gives a file of the shared layer that the image does not have, or has
// in another way, "" for none.
func (b *base) differs(ctx context.Context, in Input, files *drafts, compiled *image.Bytecode) (string, error) {
	first := map[string]bool{} // names that others are hard links to
	for _, d := range b.files.entries() {
		if d.Type == image.Dir {
			continue
		}
		have := files.find(d.Path)
		if have == nil || have.Type != d.Type || have.Source != d.Source || have.Mode != d.Mode || have.UID != d.UID || have.GID != d.GID || have.Linkname != d.Linkname || have.Hardlink != d.Hardlink || have.ModTime != d.ModTime {
			return d.Path, nil
		}
		if _, err := in.Changed.Lstat(ctx, d.Path); !need.Missing(err) {
			return d.Path, err
		}
		if compiled != nil && compiled.Holds(d.Path) && !(b.bytecode != nil && b.bytecode.Holds(d.Path)) {
			return d.Path, nil
		}
		first[d.Path] = true
	}
	for _, d := range files.entries() {
		if d.Hardlink != "" && first[d.Hardlink] && b.files.find(d.Path) == nil {
			return d.Path, nil
		}
	}
	return "", nil
}

// A part is a layer in the making.
type part struct {
	name  string
	files *drafts
	roots []string  // directories that may be copied as a whole
	tree  tree.Tree // what the files are copied from
}

// layers divides an image into layers: what it shares with other images on its
// base, what packages and evidence add, and what the Dockerfile put there, which
// changes most often. Directories are in every layer that has something in them.
func layers(ctx context.Context, in Input, files *drafts, of phases, b *base) ([]part, error) {
	roots := slices.Concat(of.kept.roots, of.made.roots)
	if in.Options.OneLayer || in.Changed == nil || in.Trust != nil { // a machine is nobody's base image
		return []part{{"", files, roots, in.Tree}}, nil
	}
	below := &part{runtimeLayer, newDrafts(), nil, nil}
	if b != nil {
		name, err := b.differs(ctx, in, files, bytecode(of.closed))
		if err != nil {
			return nil, err
		}
		if name == "" {
			below.files, below.roots, below.tree = b.files, b.roots, b.tree
		}
	}
	dependencies := &part{dependenciesLayer, newDrafts(), roots, in.Tree}
	application := &part{applicationLayer, newDrafts(), roots, in.Tree}
	by := sorter{in, of.recorded.owner}
	last, err := by.linked(ctx, files)
	if err != nil {
		return nil, err
	}
	occupied := files.occupied()
	for _, d := range files.entries() {
		same := below.files.find(d.Path)
		switch {
		case d.Type != image.Dir && same != nil:
			continue
		case d.Type == image.Dir && occupied[d.Path] && (same == nil || same.Mode == d.Mode && same.UID == d.UID && same.GID == d.GID):
			continue // it comes with what is in it
		}
		to := dependencies
		own, err := by.application(ctx, d)
		if err != nil {
			return nil, err
		}
		if own || last[orElse(d.Hardlink, d.Path)] {
			to = application
		}
		to.files.put(d)
	}
	if dependencies.files.size() < minLayer {
		for _, d := range dependencies.files.entries() {
			application.files.put(d)
		}
		dependencies.files = newDrafts()
	}
	var out []part
	for _, p := range []*part{below, dependencies, application} {
		if len(p.files.list) == 0 {
			continue
		}
		if p != below {
			p.files.parents(files)
		}
		out = append(out, *p)
	}
	return out, nil
}

// layer makes the layer of a plan whose entries are known.
func (p part) layer(ctx context.Context, of *image.Plan) (image.Layer, error) {
	whole, err := subtrees(ctx, p.tree, p.roots, p.files)
	if err != nil {
		return image.Layer{}, err
	}
	out := image.Layer{Name: p.name, Entries: of.Entries, Subtrees: whole}
	if len(p.files.list) < len(of.Entries) {
		out.Entries = make([]image.Entry, 0, len(p.files.list))
		for _, d := range p.files.entries() {
			e, _ := of.Find(d.Path)
			if e.Type == image.Dir { // the shared layer has its own
				e.Mode, e.ModeText, e.UID, e.GID = d.Mode, image.Octal(d.Mode), d.UID, d.GID
			}
			out.Entries = append(out.Entries, e)
		}
	}
	return out, nil
}

// A sorter tells the files of the application from others.
type sorter struct {
	in    Input
	owner map[string]string // package by path
}

// application reports whether a file is one that the Dockerfile put there and
// that no package manager did, of the distribution or of a language.
func (s sorter) application(ctx context.Context, d *draft) (bool, error) {
	if d.Source == "" || s.owner[d.Path] != "" || dependency(d.Path) {
		return false, nil
	}
	_, err := s.in.Changed.Lstat(ctx, d.Source)
	if need.Missing(err) {
		return false, nil
	}
	return err == nil, err
}

// linked gives the first names of files with several names of which one is the
// application's: all of them are in one layer.
func (s sorter) linked(ctx context.Context, files *drafts) (map[string]bool, error) {
	out := map[string]bool{}
	several := map[string]bool{}
	for _, d := range files.entries() {
		if d.Hardlink != "" {
			several[d.Hardlink] = true
		}
	}
	for _, d := range files.entries() {
		first := orElse(d.Hardlink, d.Path)
		if !several[first] || d.Type == image.Dir {
			continue
		}
		own, err := s.application(ctx, d)
		if err != nil {
			return nil, err
		}
		out[first] = out[first] || own
	}
	return out, nil
}

// dependency reports whether a path lies where package managers of a language
// put what an application depends on: npm (folders, docs.npmjs.com), Python
// (site(3)), Composer and Bundler (their vendor directories), RubyGems, Spring
// Boot and servlets (the executable jar and war formats). 2026-11.
func dependency(name string) bool {
	parts := strings.Split(name, "/")
	for i, p := range parts[:len(parts)-1] {
		switch p {
		case "node_modules", "site-packages", "dist-packages", "vendor", "gems":
			return true
		case "BOOT-INF", "WEB-INF":
			return parts[i+1] == "lib"
		}
	}
	return false
}
