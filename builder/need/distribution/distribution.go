// Package distribution knows what the program of a distribution's package
// needs although no header names it and the Dockerfile did not put it there: a
// web server is nothing without its configuration, its modules and its state
// directories. Programs that belong to the distribution itself, such as a
// shell, bring nothing.
package distribution

import (
	"context"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/whittle-oci/whittle/builder/need"
	"github.com/whittle-oci/whittle/builder/packages"
	"github.com/whittle-oci/whittle/builder/tree"
	"github.com/whittle-oci/whittle/lint/command"
)

// A Provider answers for programs that packages own, and for the
// configuration of programs.
type Provider struct {
	db        *packages.DB
	base      *packages.DB // of the base image, nil for none
	data      bool         // programs bring the data of their packages
	strict    bool         // packages bring nothing for others
	relations relations
	asked     []packages.Package     // nil until they are looked up
	loaded    *need.Found            // what those bring that are there to be loaded
	walked    map[string][]need.Need // what lies in directories that links of packages lead to
}

// New returns a provider over the package database of the tree, and that of the
// base image, nil for none. Without data it reads configuration only: who packs
// single programs says what else there is. A strict one follows files, and no
// relations of packages.
func New(db, base *packages.DB, data, strict bool) *Provider {
	return &Provider{walked: map[string][]need.Need{}, db: db, base: base, data: data, strict: strict, relations: relations{brought: map[string]*need.Bundle{}, data: map[string]need.Found{}, linked: map[string][]string{}, kinds: map[string]packageFiles{}}}
}

// Claims implements need.Provider: programs and libraries, whose packages may
// have data and modules, and configuration below /etc.
func (p *Provider) Claims(v need.Visit) bool {
	if v.Need.Kind == need.Config {
		return strings.HasPrefix(v.Path, "/etc/") && v.Entry.Size <= maxConfiguration
	}
	if !p.data || v.Need.Kind != need.Program && v.Need.Kind != need.Library && v.Need.Kind != need.Module {
		return false
	}
	return !p.strict || p.isMain(v)
}

// isMain reports whether a file is a program that the image is for.
func (p *Provider) isMain(v need.Visit) bool {
	return v.Need.Kind == need.Program && Main(v.Need.Instruction) && !Helper(v.Path)
}

// Main reports whether an instruction starts the programs that an image is
// for.
func Main(instruction string) bool { return slices.Contains(need.Starts, instruction) }

// Helper reports whether a program is there to start others rather than for
// itself: a wrapper, a shell, a box of commands.
func Helper(program string) bool {
	return command.IsWrapper(program) || command.IsShell(program) || command.IsMulticall(program)
}

// Needs implements need.Provider.
func (p *Provider) Needs(ctx context.Context, env *need.Env, v need.Visit) (need.Found, error) {
	if v.Need.Kind == need.Config {
		_, owned, err := p.db.Owner(ctx, v.Path)
		if err != nil {
			return need.Found{}, fmt.Errorf("looking up the package of %s: %w", v.Path, err)
		}
		return configuration(ctx, env, v, !owned)
	}
	var out need.Found
	pkg, owned, err := p.db.Owner(ctx, v.Path)
	if err != nil {
		return out, fmt.Errorf("looking up the package of %s: %w", v.Path, err)
	}
	if !owned {
		return out, nil
	}
	if system, err := p.db.System(ctx, *pkg); system || err != nil {
		return out, err
	}
	if !p.strict {
		bundle, err := p.related(ctx, env, *pkg)
		if err != nil {
			return out, fmt.Errorf("following the package %s: %w", pkg.Name, err)
		}
		out.Bundles = []*need.Bundle{bundle}
	}
	if !p.isMain(v) {
		return out, nil
	}
	family, dirs, err := p.db.Family(ctx, *pkg, v.Path)
	if err != nil {
		return out, fmt.Errorf("looking up the packages around %s: %w", v.Path, err)
	}
	for _, member := range family {
		files, err := p.db.Files(ctx, member)
		if err != nil {
			return out, fmt.Errorf("listing the files of %s: %w", member.Name, err)
		}
		for _, name := range files {
			if err := p.packageFile(ctx, env, &out, member.Name, name, v.Path, fmt.Sprintf("data of the package %s, for %s", member.Name, v.Path)); err != nil {
				return out, err
			}
		}
	}
	// What somebody put into the directories of the program by hand.
	for _, dir := range dirs {
		if err := p.unowned(ctx, env, &out, dir, v.Path); err != nil {
			return out, err
		}
	}
	// Services write their process number there, and what they keep for a while.
	out.Facts = append(out.Facts, need.Fact{Kind: need.Temp, Reason: "the package " + pkg.Name + " has data, as services do, which keep temporary files"})
	for _, dir := range []string{"/run", "/var/run"} {
		out.Facts = append(out.Facts, state(dir))
	}
	// And locks, where the base image has a place for them: Debian's is a link.
	switch res, err := tree.Resolve(ctx, env.Tree, "/var/lock"); {
	case need.Missing(err), err == nil && !res.Entry.IsDir():
	case err != nil:
		return out, err
	default:
		out.Facts = append(out.Facts, state("/var/lock"))
	}
	return out, nil
}

