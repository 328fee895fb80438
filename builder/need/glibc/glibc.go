// Package glibc knows what GNU's C library opens by name for its programs:
// locales, converters of character sets, modules of the name service.
package glibc

import (
	"context"
	"errors"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/whittle-oci/whittle/builder/need"
	"github.com/whittle-oci/whittle/builder/need/elf"
	"github.com/whittle-oci/whittle/builder/packages"
	"github.com/whittle-oci/whittle/builder/tree"
)

// A Provider answers for programs and libraries that call glibc, for glibc
// itself, and for scripts that set a locale.
type Provider struct {
	db   *packages.DB
	elf  *elf.Files
	sets map[string]*converters // by directory
}

// New returns a provider over the package database of the tree.
func New(db *packages.DB, files *elf.Files) *Provider {
	return &Provider{db: db, elf: files, sets: map[string]*converters{}}
}

// Claims implements need.Provider.
func (*Provider) Claims(v need.Visit) bool {
	switch v.Need.Kind {
	case need.Program:
		return strings.HasPrefix(string(v.Head), "\x7fELF") || strings.HasPrefix(string(v.Head), "#!")
	case need.Module:
		return strings.HasPrefix(string(v.Head), "\x7fELF")
	case need.Library:
		return true
	}
	return false
}

// Needs implements need.Provider.
func (p *Provider) Needs(ctx context.Context, env *need.Env, v need.Visit) (need.Found, error) {
	var out need.Found
	if env.NoEvidence {
		return out, nil
	}
	if strings.HasPrefix(string(v.Head), "#!") {
		err := p.script(ctx, env, v, &out)
		return out, err
	}
	base := path.Base(v.Path)
	if v.Need.Kind == need.Library && (base == "libc.so.6" || strings.HasPrefix(base, "libc-2.")) {
		err := p.nameService(ctx, env, v, &out)
		return out, err
	}
	info, err := p.elf.Info(ctx, env.Tree, v.Path)
	if errors.Is(err, elf.ErrNotELF) || errors.Is(err, elf.ErrBroken) {
		return out, nil
	}
	if err != nil {
		return out, err
	}
	if shows := info.Calls("setlocale", "newlocale"); shows != "" {
		if err := p.locales(ctx, env, v, shows, &out); err != nil {
			return out, err
		}
	}
	if err := p.messages(ctx, env, v, info, &out); err != nil {
		return out, err
	}
	if shows := info.Calls("getaddrinfo", "gethostbyname", "gethostbyname2", "gethostbyname_r", "gethostbyname2_r"); shows != "" {
		if err := resolver(ctx, env, v, shows, &out); err != nil {
			return out, err
		}
	}
	if info.Calls("iconv_open") != "" {
		if err := p.converters(ctx, env, v, &out); err != nil {
			return out, err
		}
	}
	return out, nil
}

// resolver asks for the settings of glibc's resolver (host.conf(5),
// gai.conf(5)).
func resolver(ctx context.Context, env *need.Env, v need.Visit, shows string, out *need.Found) error {
	for _, name := range []string{"/etc/host.conf", "/etc/gai.conf"} {
		res, err := tree.Resolve(ctx, env.Tree, name)
		if need.Missing(err) || err == nil && !res.Entry.IsRegular() {
			continue
		}
		if err != nil {
			return err
		}
		out.Needs = append(out.Needs, need.Need{Kind: need.Data, Path: name, By: v.Path, Reason: fmt.Sprintf("settings of glibc's resolver, for %s of %s", shows, v.Path), Strength: need.Expected})
	}
	return nil
}

const localeDir = "/usr/lib/locale"

