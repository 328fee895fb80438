// Package perl knows Perl: how its programs are started, the directories of
// modules that it reads, and what sources are seen to use.
//
// Where only the base of Perl is installed (Debian's perl-base), that is kept;
// where more is, all of it, since modules load others by computed names. Sources:
// perlrun, perlvar (@INC), perlfunc (system, exec, open), perlop; Debian's perl
// 5.36, docker-library's perl; read in 2026-11.
package perl

import (
	"cmp"
	"context"
	"errors"
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

// A Runtime launches programs of Perl and knows what they need. It keeps what it
// has read, and is for one tree and environment.
type Runtime struct {
	elf     *elf.Files
	found   map[string]*place // installations, by the real paths of their programs
	mains   map[string]main   // main files
	sources *source.Own
}

// A main is a file that a command line starts.
type main struct {
	instruction string
	unsure      bool // options add directories of modules
}

// New returns a runtime that reads ELF files through what others have read.
func New(files *elf.Files) *Runtime {
	return &Runtime{files, map[string]*place{}, map[string]main{}, source.NewOwn()}
}

// executable matches the names of Perl's programs, shared those of its library,
// incDir what a directory of @INC looks like.
var (
	executable = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^perl(?:5(?:\.\d+){0,2}(?:-[a-z0-9_-]+)?)?$`) })
	shared     = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^libperl\.so`) })
	incDir     = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^/[^\s:%'"]*perl[^\s:%'"]*$`) })
)

// IsProgram reports whether a path has the name of Perl.
func IsProgram(name string) bool { return executable().MatchString(path.Base(name)) }

// Interprets reports whether a file, by its name, runs programs of Perl.
func Interprets(name string) bool {
	return IsProgram(name) || shared().MatchString(path.Base(name)) || strings.Contains(name, "/auto/") && strings.Contains(name, "perl") && path.Ext(name) == ".so"
}

// A place is one Perl with the directories in which it looks for modules.
type place struct {
	program string
	prefix  string
	inc     []string
}

// library finds the library that a program of Perl links, "" where it has all in
// itself or is no program that can be read.
func (r *Runtime) library(ctx context.Context, env *need.Env, program string) (string, error) {
	unreadable := func(err error) bool {
		return errors.Is(err, elf.ErrNotELF) || errors.Is(err, elf.ErrBroken) || need.Missing(err)
	}
	info, err := r.elf.Info(ctx, env.Tree, program)
	if unreadable(err) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	finder, err := elf.NewFinder(ctx, env.Tree, program, elf.Options{LibraryPath: env.LibraryPath(), Files: r.elf})
	if unreadable(err) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	for _, n := range info.Needed {
		if !shared().MatchString(n) {
			continue
		}
		at, err := finder.Find(n)
		if err != nil || at == "" {
			return "", err
		}
		res, _, err := tree.FindFile(ctx, env.Tree, at)
		return res.Path, err
	}
	return "", nil
}

// place finds the directories of a Perl: they are compiled into it or into its
// library. It is nil where it has none.
func (r *Runtime) place(ctx context.Context, env *need.Env, program string) (*place, error) {
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
	if shared().MatchString(path.Base(program)) && strings.HasPrefix(program, "/usr/lib/") {
		p.prefix = "/usr"
	}
	texts := []string{program}
	library, err := r.library(ctx, env, program)
	if err != nil {
		return nil, err
	}
	if library != "" {
		texts = append(texts, library)
	}
	for _, name := range texts {
		text, err := r.elf.Text(ctx, env.Tree, name)
		if errors.Is(err, elf.ErrNotELF) || errors.Is(err, elf.ErrBroken) || need.Missing(err) {
			continue
		}
		if err != nil {
			return nil, err
		}
		for _, s := range text.Strings {
			if len(s) > 256 || !incDir().MatchString(s) {
				continue
			}
			if err := p.add(ctx, env.Tree, s); err != nil {
				return nil, err
			}
		}
	}
	if len(p.inc) == 0 {
		for _, pattern := range []string{"lib/perl5/*", "lib/perl5/site_perl/*", "share/perl5", "share/perl/*", "lib/*/perl-base", "lib/*/perl/*", "lib/*/perl5/*", "share/perl5/vendor_perl", "lib/perl5/vendor_perl", "lib/perl5/core_perl", "share/perl5/core_perl"} {
			names, err := installation.Glob(ctx, env.Tree, p.prefix, pattern)
			if err != nil {
				return nil, err
			}
			for _, n := range names {
				if err := p.add(ctx, env.Tree, n); err != nil {
					return nil, err
				}
			}
		}
	}
	slices.Sort(p.inc)
	if len(p.inc) == 0 {
		return nil, nil
	}
	return p, nil
}

