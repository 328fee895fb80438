// Package ruby knows Ruby: how its programs are started, by itself, by their #!
// line and by Bundler; the standard library and the gems that it reads; what
// sources are seen to use; and what of an installation no program needs.
//
// Gems are kept whole but for what installing them left over. Sources: the
// manual of Ruby 3 (docs.ruby-lang.org), guides.rubygems.org, bundler.io,
// docker-library/ruby, Debian's ruby3.1 and rubygems-integration; read in 2026-11.
package ruby

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
	"github.com/whittle-oci/whittle/builder/tree"
)

// A Runtime launches programs of Ruby and knows what they need. It keeps what
// it has read, and is for one tree and environment.
type Runtime struct {
	elf     *elf.Files
	found   map[string]*place // installations, by the real paths of their programs
	mains   map[string]string // main files, and the instructions that start them
	sources *source.Own
}

// New returns a runtime that reads ELF files through what others have read.
func New(files *elf.Files) *Runtime {
	return &Runtime{files, map[string]*place{}, map[string]string{}, source.NewOwn()}
}

// executable matches the names of Ruby's programs, shared those of its library.
var (
	executable = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^ruby(?:-?(\d\.?\d))?$`) })
	shared     = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^libruby(?:-?(\d\.\d))?(?:-static)?\.so`) })
	extension  = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`/ruby/(?:(?:site|vendor)_ruby/)?\d\.\d\.\d/.*\.so$`)
	})
)

// IsProgram reports whether a path has the name of Ruby.
func IsProgram(name string) bool { return executable().MatchString(path.Base(name)) }

func isRuby(name string) bool { return IsProgram(name) || shared().MatchString(path.Base(name)) }

// Interprets reports whether a file, by its name, runs programs of Ruby, or is a
// part of its library, whose functions these call.
func Interprets(name string) bool { return isRuby(name) || extension().MatchString(name) }

// A place is one Ruby with the directories that it reads.
type place struct {
	program   string
	prefix    string   // /usr, /usr/local
	version   string   // of the interface: 3.1.0
	libraries []string // directories of $LOAD_PATH
	gems      []string // directories that RubyGems and Bundler look for gems in
}

// place finds the directories of a Ruby. It is nil where it has no library.
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
	p := &place{program: program, prefix: path.Dir(path.Dir(program))}
	wanted := ""
	for _, n := range []string{program, name} {
		if m := executable().FindStringSubmatch(path.Base(n)); m != nil && m[1] != "" {
			wanted = m[1]
		}
		if m := shared().FindStringSubmatch(path.Base(n)); m != nil {
			wanted, p.prefix = m[1], path.Dir(path.Dir(n))
			if strings.HasPrefix(n, "/usr/lib/") || strings.HasPrefix(n, "/lib/") {
				p.prefix = "/usr"
			}
		}
	}
	versions, err := installation.Glob(ctx, env.Tree, p.prefix, "lib/ruby/[0-9]*.[0-9]*.[0-9]*")
	if err != nil {
		return nil, err
	}
	for _, dir := range versions {
		v := path.Base(dir)
		if p.version == "" || strings.HasPrefix(strings.ReplaceAll(v, ".", ""), strings.ReplaceAll(wanted, ".", "")) && wanted != "" {
			p.version = v
		}
	}
	if p.version == "" {
		return nil, nil
	}
	if err := p.directories(ctx, env); err != nil {
		return nil, err
	}
	return p, nil
}

