package perl

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
	"sync"

	"github.com/whittle-oci/whittle/builder/image"
	"github.com/whittle-oci/whittle/builder/need"
	"github.com/whittle-oci/whittle/builder/need/installation"
	"github.com/whittle-oci/whittle/builder/need/source"
	"github.com/whittle-oci/whittle/builder/tree"
)

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