// add adds a directory that is there.
func (p *place) add(ctx context.Context, t tree.Tree, name string) error {
	res, ok, err := tree.Find(ctx, t, name)
	if err == nil && ok && res.Entry.IsDir() && !slices.Contains(p.inc, name) && strings.Count(name, "/") > 1 {
		p.inc = append(p.inc, name)
	}
	return err
}

// Claims implements need.Provider: Perl by its names, as a program or a library.
func (r *Runtime) Claims(v need.Visit) bool {
	switch v.Need.Kind {
	case need.Program:
		return strings.HasPrefix(string(v.Head), "\x7fELF") && (IsProgram(v.Path) || IsProgram(v.Need.Path))
	case need.Library, need.Module:
		return shared().MatchString(path.Base(v.Path))
	}
	return false
}

// Needs implements need.Provider.
func (r *Runtime) Needs(ctx context.Context, env *need.Env, v need.Visit) (need.Found, error) {
	if v.Need.Kind != need.Program && v.Need.Instruction == "" {
		return need.Found{}, nil // nothing that starts loads it, or Perl itself does
	}
	p, err := r.place(ctx, env, v.Path)
	if err != nil {
		return need.Found{}, err
	}
	if p == nil {
		return need.Found{}, &image.UnsupportedError{Instruction: v.Need.Instruction, Why: fmt.Sprintf("no modules were found for the Perl of %s", v.Need.Path)}
	}
	r.found[p.program] = p
	out := need.Found{Facts: []need.Fact{{Kind: need.Home, Reason: v.Path + " looks for the home of its user"}, {Kind: need.Temp, Reason: v.Path + " has modules that keep temporary files"}}}
	for _, dir := range p.inc {
		out.Facts = append(out.Facts, need.Fact{Kind: need.SearchDir, Subject: dir, Reason: "Perl looks for modules there"})
		files, err := installation.Files(ctx, env.Tree, dir, p.program, "modules of "+p.program, func(rel string) bool { return table.Why(rel) != "" })
		if err != nil {
			return out, fmt.Errorf("reading the modules of %s: %w", p.program, err)
		}
		out.Needs = append(out.Needs, files...)
	}
	return out, nil
}

// table is what stays behind of a directory of modules, unless a source of the
// application uses it. Bytes are of Debian's perl 5.36.
var table = installation.Table{
	{Path: "CORE/*.h", Bytes: 8_200_000, Why: "is what extensions are compiled with", Source: "perlxs"},
	{Path: "CORE/*.a", Why: "is a static library", Source: "perlembed"},
	{Path: "*/CORE/*.h", Why: "is what extensions are compiled with", Source: "perlxs"},
	{Path: "CPAN", Bytes: 1_000_000, Why: "only installs modules", Source: "CPAN.pm"},
	{Path: "CPAN.pm", Bytes: 140_000, Why: "only installs modules", Source: "CPAN.pm"},
	{Path: "Debconf", Bytes: 400_000, Why: "only installs packages", Source: "debconf(7)"},
	{Path: "Debian", Why: "only installs packages", Source: "debhelper(7), ucf(1)"},
	{Path: "Dpkg", Why: "only makes packages", Source: "dpkg-dev"},
}

// prefixTable is what stays behind below the prefix of an installation outside
// of packages.
var prefixTable = installation.Table{
	{Path: "bin/cpan*", Why: "only installs modules", Source: "cpan(1)"},
	{Path: "bin/perldoc", Why: "shows documentation", Source: "perldoc(1)"},
	{Path: "bin/perlbug", Why: "reports faults", Source: "perlbug(1)"},
	{Path: "bin/perlthanks", Why: "reports faults", Source: "perlbug(1)"},
	{Path: "bin/h2xs", Why: "is for development", Source: "h2xs(1)"},
	{Path: "bin/xsubpp", Why: "compiles extensions", Source: "xsubpp(1)"},
	{Path: "share/man", Why: "is documentation", Source: "hier(7)"},
	{Path: "man", Why: "is documentation", Source: "hier(7)"},
}

