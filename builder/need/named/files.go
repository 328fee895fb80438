package named

import (
	"context"
	"fmt"
	"path"
	"strings"

	"github.com/whittle-oci/whittle/builder/need"
	"github.com/whittle-oci/whittle/builder/need/distribution"
	"github.com/whittle-oci/whittle/builder/tree"
)

// below are the directories in which programs have files by fixed names
// (Filesystem Hierarchy Standard 3.0).
var below = []string{"/etc/", "/usr/lib/", "/usr/libexec/", "/usr/share/", "/usr/local/", "/lib/", "/opt/", "/srv/", "/var/lib/"}

// elsewhere are paths that other evidence decides about, in the form that is
// needed: certificates, zones, locales, converters, terminals, accounts,
// package databases, and the tables that every network library names.
var elsewhere = []string{
	"/etc/ssl", "/etc/pki", "/usr/share/ca-certificates", "/usr/local/share/certs", "/usr/local/share/ca-certificates", "/usr/lib/ssl", "/usr/share/zoneinfo", "/usr/lib/zoneinfo", "/usr/share/lib/zoneinfo", "/etc/zoneinfo", "/etc/localtime", "/etc/timezone",
	"/usr/lib/locale", "/usr/share/locale", "/usr/share/i18n", "/etc/terminfo", "/lib/terminfo", "/usr/share/terminfo", "/usr/lib/terminfo", "/usr/share/tabset",
	"/var/lib/dpkg", "/var/lib/apt", "/var/lib/rpm", "/lib/apk", "/usr/lib/apk", "/etc/apk", "/etc/apt", "/etc/security", "/var/lib/systemd", "/usr/lib/sysimage",
	"/etc/nsswitch.conf", "/etc/host.conf", "/etc/services", "/etc/protocols", "/etc/networks", "/etc/gai.conf", "/etc/mime.types", "/usr/share/mime/globs2", "/usr/local/share/mime",
	"/etc/ld.so.cache", "/etc/ld.so.conf", "/etc/ld.so.preload", "/etc/pam.d", "/etc/shells", "/etc/profile", "/etc/os-release", "/usr/lib/os-release", "/etc/debian_version", "/etc/lsb-release",
}

// maxNamed bounds the entries of a directory that a program names.
const maxNamed = 20_000

// files asks for the files that a program names by absolute paths, and for the
// modules in the directories that it names.
func (p *Provider) files(ctx context.Context, env *need.Env, f *file, out *need.Found) error {
	if !f.opens && f.loads == "" && f.starts == "" {
		return nil
	}
	for _, text := range f.text.Paths(below...) {
		name, ok := text, true
		if f.text.Unended() {
			var err error
			if name, ok, err = beginning(ctx, env, text); err != nil {
				return err
			}
		}
		name = path.Clean(name)
		if !ok || strings.ContainsAny(name, "%$*? ") || depth(name) < 2 || has(elsewhere, name) || has(need.AccountFiles, name) || has(need.Mounted, name) || !distribution.IsData(name) {
			continue
		}
		if err := p.file(ctx, env, f, out, name); err != nil {
			return err
		}
	}
	return nil
}

// file asks for one path that a program names.
func (p *Provider) file(ctx context.Context, env *need.Env, f *file, out *need.Found, name string) error {
	res, ok, err := tree.Find(ctx, env.Tree, name)
	if !ok || err != nil || has(elsewhere, res.Path) || has(need.AccountFiles, res.Path) || has(need.Mounted, res.Path) {
		return err
	}
	n := need.Need{Kind: need.Config, Path: name, By: f.path, Reason: "named in " + f.path, Strength: need.Expected, Droppable: true}
	switch e := res.Entry; {
	case e.IsDir():
		return p.modules(ctx, env, f, out, name, res.Path)
	case !e.IsRegular():
		return nil
	case e.Mode&0o111 != 0 && !strings.Contains(path.Base(res.Path), ".so"):
		if f.starts == "" && f.command == "" {
			return nil
		}
		n.Kind = need.Program
		if f.owned {
			n.Strength = need.Optional
		}
	}
	out.Needs = append(out.Needs, n)
	return nil
}

// modules asks for what lies in a directory of modules: one below that of
// libraries, such as /usr/lib/x86_64-linux-gnu/sasl2.
func (p *Provider) modules(ctx context.Context, env *need.Env, f *file, out *need.Found, name, real string) error {
	if !distribution.IsModuleDir(real) {
		return nil
	}
	n := 0
	return tree.Walk(ctx, env.Tree, real, func(at string, e tree.Entry) error {
		if n++; n > maxNamed || e.IsDir() || !distribution.IsData(at) {
			return nil
		}
		if !e.IsRegular() && !e.IsSymlink() {
			return nil
		}
		out.Needs = append(out.Needs, need.Need{Kind: need.Config, Path: path.Join(name, strings.TrimPrefix(at, real)), By: f.path, Reason: fmt.Sprintf("in %s, which %s names", name, f.path), Strength: need.Expected, Droppable: true})
		return nil
	})
}

// beginning finds the path that a text begins with, where the text goes on
// without an end: in each directory the longest entry that fits.
func beginning(ctx context.Context, env *need.Env, text string) (string, bool, error) {
	at, rest := "/", strings.TrimPrefix(text, "/")
	for {
		res, ok, err := tree.Find(ctx, env.Tree, at)
		if !ok || err != nil {
			return "", false, err
		}
		if !res.Entry.IsDir() {
			return at, depth(at) > 1, nil
		}
		entries, err := env.Tree.ReadDir(ctx, res.Path)
		if err != nil {
			return "", false, err
		}
		best := ""
		for _, e := range entries {
			if len(e.Name) > len(best) && strings.HasPrefix(rest, e.Name) {
				best = e.Name
			}
		}
		if best == "" {
			return "", false, nil
		}
		at, rest = path.Join(at, best), rest[len(best):]
		next, more := strings.CutPrefix(rest, "/")
		if !more {
			return at, depth(at) > 1, nil
		}
		rest = next
	}
}