// locale matches the name of a locale with a language and a country or a
// character set (setlocale(3)).
var locale = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^(C|[a-z]{2,3}_[A-Z]{2})(\.[A-Za-z0-9-]+)?(@[a-z]+)?$`)
})

// locales asks for the locales that the environment, the command lines and the
// program itself name.
func (p *Provider) locales(ctx context.Context, env *need.Env, v need.Visit, shows string, out *need.Found) error {
	names := environment(env)
	for _, line := range env.Lines {
		for _, a := range line {
			_, value, _ := strings.Cut(a, "=")
			for _, n := range []string{a, value} {
				if locale().MatchString(n) {
					names = append(names, n)
				}
			}
		}
	}
	_, base, err := p.db.OfBaseSystem(ctx, v.Path)
	if err != nil {
		return err
	}
	if !base {
		text, err := p.elf.Text(ctx, env.Tree, v.Path)
		if err != nil {
			return err
		}
		for _, s := range text.Strings {
			if locale().MatchString(s) {
				names = append(names, s)
			}
		}
	}
	slices.Sort(names)
	for _, n := range slices.Compact(names) {
		if err := p.locale(ctx, env, n, v.Path, fmt.Sprintf("locale %s, for %s of %s", n, shows, v.Path), out); err != nil {
			return err
		}
	}
	return nil
}

// environment lists the locales that the image's variables name.
func environment(env *need.Env) []string {
	var out []string
	for _, kv := range env.Vars {
		name, value, _ := strings.Cut(kv, "=")
		if name == "LANG" || strings.HasPrefix(name, "LC_") {
			out = append(out, value)
		}
	}
	return out
}

// locale asks for one locale: its directory, or else the archive that may have
// it.
func (p *Provider) locale(ctx context.Context, env *need.Env, name, by, reason string, out *need.Found) error {
	if name == "" || name == "C" || name == "POSIX" || strings.Contains(name, "/") {
		return nil
	}
	language, modifier, _ := strings.Cut(name, "@")
	language, codeset, _ := strings.Cut(language, ".")
	if modifier != "" {
		modifier = "@" + modifier
	}
	tries := []string{name, language + modifier}
	if codeset != "" {
		tries = append(tries, language+"."+normalized(codeset)+modifier)
	} else {
		tries = append(tries, language+".utf8"+modifier)
	}
	for _, t := range tries {
		dir := path.Join(localeDir, t)
		res, err := tree.Resolve(ctx, env.Tree, dir)
		if need.Missing(err) || err == nil && !res.Entry.IsDir() {
			continue
		}
		if err != nil {
			return err
		}
		return tree.Walk(ctx, env.Tree, res.Path, func(at string, e tree.Entry) error {
			if !e.IsDir() {
				out.Needs = append(out.Needs, need.Need{Kind: need.Data, Path: path.Join(dir, strings.TrimPrefix(at, res.Path)), By: by, Reason: reason, Strength: need.Expected})
			}
			return nil
		})
	}
	archive := path.Join(localeDir, "locale-archive")
	res, err := tree.Resolve(ctx, env.Tree, archive)
	if need.Missing(err) || err == nil && !res.Entry.IsRegular() {
		return nil
	}
	out.Needs = append(out.Needs, need.Need{Kind: need.Data, Path: archive, By: by, Reason: reason, Strength: need.Expected})
	return err
}

// normalized writes a character set as the names of locale directories have it
// (_nl_normalize_codeset of glibc): letters in lower case and digits, behind
// "iso" where there are digits alone.
func normalized(codeset string) string {
	var b strings.Builder
	digits := true
	for _, r := range strings.ToLower(codeset) {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			b.WriteRune(r)
			digits = digits && r <= '9'
		}
	}
	if digits {
		return "iso" + b.String()
	}
	return b.String()
}

// setting matches a script that sets a locale.
var setting = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`\b(?:LANG|LC_[A-Z]+)=["']?([A-Za-z_]+(?:\.[A-Za-z0-9-]+)?(?:@[a-z]+)?)`)
})

// maxScript is the largest script that is read, in bytes.
const maxScript = 1 << 20

// script asks for the locales that a script sets.
func (p *Provider) script(ctx context.Context, env *need.Env, v need.Visit, out *need.Found) error {
	if v.Entry.Size > maxScript {
		return nil
	}
	data, err := tree.ReadFile(ctx, env.Tree, v.Path, maxScript)
	if err != nil {
		return fmt.Errorf("reading the script %s: %w", v.Path, err)
	}
	for _, found := range setting().FindAllSubmatch(data, -1) {
		if err := p.locale(ctx, env, string(found[1]), v.Path, "locale that "+v.Path+" sets", out); err != nil {
			return err
		}
	}
	return nil
}

// maxSwitch is the largest nsswitch.conf that is read, in bytes.
const maxSwitch = 64 << 10

// nameService asks for the modules that nsswitch.conf names (nsswitch.conf(5)),
// but for those of glibc itself, which the loader's closure knows.
func (p *Provider) nameService(ctx context.Context, env *need.Env, v need.Visit, out *need.Found) error {
	const name = "/etc/nsswitch.conf"
	if _, err := tree.Resolve(ctx, env.Tree, name); need.Missing(err) {
		return nil
	}
	data, err := tree.ReadFile(ctx, env.Tree, name, maxSwitch)
	if err != nil {
		return fmt.Errorf("reading %s: %w", name, err)
	}
	var finder *elf.Finder
	for line := range strings.Lines(string(data)) {
		line, _, _ = strings.Cut(line, "#")
		database, list, ok := strings.Cut(line, ":")
		if !ok || strings.TrimSpace(database) == "" {
			continue
		}
		for service := range strings.FieldsSeq(bracketed().ReplaceAllString(list, " ")) {
			if slices.Contains([]string{"files", "dns", "db", "nis", "nisplus", "compat", "hesiod"}, service) || strings.Contains(service, "/") {
				continue
			}
			if finder == nil {
				if finder, err = elf.NewFinder(ctx, env.Tree, v.Path, elf.Options{LibraryPath: env.LibraryPath(), Files: p.elf}); err != nil {
					return fmt.Errorf("looking for name service modules: %w", err)
				}
			}
			module, err := finder.Find("libnss_" + service + ".so.2")
			if err != nil {
				return fmt.Errorf("looking for name service modules: %w", err)
			}
			if module == "" {
				continue
			}
			out.Needs = append(out.Needs,
				need.Need{Kind: need.Config, Path: module, By: name, Reason: "name service " + service + " of " + name, Strength: need.Expected},
				need.Need{Kind: need.Config, Path: name, By: v.Path, Reason: "name service of " + v.Path, Strength: need.Expected})
		}
	}
	return nil
}

// bracketed matches what is done on a result, as [NOTFOUND=return].
var bracketed = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`\[[^\]]*\]`) })