func state(dir string) need.Fact {
	return need.Fact{Kind: need.State, Subject: dir, Reason: "the program's package keeps data there"}
}

// packageFile asks for one path of a package when a running program may read
// it, and notes it when the program may write to it.
func (p *Provider) packageFile(ctx context.Context, env *need.Env, out *need.Found, pkg, name, program, reason string) error {
	if !isDataOf(pkg, name) {
		return nil
	}
	dir, err := tree.Resolve(ctx, env.Tree, path.Dir(name))
	if need.Missing(err) {
		return nil
	}
	if err != nil {
		return err
	}
	real := path.Join(dir.Path, path.Base(name))
	e, err := env.Tree.Lstat(ctx, real)
	if need.Missing(err) {
		return nil // deleted since, diverted, or documentation of a slim image
	}
	if err != nil {
		return err
	}
	if e.IsDir() {
		if stateDir(name) {
			out.Facts = append(out.Facts, state(name))
		}
		return nil
	}
	for _, l := range dir.Links {
		out.Needs = append(out.Needs, need.Need{Kind: need.Link, Path: l, By: program, Reason: reason, Strength: need.Expected})
	}
	return p.datum(ctx, env, out, real, e, program, reason)
}

// datum asks for a file or link at its real path. Links to programs stay
// behind: a program comes when something runs it.
func (p *Provider) datum(ctx context.Context, env *need.Env, out *need.Found, real string, e tree.Entry, program, reason string) error {
	n := need.Need{Kind: need.Config, Path: real, By: program, Reason: reason, Strength: need.Expected}
	switch {
	case e.IsSymlink():
		res, err := tree.Resolve(ctx, env.Tree, real)
		if err != nil && !need.Missing(err) {
			return err
		}
		if err == nil && onPath(res.Path) {
			return nil
		}
		if err == nil && res.Entry.IsDir() {
			if err := p.linked(ctx, env, out, res.Path); err != nil {
				return err
			}
		}
		if err != nil || !res.Entry.IsRegular() {
			n.Kind = need.Link
		}
		n.Entry = nil
	case !e.IsRegular():
		return nil
	default:
		n.Droppable, n.Entry = true, &e
	}
	out.Needs = append(out.Needs, n)
	return nil
}

// everybodys are directories that belong to no package alone.
var everybodys = []string{"/etc", "/etc/alternatives", "/usr/share", "/usr/libexec", "/usr/local", "/opt", "/srv", "/usr/share/fonts"}

// byItself are directories whose files come by evidence of their own, in the
// form that it needs.
var byItself = []string{"/etc/ssl", "/usr/share/ca-certificates", "/usr/share/zoneinfo", "/usr/lib/locale", "/usr/share/i18n", "/usr/share/terminfo", "/usr/lib/terminfo", "/lib/terminfo", "/usr/lib/dpkg", "/usr/lib/apt"}

// maxLinked bounds the entries of a directory that a link of a package leads to.
const maxLinked = 20_000

