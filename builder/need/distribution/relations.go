package distribution

import (
	"cmp"
	"context"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/whittle-oci/whittle/builder/image"
	"github.com/whittle-oci/whittle/builder/need"
	"github.com/whittle-oci/whittle/builder/need/elf"
	"github.com/whittle-oci/whittle/builder/packages"
	"github.com/whittle-oci/whittle/builder/tree"
)

// What maintainers say of a package is evidence: a library whose file is in the
// image opens data and modules of the packages that its own depends on. The
// transitive closure of dependencies ends at the base system, at what serves
// builds, and where linking alone explains a dependency, which the loader's own
// closure follows file by file.

// installTime are packages that others depend on for their installation, or for
// the start of a whole machine, and interpreters, whose own files say what they
// need (Debian 12; 2026-11).
var installTime = []string{
	"adduser", "apt", "ca-certificates", "cdebconf", "debconf", "dbus", "dbus-daemon", "dbus-system-bus-common", "default-dbus-session-bus", "dbus-user-session", "dictionaries-common", "dpkg", "emacsen-common", "init-system-helpers", "install-info",
	"libpam-systemd", "locales", "locales-all", "lsb-base", "lsb-release", "man-db", "openssl", "procps", "psmisc", "runit-helper", "sensible-utils", "sgml-base", "ssl-cert", "systemd", "systemd-sysv", "sysvinit-utils", "tzdata", "ucf", "update-inetd", "xml-core", "logrotate", "cron-daemon-common",
	"perl", "perl-base", "python3", "python3-minimal", "ruby", "tcl", "guile-3.0", "default-jre-headless",
	// of distributions with rpm (Fedora 42; 2026-11)
	"chkconfig", "dbus-broker", "dbus-common", "info", "initscripts", "policycoreutils", "selinux-policy", "selinux-policy-targeted", "shadow-utils", "shadow", "systemd-libs", "systemd-pam", "util-linux", "util-linux-core",
}

// interpreter reports whether a package is a part of an interpreter.
func interpreter(name string) bool {
	return slices.ContainsFunc([]string{"perl-modules", "libperl", "python3.", "libpython3", "ruby2", "ruby3", "libruby", "openjdk-", "nodejs", "php-common", "php7.", "php8.", "libapache2-mod-php", "perl-interpreter", "perl-libs", "java-", "php-cli", "php-fpm"}, func(p string) bool { return strings.HasPrefix(name, p) })
}

// byEvidence are packages whose files come when something shows a use of them,
// in the form that it needs.
var byEvidence = []string{"ca-certificates", "tzdata", "netbase"}

// maxBeside is how much the data of a dependency may be that has programs of
// its own, none of which is known to run, in bytes: the data may be theirs
// alone.
const maxBeside = 4 << 20

// maxLinking is how many files of a package are read for what they link.
const maxLinking = 512

// relations remembers what packages bring.
type relations struct {
	brought map[string]*need.Bundle // by package
	data    map[string]need.Found   // by package, of itself, without reasons
	linked  map[string][]string     // by package, the libraries that its files link
	kinds   map[string]packageFiles // by package
}

// packageFiles are the files of a package by what they are.
type packageFiles struct {
	programs  []string // along PATH
	libraries []string // that the loader finds by name
	others    []string
}

func (p *Provider) filesOf(ctx context.Context, pkg packages.Package) (packageFiles, error) {
	if f, ok := p.relations.kinds[pkg.Key()]; ok {
		return f, nil
	}
	names, err := p.db.Files(ctx, pkg)
	if err != nil {
		return packageFiles{}, fmt.Errorf("listing the files of %s: %w", pkg.Name, err)
	}
	var out packageFiles
	for _, n := range names {
		switch {
		case path.Clean(n) == "/":
		case onPath(n):
			out.programs = append(out.programs, n)
		case onLoaderPath(n):
			out.libraries = append(out.libraries, n)
		default:
			out.others = append(out.others, n)
		}
	}
	p.relations.kinds[pkg.Key()] = out
	return out, nil
}

// related gives what a package brings when one of its programs or libraries is
// at work: its own data and modules, and those of its dependencies.
func (p *Provider) related(ctx context.Context, env *need.Env, pkg packages.Package) (*need.Bundle, error) {
	if b, ok := p.relations.brought[pkg.Key()]; ok {
		return b, nil
	}
	b := &need.Bundle{}
	base, err := p.outside(ctx, pkg)
	if err != nil {
		return nil, err
	}
	var out need.Found
	if err := p.toolchain(ctx, env, &out, pkg); err != nil {
		return nil, err
	}
	if !base {
		if err := p.dataOf(ctx, env, &out, pkg, "data of the package "+pkg.Name); err != nil {
			return nil, err
		}
		if err := p.dependencies(ctx, env, &out, pkg); err != nil {
			return nil, err
		}
	}
	b.Needs, b.Facts = out.Needs, out.Facts
	p.relations.brought[pkg.Key()] = b
	return b, nil
}