// directories lists what a Ruby reads: as the official images and Debian have
// it (RbConfig, Gem.path).
func (p *place) directories(ctx context.Context, env *need.Env) error {
	add := func(to *[]string, dir, pattern string) error {
		found, err := installation.Glob(ctx, env.Tree, dir, pattern)
		for _, f := range found {
			if is, err := isDir(ctx, env.Tree, f); err != nil {
				return err
			} else if is && !slices.Contains(*to, f) {
				*to = append(*to, f)
			}
		}
		return err
	}
	for _, pattern := range []string{"lib/ruby/" + p.version, "lib/*/ruby/" + p.version, "lib/ruby/site_ruby", "lib/ruby/vendor_ruby", "lib/*/ruby/vendor_ruby", "lib/*/ruby/site_ruby"} {
		if err := add(&p.libraries, p.prefix, pattern); err != nil {
			return err
		}
	}
	for _, pattern := range []string{"lib/site_ruby", "lib/*/site_ruby"} {
		if err := add(&p.libraries, "/usr/local", pattern); err != nil {
			return err
		}
	}
	for _, pattern := range []string{"lib/ruby/gems/" + p.version, "lib/*/ruby/gems/" + p.version, "share/rubygems-integration/all", "share/rubygems-integration/" + p.version, "lib/*/rubygems-integration/" + p.version, "local/lib/ruby/gems/" + p.version} {
		if err := add(&p.gems, p.prefix, pattern); err != nil {
			return err
		}
	}
	var more []string
	getenv := func(name string) string { v, _ := env.Getenv(name); return v }
	more = append(more, need.List(getenv("GEM_HOME"))...)
	more = append(more, need.List(getenv("GEM_PATH"))...)
	settings, err := bundleSettings(ctx, env)
	if err != nil {
		return err
	}
	bundled := []string{settings["BUNDLE_PATH"], getenv("BUNDLE_PATH"), "vendor/bundle"}
	for _, dir := range bundled {
		if dir != "" {
			more = append(more, dir, path.Join(dir, "ruby", p.version))
		}
	}
	more = append(more, "/var/lib/gems/"+p.version, "/usr/local/bundle", "/usr/local/lib/ruby/gems/"+p.version)
	for _, home := range []string{getenv("HOME"), "/root"} {
		if path.IsAbs(home) {
			more = append(more, path.Join(home, ".gem/ruby", p.version), path.Join(home, ".local/share/gem/ruby", p.version))
		}
	}
	for _, dir := range more {
		at := env.Abs(dir)
		if is, err := isDir(ctx, env.Tree, path.Join(at, "specifications")); err != nil {
			return err
		} else if is && !slices.Contains(p.gems, at) {
			p.gems = append(p.gems, at)
		}
	}
	return nil
}

// Claims implements need.Provider: Ruby by its names, as a program or a library.
func (r *Runtime) Claims(v need.Visit) bool {
	switch v.Need.Kind {
	case need.Program:
		return strings.HasPrefix(string(v.Head), "\x7fELF") && (isRuby(v.Path) || isRuby(v.Need.Path))
	case need.Library, need.Module:
		return shared().MatchString(path.Base(v.Path))
	}
	return false
}

// Needs implements need.Provider.
func (r *Runtime) Needs(ctx context.Context, env *need.Env, v need.Visit) (need.Found, error) {
	p, err := r.place(ctx, env, v.Path, v.Need.Path)
	if err != nil {
		return need.Found{}, err
	}
	if p == nil && v.Need.Kind != need.Program && v.Need.Instruction == "" {
		return need.Found{}, nil // nothing that starts loads it, and nothing would be found in the built image
	}
	if p == nil {
		return need.Found{}, &image.UnsupportedError{Instruction: v.Need.Instruction, Why: fmt.Sprintf("no standard library was found for the Ruby of %s", v.Need.Path)}
	}
	r.found[p.program] = p
	out := need.Found{Facts: []need.Fact{
		{Kind: need.Accounts, Reason: v.Path + " looks up the home of its user"},
		{Kind: need.Home, Reason: v.Path + " looks for the home of its user"},
		{Kind: need.Temp, Reason: v.Path + " has modules that keep temporary files"},
	}}
	asked, err := askedGems(ctx, env)
	if err != nil {
		return out, err
	}
	for _, dir := range p.libraries {
		out.Facts = append(out.Facts, need.Fact{Kind: need.SearchDir, Subject: dir, Reason: "Ruby looks for modules there"})
		files, err := installation.Files(ctx, env.Tree, dir, p.program, "standard library of "+p.program, func(rel string) bool { return libraryTable.Why(rel) != "" && !asked[gemOf(rel)] })
		if err != nil {
			return out, fmt.Errorf("reading the library of %s: %w", p.program, err)
		}
		out.Needs = append(out.Needs, files...)
	}
	for _, dir := range p.gems {
		out.Facts = append(out.Facts, need.Fact{Kind: need.SearchDir, Subject: dir, Reason: "Ruby looks for gems there"})
		files, err := installation.Files(ctx, env.Tree, dir, p.program, "gem of "+p.program, func(rel string) bool { return leftOfGems(rel, asked) != "" })
		if err != nil {
			return out, fmt.Errorf("reading the gems of %s: %w", p.program, err)
		}
		out.Needs = append(out.Needs, files...)
	}
	return out, nil
}

// libraryTable is what stays behind of a standard library. Bytes are of Debian's
// ruby3.1.
var libraryTable = installation.Table{
	{Path: "rdoc", Bytes: 2_023_424, Why: "makes documentation", Source: "docs.ruby-lang.org, RDoc"},
	{Path: "rdoc.rb", Why: "makes documentation", Source: "docs.ruby-lang.org, RDoc"},
	{Path: "mkmf.rb", Bytes: 90_000, Why: "is what extensions are compiled with", Source: "docs.ruby-lang.org, mkmf"},
}

