package distribution

import (
	"context"
	"path"
	"slices"
	"strings"

	"github.com/whittle-oci/whittle/builder/packages"
)

// A Holding is what a package has for programs at work.
type Holding struct {
	Text  string   // in words
	Paths []string // what include: has to name for it
}

// maxHeld is how many programs or directories a Holding names.
const maxHeld = 3

// Holds says what a package has for programs at work; ok is false when that is
// nothing.
func (p *Provider) Holds(ctx context.Context, pkg packages.Package) (h Holding, ok bool, err error) {
	if development, err := p.db.Development(ctx, pkg); development || err != nil {
		return h, false, err
	}
	files, err := p.filesOf(ctx, pkg)
	if err != nil {
		return h, false, err
	}
	kind := "its programs "
	held := files.programs
	if len(held) == 0 {
		kind, held = "its files in ", directories(files)
	}
	if len(held) == 0 {
		return h, false, nil
	}
	h.Paths = held[:min(len(held), maxHeld)]
	h.Text = kind + strings.Join(h.Paths, ", ")
	if len(held) > maxHeld {
		h.Text += " and others"
	}
	return h, true, nil
}

// DataDirectories gives the directories of a package's data, a few of them.
func (p *Provider) DataDirectories(ctx context.Context, name string) ([]string, error) {
	pkg, ok, err := p.db.Named(ctx, name)
	if !ok || err != nil {
		return nil, err
	}
	files, err := p.filesOf(ctx, pkg)
	if err != nil {
		return nil, err
	}
	dirs := directories(files)
	return dirs[:min(len(dirs), maxHeld)], nil
}

// directories gives the topmost directories that the data among files has for
// itself: below those that every package shares.
func directories(files packageFiles) []string {
	var out []string
	above := map[string]bool{}
	all := slices.Concat(files.others, files.libraries, files.programs)
	for _, f := range all {
		above[path.Dir(f)] = true
	}
	for _, f := range all {
		if !IsData(f) || above[f] {
			continue
		}
		dir, rest := shared(f)
		if first, _, more := strings.Cut(rest, "/"); more {
			dir = path.Join(dir, first)
		} else {
			dir = f
		}
		if !slices.Contains(out, dir) {
			out = append(out, dir)
		}
	}
	slices.Sort(out)
	return out
}

// shared splits a path behind the directories that belong to no package alone.
func shared(name string) (dir, rest string) {
	for at := path.Dir(name); at != "/"; at = path.Dir(at) {
		if libraryDir().MatchString(at) || slices.Contains([]string{"/usr/share", "/usr/libexec", "/usr", "/etc", "/var", "/var/lib", "/var/cache", "/opt", "/srv"}, at) {
			return at, strings.TrimPrefix(name, at+"/")
		}
	}
	return "/", strings.TrimPrefix(name, "/")
}

// ByEvidence reports whether the files of a package come when something shows a
// use of them, in the form that it needs.
func ByEvidence(name string) bool { return slices.Contains(byEvidence, name) }
