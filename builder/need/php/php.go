// Package php knows PHP: how its programs are started, by the command line, the
// server in it, PHP-FPM and inside of others; the files of settings that it
// reads and the extensions that they enable; what sources are seen to use; and
// what of an installation no program needs to run.
//
// Applications and their packages are kept whole. Sources: the manual of PHP 8
// (php.net/manual: configuration, install.fpm, features.commandline), main/php_ini.c
// and sapi/fpm of php-src, docker-library/php, Debian's php8.2; read in 2026-11.
package php

import (
	"context"
	"fmt"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/whittle-oci/whittle/builder/image"
	"github.com/whittle-oci/whittle/builder/need"
	"github.com/whittle-oci/whittle/builder/need/elf"
	"github.com/whittle-oci/whittle/builder/need/installation"
	"github.com/whittle-oci/whittle/builder/need/source"
)

// A Runtime launches programs of PHP and knows what they need. It keeps what it
// has read, and is for one tree and environment.
type Runtime struct {
	elf       *elf.Files
	found     map[string]*place // installations, by the real paths of their programs
	mains     map[string]string // main files, and the instructions that start them
	sources   *source.Own
	installed map[string][]composed // of composer, by the path of its list
}

// New returns a runtime that reads ELF files through what others have read.
func New(files *elf.Files) *Runtime {
	return &Runtime{files, map[string]*place{}, map[string]string{}, source.NewOwn(), map[string][]composed{}}
}

// executable matches the names of PHP's programs: php, php8.2 (Debian), php82
// (Alpine), php-fpm8.2, php-cgi.
var executable = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^(?:php(|-fpm|-cgi|dbg)(\d{1,2}(?:\.\d{1,2})?)?|frankenphp)$`)
})

// shared matches the names of PHP as a library: of Apache's module and of
// programs that have PHP inside.
var shared = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^(?:lib|mod_)php(\d{0,2}(?:\.\d{1,2})?)(?:[-.][\d.]+)?\.so(?:\.|$)`)
})

// IsProgram reports whether a path has the name of a program of PHP.
func IsProgram(name string) bool { return executable().MatchString(path.Base(name)) }

// Interprets reports whether a file, by its name, runs programs of PHP, or is an
// extension of it, whose functions these call.
func Interprets(name string) bool {
	return IsProgram(name) || shared().MatchString(path.Base(name)) || extensionDir().MatchString(path.Dir(name)) && path.Ext(name) == ".so"
}

// isPHP is Interprets without extensions.
func isPHP(name string) bool { return IsProgram(name) || shared().MatchString(path.Base(name)) }

// Claims implements need.Provider: PHP by its names, as a program or a library.
func (r *Runtime) Claims(v need.Visit) bool {
	switch v.Need.Kind {
	case need.Program:
		return strings.HasPrefix(string(v.Head), "\x7fELF") && (isPHP(v.Path) || isPHP(v.Need.Path))
	case need.Library, need.Module, need.Config:
		return shared().MatchString(path.Base(v.Path))
	}
	return false
}

// Needs implements need.Provider.
func (r *Runtime) Needs(ctx context.Context, env *need.Env, v need.Visit) (need.Found, error) {
	out := need.Found{Facts: []need.Fact{{Kind: need.Temp, Reason: v.Path + " keeps uploads and sessions in temporary files"}}}
	p, err := r.place(ctx, env, v.Path, v.Need.Path)
	if err != nil {
		return out, err
	}
	r.found[p.program] = p
	if p.extensions != "" {
		out.Facts = append(out.Facts, need.Fact{Kind: need.SearchDir, Subject: p.extensions, Reason: "PHP looks for extensions there"})
	}
	s, err := p.settings(ctx, env, options{})
	if err != nil {
		return out, fmt.Errorf("reading the settings of %s: %w", p.program, err)
	}
	if err := r.configured(ctx, env, p, s, &out); err != nil {
		return out, err
	}
	return out, nil
}

// configured asks for what settings bring: their files, the extensions that
// they enable, and what they name.
func (r *Runtime) configured(ctx context.Context, env *need.Env, p *place, s *settings, out *need.Found) error {
	for _, name := range s.files {
		out.Needs = append(out.Needs, need.Need{Kind: need.Data, Path: name, By: p.program, Reason: "settings of " + p.program, Strength: need.Expected})
	}
	for _, x := range s.extensions {
		if err := p.extension(ctx, env, s, x, out); err != nil {
			return err
		}
	}
	return p.named(ctx, env, s, out)
}