// gemTable is what stays behind of a directory of gems: what installing left
// over, and gems that come with Ruby for people who develop, unless a
// Gemfile.lock or a source of the application names them.
var gemTable = installation.Table{
	{Path: "cache", Why: "is archives of what is installed", Source: "guides.rubygems.org, gem cleanup"},
	{Path: "doc", Why: "is documentation", Source: "guides.rubygems.org, gem rdoc"},
	{Path: "build_info", Why: "is what gems were compiled with", Source: "guides.rubygems.org"},
	{Path: "extensions/*/*/*/mkmf.log", Why: "is a log of a build", Source: "guides.rubygems.org"},
	{Path: "extensions/*/*/*/gem_make.out", Why: "is a log of a build", Source: "guides.rubygems.org"},
	{Path: "gems/rbs-*", Bytes: 4_890_000, Why: "is descriptions of types", Source: "stdgems.org, bundled gems"},
	{Path: "gems/typeprof-*", Bytes: 620_000, Why: "looks for types", Source: "stdgems.org, bundled gems"},
	{Path: "gems/debug-*", Bytes: 390_000, Why: "is a debugger", Source: "stdgems.org, bundled gems"},
	{Path: "gems/test-unit-*", Bytes: 620_000, Why: "is for tests", Source: "stdgems.org, bundled gems"},
	{Path: "gems/minitest-*", Bytes: 380_000, Why: "is for tests", Source: "stdgems.org, bundled gems"},
	{Path: "gems/power_assert-*", Bytes: 78_000, Why: "is for tests", Source: "stdgems.org, bundled gems"},
}

// compiledFrom are the endings of files in a gem's directory ext that a compiler
// reads or made.
var compiledFrom = []string{".o", ".c", ".cc", ".cpp", ".cxx", ".h", ".hh", ".hpp", ".rl", ".y", ".inc", ".a", ".la"}

// prefixTable is what stays behind below the prefix of an installation outside
// of packages.
var prefixTable = installation.Table{
	{Path: "include/ruby-*", Why: "is what extensions are compiled with", Source: "docs.ruby-lang.org, mkmf"},
	{Path: "lib/libruby-static.a", Why: "is a static library", Source: "docker-library/ruby"},
	{Path: "lib/pkgconfig", Why: "is what programs are compiled with", Source: "pkg-config(1)"},
	{Path: "share/ri", Why: "is documentation", Source: "ri(1)"},
	{Path: "share/man", Why: "is documentation", Source: "hier(7)"},
	{Path: "share/doc", Why: "is documentation", Source: "hier(7)"},
	{Path: "bin/gem", Why: "only installs gems", Source: "guides.rubygems.org"},
	{Path: "bin/rdoc", Why: "makes documentation", Source: "rdoc(1)"},
	{Path: "bin/ri", Why: "shows documentation", Source: "ri(1)"},
	{Path: "bin/rbs", Why: "is for development", Source: "stdgems.org"},
	{Path: "bin/typeprof", Why: "is for development", Source: "stdgems.org"},
	{Path: "bin/rdbg", Why: "is a debugger", Source: "stdgems.org"},
	{Path: "bin/test-unit", Why: "is for tests", Source: "stdgems.org"},
	{Path: "bin/minitest", Why: "is for tests", Source: "stdgems.org"},
}

// kept is what looks as if it could go and cannot.
var kept = installation.Table{
	{Path: "specifications", Why: "RubyGems knows gems by them, and so do scanners", Source: "guides.rubygems.org"},
	{Path: "extensions/*/gem.build_complete", Why: "RubyGems takes a gem for not built without it", Source: "rubygems, basic_specification.rb"},
	{Path: "rubygems, did_you_mean, error_highlight, syntax_suggest", Why: "Ruby loads them when it starts", Source: "gem_prelude.rb"},
	{Path: "bundler", Why: "applications load bundler/setup", Source: "bundler.io"},
	{Path: "irb", Why: "railties depends on it, and consoles are opened in what runs", Source: "rubyonrails.org"},
	{Path: "enc, unicode_normalize", Why: "are loaded by name", Source: "docs.ruby-lang.org, Encoding"},
	{Path: "gems/*/spec, gems/*/test", Why: "some gems load files of theirs", Source: "guides.rubygems.org"},
}