// linked asks for what lies in a directory that a link of a package leads to,
// where that is one of data: packages share pages and fonts so.
func (p *Provider) linked(ctx context.Context, env *need.Env, out *need.Found, dir string) error {
	within := func(dirs ...string) bool {
		return slices.ContainsFunc(dirs, func(top string) bool { return need.Below(dir, top) })
	}
	if !within("/usr/share", "/usr/lib", "/usr/libexec", "/etc", "/opt") || within(byItself...) || slices.Contains(everybodys, dir) || libraryDir().MatchString(dir) || !IsData(path.Join(dir, "x")) {
		return nil
	}
	if found, ok := p.walked[dir]; ok {
		out.Needs = append(out.Needs, found...)
		return nil
	}
	var all []need.Need
	n := 0
	err := tree.Walk(ctx, env.Tree, dir, func(at string, e tree.Entry) error {
		if n++; n > maxLinked || e.IsDir() || !IsData(at) || !e.IsRegular() && !e.IsSymlink() {
			return nil
		}
		found := need.Need{Kind: need.Config, Path: at, By: dir, Reason: "in " + dir + ", which a link of a package leads to", Strength: need.Expected, Droppable: true}
		if e.IsSymlink() {
			res, ok, err := tree.Find(ctx, env.Tree, at)
			if err != nil || ok && res.Entry.IsDir() && !need.Below(res.Path, dir) {
				return err // of another directory, which is not followed further
			}
			if !ok || res.Entry.IsDir() {
				found.Kind = need.Link
			}
		} else {
			found.Entry = &e
		}
		all = append(all, found)
		return nil
	})
	if err != nil {
		return err
	}
	p.walked[dir] = all
	out.Needs = append(out.Needs, all...)
	return nil
}

// unowned asks for what no package owns below a directory of the program.
func (p *Provider) unowned(ctx context.Context, env *need.Env, out *need.Found, dir, program string) error {
	if !IsData(path.Join(dir, "x")) {
		return nil
	}
	res, err := tree.Resolve(ctx, env.Tree, dir)
	if need.Missing(err) || err == nil && !res.Entry.IsDir() {
		return nil
	}
	if err != nil {
		return err
	}
	return tree.Walk(ctx, env.Tree, res.Path, func(name string, e tree.Entry) error {
		if strings.HasPrefix(name, "/var/log/") && e.IsRegular() || !IsData(name) || e.IsDir() {
			return nil
		}
		if _, owned, err := p.db.Owner(ctx, name); owned || err != nil {
			return err
		}
		return p.datum(ctx, env, out, name, e, program, "in a directory of "+program)
	})
}

// maxConfiguration is the largest file of /etc that is read for names of other
// files, in bytes.
const maxConfiguration = 256 << 10

// namedFile matches an absolute path in a configuration file.
var namedFile = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`(?:^|[\s"'=:])(/(?:etc|opt|srv|usr|bin|sbin)/[A-Za-z0-9_./+@-]+)`)
})

// configuration asks for the files that a program's configuration names, which
// may belong to other packages. Programs count where the configuration is the
// user's own: those of packages name many that are never run.
func configuration(ctx context.Context, env *need.Env, v need.Visit, own bool) (need.Found, error) {
	var out need.Found
	data, err := tree.ReadFile(ctx, env.Tree, v.Path, maxConfiguration)
	if err != nil {
		return out, fmt.Errorf("reading the configuration %s: %w", v.Path, err)
	}
	for line := range strings.Lines(string(data)) {
		if strings.HasPrefix(strings.TrimSpace(line), "#") {
			continue
		}
		for _, found := range namedFile().FindAllStringSubmatch(line, -1) {
			n := need.Need{Kind: need.Named, Path: path.Clean(found[1]), By: v.Path, Reason: "named in " + v.Path, Strength: need.Expected}
			if onPath(n.Path) {
				if !own {
					continue
				}
				n.Strength, n.Droppable = need.Optional, true
			}
			out.Needs = append(out.Needs, n)
		}
	}
	return out, nil
}