// outside reports whether relations end at a package.
func (p *Provider) outside(ctx context.Context, pkg packages.Package) (bool, error) {
	if slices.Contains(installTime, pkg.Name) || interpreter(pkg.Name) {
		return true, nil
	}
	if base, err := p.db.BaseSystem(ctx, pkg); base || err != nil {
		return true, err
	}
	return p.db.Development(ctx, pkg)
}

// dependencies adds what the dependencies of a package bring, and theirs.
func (p *Provider) dependencies(ctx context.Context, env *need.Env, out *need.Found, pkg packages.Package) error {
	seen := map[string]bool{pkg.Key(): true}
	for queue := []packages.Package{pkg}; len(queue) > 0; queue = queue[1:] {
		deps, err := p.db.Depends(ctx, queue[0])
		if err != nil {
			return err
		}
		for _, d := range deps {
			if seen[d.Key()] {
				continue
			}
			seen[d.Key()] = true
			follow, err := p.dependency(ctx, env, out, queue[0], d)
			if err != nil {
				return err
			}
			if follow {
				queue = append(queue, d)
			}
		}
	}
	return nil
}

// dependency adds what one package brings for another that depends on it, and
// reports whether its own dependencies count as well.
func (p *Provider) dependency(ctx context.Context, env *need.Env, out *need.Found, of, d packages.Package) (follow bool, err error) {
	if end, err := p.outside(ctx, d); end || err != nil {
		return false, err
	}
	files, err := p.filesOf(ctx, d)
	if err != nil {
		return false, err
	}
	reason := fmt.Sprintf("data of the package %s, which %s depends on", d.Name, of.Name)
	switch {
	case len(files.libraries) > 0:
		explained, err := p.links(ctx, env, of, files.libraries)
		if explained || err != nil {
			return false, err
		}
		if err := p.libraries(ctx, env, out, files.libraries, fmt.Sprintf("library of the package %s, which %s depends on and does not link", d.Name, of.Name)); err != nil {
			return false, err
		}
	case len(files.programs) > 0 && !ownData(of.Name, d.Name):
		size, err := p.size(ctx, env, d.Name, files.others)
		if err != nil {
			return false, err
		}
		if size > maxBeside {
			out.Facts = append(out.Facts, need.Fact{Kind: need.LeftData, Subject: d.Name, Reason: fmt.Sprintf("%s depends on %s, whose %s of data are not in the image, since no program of it is", of.Name, d.Name, image.FormatSize(size))})
			return false, nil
		}
	}
	return true, p.dataOf(ctx, env, out, d, reason)
}

// ownData reports whether a dependency is what a package calls its own data, by
// Debian's habit of names: vim-runtime, nmap-common.
func ownData(of, d string) bool {
	rest, ok := strings.CutPrefix(d, of+"-")
	return ok && slices.Contains([]string{"data", "runtime", "common", "base", "files", "core-data"}, rest)
}

// size sums up the data files of a package, in bytes.
func (p *Provider) size(ctx context.Context, env *need.Env, pkg string, names []string) (int64, error) {
	var sum int64
	for _, n := range names {
		if !isDataOf(pkg, n) {
			continue
		}
		e, err := env.Tree.Lstat(ctx, n)
		if need.Missing(err) {
			continue
		}
		if err != nil {
			return 0, err
		}
		if e.IsRegular() {
			sum += e.Size
		}
	}
	return sum, nil
}

// dataOf asks for the data and modules of a package, and for what its
// installation made in directories that it has for itself. Many packages may
// depend on one: what it has is looked up once, the reason is that of who asks.
func (p *Provider) dataOf(ctx context.Context, env *need.Env, out *need.Found, pkg packages.Package, reason string) error {
	data, ok := p.relations.data[pkg.Key()]
	if !ok {
		files, err := p.filesOf(ctx, pkg)
		if err != nil {
			return err
		}
		by := "the package " + pkg.Name
		for _, name := range files.others {
			if err := p.packageFile(ctx, env, &data, pkg.Name, name, by, ""); err != nil {
				return err
			}
		}
		if err := p.madeBeside(ctx, env, &data, pkg, files.others); err != nil {
			return err
		}
		p.relations.data[pkg.Key()] = data
	}
	for _, n := range data.Needs {
		n.Reason = cmp.Or(n.Reason, reason)
		out.Needs = append(out.Needs, n)
	}
	out.Facts = append(out.Facts, data.Facts...)
	return nil
}