// pruned are what stays behind of an installation outside of packages, such as
// that of the official images, below its prefix. Their bytes were not measured.
var pruned = installation.Table{
	{Path: "include/php", Why: "is what extensions are compiled with", Source: "php.net, phpize"},
	{Path: "lib/php/build", Why: "is what extensions are compiled with", Source: "php.net, phpize"},
	{Path: "lib/php/test", Why: "is PEAR's own tests", Source: "pear.php.net"},
	{Path: "lib/php/doc", Why: "is documentation", Source: "pear.php.net"},
	{Path: "lib/php/.*", Why: "is the list of an installer", Source: "pear.php.net"},
	{Path: "lib/php/pearcmd.php", Why: "only installs packages", Source: "pear.php.net"},
	{Path: "lib/php/peclcmd.php", Why: "only installs packages", Source: "pear.php.net"},
	{Path: "lib/libphp*.a", Why: "is a static library", Source: "php.net"},
	{Path: "bin/phpize", Why: "compiles extensions", Source: "php.net, phpize"},
	{Path: "bin/php-config", Why: "compiles extensions", Source: "php.net"},
	{Path: "bin/phpdbg", Why: "is a debugger", Source: "php.net, phpdbg"},
	{Path: "bin/php-cgi", Why: "is another way to start PHP", Source: "docker-library/php"},
	{Path: "bin/pear*", Why: "only installs packages", Source: "pear.php.net"},
	{Path: "bin/pecl", Why: "only installs packages", Source: "pecl.php.net"},
	{Path: "bin/phar*", Why: "packs archives", Source: "php.net, Phar"},
	{Path: "bin/composer*", Why: "only installs packages", Source: "getcomposer.org"},
	{Path: "bin/install-php-extensions", Why: "only installs extensions", Source: "mlocati/docker-php-extension-installer"},
	{Path: "bin/docker-php-ext-*", Why: "compiles extensions", Source: "docker-library/php"},
	{Path: "bin/docker-php-source", Why: "compiles extensions", Source: "docker-library/php"},
	{Path: "bin/docker-php-entrypoint", Why: "is the entrypoint script of the official image", Source: "docker-library/php"},
	{Path: "etc/pear.conf", Why: "is settings of an installer", Source: "pear.php.net"},
	{Path: "php/man", Why: "is documentation", Source: "hier(7)"},
	{Path: "share/man", Why: "is documentation", Source: "hier(7)"},
}

// elsewhere is what stays behind at fixed places.
var elsewhere = installation.Table{
	{Path: "usr/src/php.tar.xz", Bytes: 12_500_000, Why: "is the source of PHP", Source: "docker-library/php#488"},
	{Path: "usr/src/php.tar.xz.asc", Why: "is the source of PHP", Source: "docker-library/php#488"},
	{Path: "usr/src/php", Why: "is the source of PHP", Source: "docker-library/php"},
	{Path: "root/.composer", Why: "is a cache of Composer", Source: "getcomposer.org, COMPOSER_HOME"},
	{Path: "root/.config/composer", Why: "is settings of Composer", Source: "getcomposer.org, COMPOSER_HOME"},
	{Path: "tmp/pear", Why: "is what an installer left over", Source: "pear.php.net"},
}

// kept is what looks as if it could go and cannot.
var kept = installation.Table{
	{Path: "vendor/*/*/tests", Why: "autoloaders list them, and some packages run code of them", Source: "getcomposer.org, classmap"},
	{Path: "vendor/composer", Why: "Composer\\InstalledVersions reads it when a program runs; scanners know packages by it", Source: "getcomposer.org"},
	{Path: "lib/php/PEAR.php", Why: "older packages load it", Source: "pear.php.net"},
	{Path: "php.ini-production", Why: "a Dockerfile copies it to php.ini, and small", Source: "docker-library/php"},
}

// Table prints what is pruned and what is not, for the manual.
func Table() string {
	var b strings.Builder
	b.WriteString("| left behind | bytes | it | source |\n| --- | --- | --- | --- |\n")
	b.WriteString(pruned.Markdown("") + elsewhere.Markdown("/"))
	b.WriteString("| extensions that no file of settings enables | | are not loaded | php.net, extension_dir |\n")
	b.WriteString("\n| stays, although it looks as if it could go | | because | source |\n| --- | --- | --- | --- |\n")
	b.WriteString(kept.Markdown(""))
	return b.String()
}

// Prunes implements need.Pruner.
func (r *Runtime) Prunes(ctx context.Context, env *need.Env, programs []string) (map[string]string, error) {
	out := map[string]string{}
	started, err := r.programs(ctx, env, programs)
	if err != nil {
		return nil, err
	}
	for _, name := range started {
		p, err := r.place(ctx, env, name, name)
		if err != nil {
			return nil, err
		}
		if p.prefix == "/usr" { // what lies there belongs to packages
			continue
		}
		for dir, table := range map[string]installation.Table{p.prefix: pruned, "/": elsewhere} {
			have, err := table.Present(ctx, env.Tree, dir)
			if err != nil {
				return nil, err
			}
			maps.Copy(out, have)
		}
		if err := p.disabled(ctx, env, out); err != nil {
			return nil, err
		}
		delete(out, p.program)
	}
	return out, nil
}

// programs lists the programs of PHP that an image starts, directly, behind
// another, or as the interpreter of a script.
func (r *Runtime) programs(ctx context.Context, env *need.Env, programs []string) ([]string, error) {
	seen := slices.Clone(programs)
	for _, line := range env.Lines {
		for _, w := range line[:min(len(line), 4)] {
			if !IsProgram(w) {
				continue
			}
			at, ok, err := env.LookPath(ctx, w)
			if err != nil {
				return nil, fmt.Errorf("looking for %s: %w", w, err)
			}
			if ok {
				seen = append(seen, at)
			}
		}
	}
	return source.Interpreters(ctx, env, seen, IsProgram)
}

// warn adds a warning.
func warn(out *need.Found, instruction, message, hint string) {
	out.Warnings = append(out.Warnings, image.NewWarning(instruction, message, hint))
}