// kept is what looks as if it could go and cannot.
var kept = installation.Table{
	{Path: "unicore, Unicode", Why: "are loaded when a text or an expression asks for them", Source: "perlunicode"},
	{Path: "Config_heavy.pl", Why: "is loaded by Config when a key asks for it", Source: "Config"},
	{Path: "pod/perldiag.pod", Why: "diagnostics reads it", Source: "diagnostics"},
	{Path: "ExtUtils, Module", Why: "some modules compile when they are loaded, and others ask which are installed", Source: "Inline::C, Module::Load"},
	{Path: "*.pod", Why: "programs print their own manual by Pod::Usage", Source: "Pod::Usage"},
}

// Table prints what is pruned and what is not, for the manual.
func Table() string {
	var b strings.Builder
	b.WriteString("| left behind | bytes | it | source |\n| --- | --- | --- | --- |\n")
	b.WriteString(table.Markdown("@INC/") + prefixTable.Markdown(""))
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
	for _, name := range candidates {
		p, err := r.place(ctx, env, name)
		if err != nil {
			return nil, err
		}
		if p == nil || p.prefix == "/usr" { // what lies there belongs to packages
			continue
		}
		have, err := prefixTable.Present(ctx, env.Tree, p.prefix)
		if err != nil {
			return nil, err
		}
		maps.Copy(out, have)
		for _, dir := range p.inc {
			have, err := table.Present(ctx, env.Tree, dir)
			if err != nil {
				return nil, err
			}
			maps.Copy(out, have)
		}
	}
	return out, nil
}

// options are the arguments of Perl up to what it starts (perlrun).
type options struct {
	file, code string
	unsure     bool // -I, -M, -x: modules may come from elsewhere
	path       bool // -S
	rest       []string
}

func parse(args []string) options {
	var o options
	for i := 0; i < len(args); i++ {
		a := args[i]
		if a == "--" {
			if o.code == "" && i+1 < len(args) {
				o.file, i = args[i+1], i+1
			}
			o.rest = args[min(i+1, len(args)):]
			return o
		}
		if !strings.HasPrefix(a, "-") || a == "-" {
			if o.code == "" && a != "-" {
				o.file = a
				i++
			}
			o.rest = args[min(i, len(args)):]
			return o
		}
		for j := 1; j < len(a); j++ {
			value := a[j+1:]
			switch a[j] {
			case 'e', 'E', 'I':
				if value == "" && i+1 < len(args) {
					i++
					value = args[i]
				}
				if a[j] == 'I' {
					o.unsure = true
				} else {
					o.code += value + "\n"
				}
			case 'M', 'm', 'x':
				o.unsure = true
			case 'F', 'C', 'i', 'D', 'V', 'd':
			case 'S':
				o.path = true
				continue
			default:
				continue
			}
			break
		}
	}
	return o
}

// servers are programs that serve an application of PSGI: app.psgi of the
// working directory where they are given none (plackup(1), starman(1)).
var servers = []string{"plackup", "starman", "twiggy", "starlet", "feersum"}

// Resolve implements need.Launcher: "perl FILE" and scripts of Perl.
func (r *Runtime) Resolve(ctx context.Context, env *need.Env, c need.Command) (need.Step, bool, error) {
	if c.Program == "" {
		return need.Step{}, false, nil
	}
	if IsProgram(c.Program) {
		return r.start(ctx, env, c)
	}
	script, at, err := source.ScriptOf(ctx, env, c.Program, IsProgram)
	if err != nil || script == nil {
		return need.Step{}, false, err
	}
	if p, err := r.place(ctx, env, at); err != nil || p == nil {
		return need.Step{}, false, err // the provider says why
	}
	r.mains[c.Program] = main{c.Instruction, len(script.Options) > 0}
	step := script.Launch(c, at, "Perl")
	if slices.Contains(servers, path.Base(c.Program)) && step.Rewritten == nil {
		if err := r.application(ctx, env, c, &step.Found); err != nil {
			return need.Step{}, false, err
		}
	}
	return step, true, nil
}

// application asks for what a server is told to serve.
func (r *Runtime) application(ctx context.Context, env *need.Env, c need.Command, out *need.Found) error {
	name := ""
	for _, a := range c.Line()[1:] {
		if strings.HasSuffix(a, ".psgi") || strings.HasSuffix(a, ".pl") {
			_, value, ok := strings.Cut(a, "=")
			if name = a; ok {
				name = value
			}
		}
		if slices.Contains([]string{"-e", "-M", "-h", "--help", "-v", "--version"}, a) {
			return nil
		}
	}
	if name == "" {
		name = "app.psgi"
	}
	return r.mainFile(ctx, env, c.Instruction, name, true, out)
}

