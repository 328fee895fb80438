package php

import (
	"context"
	"errors"
	"path"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/whittle-oci/whittle/builder/need"
	"github.com/whittle-oci/whittle/builder/need/elf"
	"github.com/whittle-oci/whittle/builder/need/installation"
	"github.com/whittle-oci/whittle/builder/tree"
)

// A place is where one PHP looks for its settings and extensions. It has the
// paths compiled into it, so that its texts say where.
type place struct {
	program    string // real path of the program or library
	server     string // the server API: cli, fpm, cgi, apache2, embed
	prefix     string // /usr, /usr/local
	settingsIn string // directory of php.ini, "" for none
	scan       string // directory whose *.ini files are read, "" for none
	extensions string // directory of extensions, "" for none
	conf       string // configuration of PHP-FPM
}

// Directories that are compiled in, by what they look like: --with-config-file-scan-dir
// and PHP_EXTENSION_DIR in the official images, Debian, Alpine and Fedora.
var (
	scanDir      = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^/[^\s:%']+/(?:conf\.d|php\.d)$`) })
	extensionDir = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`^/[^\s:%']+/(?:php\d*/\d{8}(?:-zts|-debug)*|php\d*/modules|php-zts/modules|extensions/(?:no-)?debug-(?:non-)?zts-\d{8})$`)
	})
	settingsDir = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^/(?:[^\s:%']+/)?etc(?:/php[^\s:%']*)?$`) })
)

// place finds where a PHP looks. name is the path by which it was asked for.
func (r *Runtime) place(ctx context.Context, env *need.Env, program, name string) (*place, error) {
	res, err := tree.Resolve(ctx, env.Tree, program)
	if err == nil {
		program = res.Path
	} else if !need.Missing(err) {
		return nil, err
	}
	if p := r.found[program]; p != nil {
		return p, nil
	}
	p := &place{program: program, prefix: path.Dir(path.Dir(program)), server: "embed"}
	version := ""
	for _, n := range []string{program, name} {
		base := path.Base(n)
		if m := executable().FindStringSubmatch(base); m != nil {
			p.server = map[string]string{"": "cli", "-fpm": "fpm", "-cgi": "cgi", "dbg": "phpdbg"}[m[1]]
			version = m[2]
			if base == "frankenphp" {
				p.server = "embed"
			}
			break
		}
		if m := shared().FindStringSubmatch(base); m != nil {
			version = m[1]
			if strings.Contains(n, "apache") || strings.Contains(n, "httpd") {
				p.server = "apache2"
			}
			p.prefix = strings.TrimSuffix(path.Dir(n), "/lib")
			if strings.HasPrefix(n, "/usr/lib") {
				p.prefix = "/usr"
			}
			break
		}
	}
	if p.prefix == "/" || p.prefix == "." {
		p.prefix = "/usr"
	}
	if err := r.compiled(ctx, env, p); err != nil {
		return nil, err
	}
	if err := p.usual(ctx, env.Tree, version); err != nil {
		return nil, err
	}
	return p, nil
}

// compiled reads the directories off the text of the program.
func (r *Runtime) compiled(ctx context.Context, env *need.Env, p *place) error {
	text, err := r.elf.Text(ctx, env.Tree, p.program)
	if errors.Is(err, elf.ErrNotELF) || errors.Is(err, elf.ErrBroken) || need.Missing(err) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, s := range text.Strings {
		var to *string
		switch {
		case len(s) > 256 || s == "" || s[0] != '/':
			continue
		case scanDir().MatchString(s):
			to = &p.scan
		case extensionDir().MatchString(s):
			to = &p.extensions
		case settingsDir().MatchString(s):
			to = &p.settingsIn
		default:
			continue
		}
		is, err := isDir(ctx, env.Tree, s)
		if err != nil {
			return err
		}
		if is && len(s) > len(*to) {
			*to = s
		}
	}
	if p.scan != "" && p.settingsIn == "" {
		p.settingsIn = path.Dir(p.scan)
	}
	return nil
}

// usual fills in what the program does not show, by the layouts of the official
// images and of distributions.
func (p *place) usual(ctx context.Context, t tree.Tree, version string) error {
	var settings, extensions []string
	digits := strings.ReplaceAll(version, ".", "")
	settings = append(settings, p.prefix+"/etc/php")
	if p.prefix == "/usr" {
		versions := []string{version}
		if version == "" {
			found, err := installation.Glob(ctx, t, "/etc/php", "[0-9]*.[0-9]*")
			if err != nil {
				return err
			}
			versions = nil
			for _, f := range found {
				versions = append(versions, path.Base(f))
			}
		}
		for _, v := range versions {
			settings = append(settings, path.Join("/etc/php", v, p.server))
		}
		if digits != "" {
			settings = append(settings, "/etc/php"+digits)
		}
	}
	for _, pattern := range []string{"lib/php/extensions/*", "lib/php/20[0-9]*", "lib/php" + digits + "/modules", "lib64/php/modules"} {
		found, err := installation.Glob(ctx, t, p.prefix, pattern)
		if err != nil {
			return err
		}
		extensions = append(extensions, found...)
	}
	for _, c := range []struct {
		to    *string
		dirs  []string
		below string
	}{{&p.settingsIn, settings, ""}, {&p.extensions, extensions, ""}} {
		for _, dir := range c.dirs {
			if *c.to != "" {
				break
			}
			is, err := isDir(ctx, t, dir)
			if err != nil {
				return err
			}
			if is {
				*c.to = dir
			}
		}
	}
	if p.scan == "" && p.settingsIn != "" {
		for _, name := range []string{"conf.d", "php.d"} {
			dir := path.Join(p.settingsIn, name)
			is, err := isDir(ctx, t, dir)
			if err != nil {
				return err
			}
			if is {
				p.scan = dir
			}
		}
	}
	for _, name := range []string{path.Join(p.settingsIn, "php-fpm.conf"), path.Join(p.prefix, "etc/php-fpm.conf"), "/etc/php-fpm.conf"} {
		if _, ok, err := tree.FindFile(ctx, t, name); err != nil {
			return err
		} else if ok {
			p.conf = name
			break
		}
	}
	return nil
}

// disabled adds the extensions that lie in the directory of extensions and that
// no settings enable.
func (p *place) disabled(ctx context.Context, env *need.Env, out map[string]string) error {
	if p.extensions == "" || p.server == "embed" {
		return nil
	}
	s, err := p.settings(ctx, env, options{})
	if err != nil {
		return err
	}
	enabled := map[string]bool{}
	for _, x := range s.extensions {
		at, err := p.find(ctx, env.Tree, s, x)
		if err != nil {
			return err
		}
		enabled[at] = true
	}
	names, err := installation.Glob(ctx, env.Tree, p.extensions, "*.so")
	if err != nil {
		return err
	}
	for _, name := range names {
		if !enabled[name] && !slices.ContainsFunc(s.extensions, func(x setting) bool { return strings.Contains(x.value, "${") }) {
			out[name] = "is an extension that no settings enable"
		}
	}
	for _, suffix := range []string{"*.a", "*.la"} {
		names, err := installation.Glob(ctx, env.Tree, p.extensions, suffix)
		if err != nil {
			return err
		}
		for _, name := range names {
			out[name] = "is a static library"
		}
	}
	return nil
}

// isDir reports whether a path is a directory or leads to one.
func isDir(ctx context.Context, t tree.Tree, name string) (bool, error) {
	res, ok, err := tree.Find(ctx, t, name)
	return ok && res.Entry.IsDir(), err
}