// gemName takes the version off the name of a gem's directory or specification.
var gemName = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^(.+?)-(\d[0-9A-Za-z.]*)(?:-([0-9A-Za-z_.-]+))?$`)
})

// gemOf names the gem that a path below a directory of gems or a standard
// library belongs to.
func gemOf(rel string) string {
	first, rest, _ := strings.Cut(rel, "/")
	if first == "gems" || first == "specifications" {
		first, _, _ = strings.Cut(strings.TrimPrefix(rest, "default/"), "/")
		first = strings.TrimSuffix(first, ".gemspec")
		if m := gemName().FindStringSubmatch(first); m != nil {
			return m[1]
		}
		return first
	}
	return strings.TrimSuffix(first, ".rb")
}

// leftOfGems says why a path below a directory of gems stays behind, "" when it
// does not.
func leftOfGems(rel string, asked map[string]bool) string {
	if parts := strings.Split(rel, "/"); len(parts) > 3 && parts[0] == "gems" && parts[2] == "ext" {
		base := parts[len(parts)-1]
		if slices.Contains(compiledFrom, path.Ext(base)) || base == "Makefile" || base == "mkmf.log" {
			return "is what an extension was compiled from"
		}
	}
	why := gemTable.Why(rel)
	if spec, ok := strings.CutPrefix(rel, "specifications/"); ok && why == "" {
		why = gemTable.Why("gems/" + strings.TrimSuffix(spec, ".gemspec"))
	}
	if why != "" && asked[gemOf(rel)] {
		return ""
	}
	return why
}

// Table prints what is pruned and what is not, for the manual.
func Table() string {
	var b strings.Builder
	b.WriteString("| left behind | bytes | it | source |\n| --- | --- | --- | --- |\n")
	b.WriteString(libraryTable.Markdown("lib/ruby/X.Y.Z/") + gemTable.Markdown("GEMS/"))
	fmt.Fprintf(&b, "| `GEMS/gems/*/ext/**` of `%s`, `Makefile`, `mkmf.log` | | is what an extension was compiled from | guides.rubygems.org |\n", strings.Join(compiledFrom, "`, `"))
	b.WriteString(prefixTable.Markdown(""))
	b.WriteString("\n| stays, although it looks as if it could go | | because | source |\n| --- | --- | --- | --- |\n")
	b.WriteString(kept.Markdown(""))
	return b.String()
}

// Prunes implements need.Pruner.
func (r *Runtime) Prunes(ctx context.Context, env *need.Env, programs []string) (map[string]string, error) {
	out := map[string]string{}
	candidates, err := source.Interpreters(ctx, env, programs, IsProgram)
	if err != nil {
		return nil, err
	}
	asked, err := askedGems(ctx, env)
	if err != nil {
		return nil, err
	}
	for _, name := range candidates {
		p, err := r.place(ctx, env, name, name)
		if err != nil {
			return nil, err
		}
		if p == nil {
			continue
		}
		if p.prefix != "/usr" { // what lies there belongs to packages
			have, err := prefixTable.Present(ctx, env.Tree, p.prefix)
			if err != nil {
				return nil, err
			}
			maps.Copy(out, have)
			for _, dir := range p.libraries {
				have, err := libraryTable.Present(ctx, env.Tree, dir)
				if err != nil {
					return nil, err
				}
				for at, why := range have {
					if !asked[gemOf(strings.TrimPrefix(at, dir+"/"))] {
						out[at] = why
					}
				}
			}
		}
		for _, dir := range p.gems {
			if err := prunedGems(ctx, env.Tree, dir, asked, out); err != nil {
				return nil, err
			}
		}
	}
	return out, nil
}

// prunedGems adds what stays behind of a directory of gems.
func prunedGems(ctx context.Context, t tree.Tree, dir string, asked map[string]bool, out map[string]string) error {
	res, ok, err := tree.Find(ctx, t, dir)
	if err != nil || !ok || !res.Entry.IsDir() {
		return err
	}
	return tree.Walk(ctx, t, res.Path, func(name string, e tree.Entry) error {
		if name == res.Path {
			return nil
		}
		rel := strings.TrimPrefix(name, res.Path+"/")
		if why := leftOfGems(rel, asked); why != "" {
			out[name] = why
			if e.IsDir() {
				return tree.SkipDir
			}
		}
		if parts := strings.Split(rel, "/"); e.IsDir() && len(parts) == 3 && parts[0] == "gems" && parts[2] != "ext" {
			return tree.SkipDir
		}
		return nil
	})
}

// isDir reports whether a path is a directory or leads to one.
func isDir(ctx context.Context, t tree.Tree, name string) (bool, error) {
	res, ok, err := tree.Find(ctx, t, name)
	return ok && res.Entry.IsDir(), err
}