func (r *Runtime) mainFile(ctx context.Context, env *need.Env, instruction, name string, unsure bool, out *need.Found) error {
	at := env.Abs(name)
	res, ok, err := tree.FindFile(ctx, env.Tree, at)
	if err != nil {
		return err
	}
	if !ok {
		bad := &image.RefusedError{Instruction: instruction, Message: fmt.Sprintf("%s starts %s, which is not in the built image", instruction, at), Hint: "copy it in the final stage, or correct the path; it is relative to WORKDIR"}
		if name != at {
			bad.Message = fmt.Sprintf("%s starts %s, and %s is not in the built image", instruction, name, at)
		}
		return bad
	}
	r.mains[res.Path] = main{instruction, unsure}
	out.Needs = append(out.Needs, need.Need{Kind: need.Config, Path: at, By: instruction, Reason: "main file of " + instruction, Strength: need.Required, Instruction: instruction})
	return nil
}

// start follows "perl …".
func (r *Runtime) start(ctx context.Context, env *need.Env, c need.Command) (need.Step, bool, error) {
	if s, err := source.ReadScript(ctx, env, c.Program); err != nil || s != nil {
		return need.Step{}, false, err // a wrapper of that name
	}
	step := need.Step{Found: need.Found{Needs: []need.Need{{Kind: need.Program, Path: c.Program, By: c.Instruction, Reason: c.Reason, Strength: need.Required, Instruction: c.Instruction}}}}
	o := parse(c.Line()[1:])
	if o.file != "" {
		name := o.file
		if o.path && !strings.Contains(name, "/") {
			found, ok, err := env.LookPath(ctx, name)
			if err != nil {
				return need.Step{}, false, err
			}
			if ok {
				name = found
			}
		}
		if err := r.mainFile(ctx, env, c.Instruction, name, o.unsure, &step.Found); err != nil {
			return need.Step{}, false, err
		}
		if inner := (need.Command{Argv: append([]string{name}, o.rest...), Instruction: c.Instruction}); slices.Contains(servers, path.Base(name)) {
			if err := r.application(ctx, env, inner, &step.Found); err != nil {
				return need.Step{}, false, err
			}
		}
	}
	if o.code != "" {
		if err := r.uses(ctx, env, c.Instruction, o.code, &step.Found); err != nil {
			return need.Step{}, false, err
		}
	}
	step.Needs = append(step.Needs, need.Arguments(need.Command{Argv: append([]string{""}, o.rest...), Instruction: c.Instruction})...)
	return step, true, nil
}

// language is how sources of Perl are read. What starts one command line hands
// it to /bin/sh where it has characters of a shell (perlfunc, exec), and gives
// -1 where there is none.
var language = source.Language{
	Dialect: source.Dialect{Comments: []string{"#"}, Pod: true, Interpolation: "$@", Letters: true, Heredoc: "<<", Regexps: true, End: "__END__", Bare: true},
	Calls:   map[string]source.How{"system": source.LikeExec, "exec": source.LikeExec, "open": source.Pipe, "open2": source.BehindTwo, "open3": source.BehindThree, "capture": source.LikeExec, "readpipe": source.LikeExec},
	Shell:   "$&*(){}[]'\";\\|?<>~`\n", Exec: true,
	Loads: []string{"use", "require"},
}

// own reports whether a file is one of the application's own sources.
func (r *Runtime) own(f *need.File) bool {
	if !f.Entry.IsRegular() || f.Entry.Size > source.MaxFile || f.Entry.Size == 0 {
		return false
	}
	if _, ok := r.mains[f.Path]; ok {
		return !strings.HasPrefix(f.Path, "/usr/bin/") && !strings.HasPrefix(f.Path, "/usr/sbin/")
	}
	if !slices.Contains([]string{".pl", ".pm", ".psgi", ".cgi"}, path.Ext(f.Path)) {
		return false
	}
	if slices.ContainsFunc([]string{"/usr/lib/", "/usr/share/", "/usr/local/lib/", "/usr/local/share/", "/etc/"}, func(dir string) bool { return strings.HasPrefix(f.Path, dir) }) {
		return false
	}
	return !slices.ContainsFunc(strings.Split(f.Path, "/"), func(part string) bool { return slices.Contains([]string{"t", "xt", "perl5", "node_modules"}, part) })
}