// maxBesides is how many entries a directory may have that is looked through
// for what an installation made there.
const maxBesides = 1000

// maxMade is how much may lie in a directory that the installation of a
// dependency made, in bytes: without it most programs do. What comes of a package
// that was asked for by name may be larger.
const (
	maxMade      = 1 << 20
	maxMadeAsked = 64 << 20
)

// madeBeside asks for what no package owns in the directories that the files of
// one lie in, such as the list of modules that a trigger wrote, and in the
// directories that were made there, such as the kinds of files that
// update-mime-database takes apart.
func (p *Provider) madeBeside(ctx context.Context, env *need.Env, out *need.Found, pkg packages.Package, files []string) error {
	by := "the package " + pkg.Name
	var dirs []string
	for _, f := range files {
		if dir := path.Dir(f); IsData(f) && ofOne(dir) && (len(dirs) == 0 || dirs[len(dirs)-1] != dir) && !libraryDir().MatchString(dir) {
			dirs = append(dirs, dir)
		}
	}
	slices.Sort(dirs)
	for _, dir := range slices.Compact(dirs) {
		res, err := tree.Resolve(ctx, env.Tree, dir)
		if need.Missing(err) || err == nil && !res.Entry.IsDir() {
			continue
		}
		if err != nil {
			return err
		}
		entries, err := env.Tree.ReadDir(ctx, res.Path)
		if err != nil {
			return err
		}
		if len(entries) > maxBesides {
			continue
		}
		for _, e := range entries {
			name := path.Join(res.Path, e.Name)
			if !IsData(name) || strings.HasPrefix(name, "/var/") {
				continue
			}
			if _, owned, err := p.db.Owner(ctx, name); owned || err != nil {
				if err != nil {
					return err
				}
				continue
			}
			if e.IsDir() {
				err = p.made(ctx, env, out, pkg, name)
			} else {
				err = p.datum(ctx, env, out, name, e, by, "made beside the data of "+by)
			}
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// ofOne reports whether a directory is deep enough to be that of one package:
// /usr/share/x, and of configuration /etc/x.d already.
func ofOne(dir string) bool {
	n := strings.Count(dir, "/")
	return n >= 3 || n == 2 && strings.HasPrefix(dir, "/etc/") && strings.HasSuffix(dir, ".d")
}

// made asks for what lies in a directory that no package lists and that an
// installation made among the data of a package. A file of another package in it
// shows that it is not such a directory.
func (p *Provider) made(ctx context.Context, env *need.Env, out *need.Found, pkg packages.Package, dir string) error {
	if slices.ContainsFunc(byItself, func(top string) bool { return need.Below(dir, top) }) {
		return nil
	}
	asked, err := p.Asked(ctx)
	if err != nil {
		return err
	}
	left := int64(maxMade)
	if slices.ContainsFunc(asked, func(a packages.Package) bool { return a.Key() == pkg.Key() }) {
		left = maxMadeAsked
	}
	by := "the package " + pkg.Name
	var all need.Found
	n, whole := 0, true
	err = tree.Walk(ctx, env.Tree, dir, func(name string, e tree.Entry) error {
		if n++; e.IsRegular() {
			left -= e.Size
		}
		if whole = whole && n <= maxLinked && left >= 0; !whole || e.IsDir() || !IsData(name) {
			return nil
		}
		if _, owned, err := p.db.Owner(ctx, name); owned || err != nil {
			whole = false
			return err
		}
		return p.datum(ctx, env, &all, name, e, by, "made among the data of "+by)
	})
	if err != nil || !whole {
		return err
	}
	out.Needs = append(out.Needs, all.Needs...)
	return nil
}

// libraries asks for libraries that something opens by name.
func (p *Provider) libraries(ctx context.Context, env *need.Env, out *need.Found, names []string, reason string) error {
	for _, name := range names {
		res, err := tree.Resolve(ctx, env.Tree, name)
		if need.Missing(err) || err == nil && !res.Entry.IsRegular() {
			continue
		}
		if err != nil {
			return err
		}
		out.Needs = append(out.Needs, need.Need{Kind: need.Config, Path: name, By: name, Reason: reason, Strength: need.Expected, Droppable: true})
	}
	return nil
}

// links reports whether any file of a package links one of the libraries: then
// the loader's closure of that file says whether the library is needed.
func (p *Provider) links(ctx context.Context, env *need.Env, pkg packages.Package, libraries []string) (bool, error) {
	needed, ok := p.relations.linked[pkg.Key()]
	if !ok {
		var err error
		if needed, err = p.linkedBy(ctx, env, pkg); err != nil {
			return false, err
		}
		p.relations.linked[pkg.Key()] = needed
	}
	return slices.ContainsFunc(libraries, func(l string) bool { return slices.Contains(needed, path.Base(l)) }), nil
}

func (p *Provider) linkedBy(ctx context.Context, env *need.Env, pkg packages.Package) ([]string, error) {
	files, err := p.filesOf(ctx, pkg)
	if err != nil {
		return nil, err
	}
	var out []string
	read := 0
	for _, name := range slices.Concat(files.libraries, files.programs, files.others) {
		if read >= maxLinking || !IsData(name) && !onPath(name) {
			continue
		}
		res, err := tree.Resolve(ctx, env.Tree, name)
		if need.Missing(err) {
			continue
		}
		if err != nil {
			return nil, err
		}
		if !res.Entry.IsRegular() || res.Entry.Mode&0o111 == 0 && !strings.Contains(path.Base(name), ".so") {
			continue
		}
		r, err := env.Tree.Open(ctx, res.Path)
		if err != nil {
			return nil, err
		}
		read++
		needed, err := elf.Needed(r)
		if err != nil {
			return nil, fmt.Errorf("reading %s: %w", res.Path, err)
		}
		out = append(out, needed...)
	}
	slices.Sort(out)
	return slices.Compact(out), nil
}

// Asked lists the packages that the final stage installs by name.
func (p *Provider) Asked(ctx context.Context) ([]packages.Package, error) {
	if p.asked == nil && p.base != nil {
		list, err := p.db.Asked(ctx, p.base)
		if err != nil {
			return nil, fmt.Errorf("reading the package database: %w", err)
		}
		p.asked = append([]packages.Package{}, list...)
	}
	return p.asked, nil
}

// Data asks for the data of packages that the final stage installs by name
// although no program of theirs could be run for it: fonts, dictionaries,
// language data.
func (p *Provider) Data(ctx context.Context, env *need.Env) (need.Found, error) {
	return p.withoutPrograms(ctx, env, false)
}

// withoutPrograms asks for packages that are installed by name and have no
// program along PATH: those that have something to load, or the others.
func (p *Provider) withoutPrograms(ctx context.Context, env *need.Env, load bool) (need.Found, error) {
	var out need.Found
	asked, err := p.Asked(ctx)
	if err != nil || p.strict {
		return out, err
	}
	for _, pkg := range asked {
		files, err := p.filesOf(ctx, pkg)
		if err != nil {
			return out, err
		}
		loads := len(files.libraries) > 0 || slices.ContainsFunc(files.others, func(f string) bool { return strings.Contains(path.Base(f), ".so") })
		if len(files.programs) > 0 || loads != load || slices.Contains(byEvidence, pkg.Name) {
			continue
		}
		if end, err := p.outside(ctx, pkg); end || err != nil {
			if err != nil {
				return out, err
			}
			continue
		}
		if err := p.installed(ctx, env, &out, pkg); err != nil {
			return out, err
		}
	}
	return out, nil
}

// installed adds a package that was asked for by name, and its dependencies.
func (p *Provider) installed(ctx context.Context, env *need.Env, out *need.Found, pkg packages.Package) error {
	files, err := p.filesOf(ctx, pkg)
	if err != nil {
		return err
	}
	reason := fmt.Sprintf("the final stage installs %s by name", pkg.Name)
	if err := p.libraries(ctx, env, out, files.libraries, reason); err != nil {
		return err
	}
	if err := p.dataOf(ctx, env, out, pkg, reason); err != nil {
		return err
	}
	return p.dependencies(ctx, env, out, pkg)
}

// Settle implements need.Settler: libraries and modules that were installed by
// name come when there is a program that can open them.
func (p *Provider) Settle(ctx context.Context, env *need.Env, s *need.Set) (need.Found, error) {
	var out need.Found
	if err := p.read(ctx, env, s, &out); err != nil {
		return out, err
	}
	if !slices.ContainsFunc(s.Files(), func(f *need.File) bool { return f.Library }) {
		return out, nil
	}
	if p.loaded == nil {
		out, err := p.withoutPrograms(ctx, env, true)
		if err != nil {
			return out, err
		}
		p.loaded = &out
	}
	out.Needs, out.Facts, out.Warnings = append(out.Needs, p.loaded.Needs...), slices.Clone(p.loaded.Facts), p.loaded.Warnings
	return out, p.embedded(ctx, env, s, &out)
}