// Settle implements need.Settler: what the application's own sources use.
func (r *Runtime) Settle(ctx context.Context, env *need.Env, s *need.Set) (need.Found, error) {
	var out need.Found
	if len(r.found) == 0 {
		return out, nil
	}
	err := r.sources.Settle(ctx, env, s, r.own, r.uses, &out)
	return out, err
}

// dependencies are modules that are known to read what their files do not show
// (their documentation; 2026-11).
var dependencies = sync.OnceValue(func() map[string]dependency {
	return map[string]dependency{
		"DateTime": {zones: true}, "Time::Piece": {zones: true},
		"Git": {programs: []string{"git"}}, "Git::Repository": {programs: []string{"git"}}, "Git::Wrapper": {programs: []string{"git"}},
		"MIME::Lite": {programs: []string{"sendmail"}, shell: true}, "Net::OpenSSH": {programs: []string{"ssh", "scp"}, shell: true},
	}
})

// A dependency is what a module is known to use.
type dependency struct {
	zones    bool
	programs []string
	shell    bool
}

// uses turns what a source shows into needs. where is the source, for people.
func (r *Runtime) uses(ctx context.Context, env *need.Env, where, text string, out *need.Found) error {
	starts, modules := language.Read(text)
	if err := source.Needs(ctx, env, where, starts, out); err != nil {
		return err
	}
	m, isMain := r.mains[where]
	sure := isMain && !m.unsure && !strings.Contains(text, "use lib") && !strings.Contains(text, "@INC") && !strings.Contains(text, "local::lib")
	if v, _ := env.Getenv("PERL5LIB"); v != "" {
		sure = false
	}
	for _, module := range modules {
		at := fmt.Sprintf("%s:%d", where, module.Line)
		if d, ok := dependencies()[module.Name]; ok {
			if d.zones {
				out.Facts = append(out.Facts, need.Fact{Kind: need.Zones, Reason: at + " uses " + module.Name})
			}
			for _, p := range d.programs {
				if _, ok, err := env.LookPath(ctx, p); err != nil {
					return err
				} else if ok {
					if err := source.Start(ctx, env, where, at, p, out); err != nil {
						return err
					}
				}
			}
			if d.shell {
				if err := source.RunShell(ctx, env, where, at, "", out); err != nil {
					return err
				}
			}
		}
		if err := r.module(ctx, env, module.Name, where, at, sure, out); err != nil {
			return err
		}
	}
	return nil
}

// module asks for one that is otherwise left behind, and warns of one that no
// directory has.
func (r *Runtime) module(ctx context.Context, env *need.Env, name, by, at string, sure bool, out *need.Found) error {
	rel := strings.ReplaceAll(name, "::", "/") + ".pm"
	top, _, _ := strings.Cut(strings.TrimSuffix(rel, ".pm"), "/")
	there := false
	for _, program := range slices.SortedFunc(maps.Keys(r.found), cmp.Compare[string]) {
		for _, dir := range r.found[program].inc {
			_, ok, err := tree.FindFile(ctx, env.Tree, path.Join(dir, rel))
			if err != nil {
				return err
			}
			there = there || ok
			for _, n := range []string{top, top + ".pm"} {
				if table.Why(n) == "" {
					continue
				}
				files, err := installation.Files(ctx, env.Tree, path.Join(dir, n), by, at+" uses "+name, nil)
				if err != nil {
					return err
				}
				out.Needs = append(out.Needs, files...)
				if _, ok, err := tree.FindFile(ctx, env.Tree, path.Join(dir, n)); err != nil {
					return err
				} else if ok {
					out.Needs = append(out.Needs, need.Need{Kind: need.Data, Path: path.Join(dir, n), By: by, Reason: at + " uses " + name, Strength: need.Expected})
				}
			}
		}
	}
	if there || !sure || len(r.found) == 0 || name == "" || name[0] < 'A' || name[0] > 'Z' || strings.ContainsAny(name, "./") {
		return nil
	}
	if _, ok, err := tree.FindFile(ctx, env.Tree, path.Join(path.Dir(by), rel)); err != nil || ok {
		return err
	}
	out.Warnings = append(out.Warnings, image.NewWarning("", fmt.Sprintf("%s uses %s, which is in no directory of modules of the built image", at, name), "install it in the final stage, or say where it is with PERL5LIB"))
	return nil
}
