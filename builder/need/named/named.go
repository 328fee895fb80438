// Package named knows what programs name in their text although no header
// does: files by absolute paths, libraries that they open, programs that they
// start. A name counts when the built tree has what it names and the program
// calls what could use it.
package named

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/whittle-oci/whittle/builder/image"
	"github.com/whittle-oci/whittle/builder/need"
	"github.com/whittle-oci/whittle/builder/need/elf"
	"github.com/whittle-oci/whittle/builder/packages"
)

// A Provider answers for ELF programs and libraries that are not the base
// system's own: what those name is for every use that a whole system has of
// them.
type Provider struct {
	db    *packages.DB
	elf   *elf.Files
	asked func(ctx context.Context) ([]packages.Package, error)
	// interprets tells programs of which it is known what they run.
	interprets func(name string) bool

	onPath   map[string]string // programs along PATH: name to path
	wanted   map[string]bool   // packages that were asked for by name, and what they depend on
	programs map[string]owner  // of programs along PATH, by path

	wantedNames map[string]bool // names of programs of wanted packages
	lengths     []int           // of those names, in bytes
	runs        *string         // the program that gives command lines to a shell; nil until it is looked for
}

// New returns a provider over the package database of the tree. asked lists the
// packages that the final stage installs by name. interprets tells programs of
// which it is known what they run: the texts of those are for people.
func New(db *packages.DB, files *elf.Files, asked func(ctx context.Context) ([]packages.Package, error), interprets func(name string) bool) *Provider {
	return &Provider{db: db, elf: files, asked: asked, interprets: interprets, programs: map[string]owner{}}
}

const magic = "\x7fELF"

// Claims implements need.Provider.
func (p *Provider) Claims(v need.Visit) bool {
	switch v.Need.Kind {
	case need.Program, need.Module:
		return strings.HasPrefix(string(v.Head), magic)
	case need.Library:
		return true
	case need.Config:
		return v.Entry.IsRegular() && v.Entry.Size <= maxConfiguration && v.Entry.Mode&0o111 == 0
	}
	return false
}

// Functions by which a name is used.
var (
	opens  = []string{"open", "open64", "openat", "openat64", "fopen", "fopen64", "freopen", "freopen64", "opendir", "stat", "stat64", "lstat", "access", "__xstat", "__xstat64", "__open_2", "__open64_2", "scandir", "scandir64", "glob", "glob64", "realpath", "readlink"}
	loads  = []string{"dlopen", "dlmopen", "lt_dlopen", "lt_dlopenext", "lt_dlopenadvise", "g_module_open", "g_module_open_full", "sqlite3_load_extension", "DSO_load", "apr_dso_load", "uv_dlopen"}
	starts = []string{
		"execl", "execle", "execlp", "execv", "execve", "execvp", "execvpe", "fexecve", "posix_spawn", "posix_spawnp", "g_spawn_async", "g_spawn_sync", "g_spawn_async_with_pipes", "g_spawn_command_line_sync", "g_spawn_command_line_async", "g_subprocess_new", "g_subprocess_newv",
		"apr_proc_create", "uv_spawn",
	}
	commands = []string{"system", "popen", "wordexp"}
)

// goStarts are Go's functions that start programs.
var goStarts = []string{"os.StartProcess", "os/exec.Command", "os/exec.(*Cmd).Start", "syscall.forkExec", "syscall.forkAndExecInChild", "syscall.Exec"}

// Needs implements need.Provider.
func (p *Provider) Needs(ctx context.Context, env *need.Env, v need.Visit) (need.Found, error) {
	var out need.Found
	if env.NoEvidence || p.interprets(v.Path) || lineEditor(v.Path) {
		return out, nil
	}
	if v.Need.Kind == need.Config {
		return p.configured(ctx, env, v)
	}
	owned, base, err := p.db.OfBaseSystem(ctx, v.Path)
	if base || err != nil {
		return out, err
	}
	f, err := p.read(ctx, env, v, owned)
	if err != nil || f == nil {
		return out, err
	}
	for _, step := range []func(context.Context, *need.Env, *file, *need.Found) error{p.files, p.libraries, p.starts} {
		if err := step(ctx, env, f, &out); err != nil {
			return need.Found{}, err
		}
	}
	if call := f.info.Calls("wordexp"); call != "" && !f.owned {
		// Libraries of the distribution read names of their own files by it,
		// which have no commands in them.
		out.Needs = append(out.Needs, need.Need{Kind: need.Program, Path: "/bin/sh", By: f.path, Reason: f.path + " calls wordexp", Strength: need.Expected, Shell: true})
	}
	if slices.Contains(need.Starts, v.Need.Instruction) || v.Need.Shell {
		if err := p.logins(ctx, env, v.Path, &out); err != nil {
			return need.Found{}, err
		}
	}
	if slices.Contains(need.Starts, v.Need.Instruction) {
		err = p.siblings(ctx, env, f, &out)
	}
	return out, err
}

// lineEditor reports whether a library reads lines for somebody at a terminal:
// it starts an editor when one of its keys is pressed, and the names of its own
// commands are those of programs.
func lineEditor(name string) bool {
	base := path.Base(name)
	return strings.HasPrefix(base, "libedit.so") || strings.HasPrefix(base, "libreadline.so")
}

// file is an ELF file with what it names and by which functions.
type file struct {
	path    string
	owned   bool // by a package
	info    *elf.Info
	text    *elf.Text
	opens   bool
	loads   string // the function by which it opens libraries, "" for none
	starts  string // what shows that it starts programs, as words that follow its name
	command string // that by which it runs command lines
	static  bool   // a C library is in it, with texts of its own
}

// read reads a file, nil when it calls nothing that uses names.
func (p *Provider) read(ctx context.Context, env *need.Env, v need.Visit, owned bool) (*file, error) {
	info, err := p.elf.Info(ctx, env.Tree, v.Path)
	if errors.Is(err, elf.ErrNotELF) || errors.Is(err, elf.ErrBroken) {
		return nil, nil // the ELF provider says what is wrong with it
	}
	if err != nil {
		return nil, err
	}
	f := &file{path: v.Path, owned: owned, info: info}
	switch {
	case info.Go != nil:
		f.opens = true
		for _, n := range goStarts {
			if f.starts == "" && info.Go.Has(n) {
				f.starts = "links " + n
			}
		}
	case info.Interp == "" && !info.Dynamic(): // a static one calls nothing by name
		f.opens = v.Need.Kind == need.Program
		f.static, f.starts = true, "may start programs, as it is static"
	default:
		f.opens, f.loads, f.starts, f.command = info.Calls(opens...) != "", info.Calls(loads...), "", info.Calls(commands...)
		if n := info.Calls(starts...); n != "" {
			f.starts = "calls " + n
		}
	}
	if !f.opens && f.loads == "" && f.starts == "" && f.command == "" {
		return nil, nil
	}
	f.text, err = p.elf.Text(ctx, env.Tree, v.Path)
	return f, err
}

// libraries asks for those that a file names and opens, where the loader finds
// them: by their whole name, or one to which ".so" is added.
func (p *Provider) libraries(ctx context.Context, env *need.Env, f *file, out *need.Found) error {
	if f.loads == "" || len(f.info.Dlopens) > 0 { // notes say more
		return nil
	}
	var finder *elf.Finder
	for _, s := range f.text.Strings {
		if len(s) > 128 || strings.ContainsAny(s, " /%:;,()<>\"'\\=\n\t") {
			continue
		}
		name := s
		if !strings.Contains(s, ".so") {
			if f.loads != "sqlite3_load_extension" && !strings.HasPrefix(s, "lib") && !strings.HasPrefix(s, "mod_") {
				continue
			}
			name = s + ".so"
		}
		if slices.Contains(f.info.Needed, name) || name == f.info.SoName {
			continue
		}
		var err error
		if finder == nil {
			if finder, err = elf.NewFinder(ctx, env.Tree, f.path, elf.Options{LibraryPath: env.LibraryPath(), Files: p.elf}); err != nil {
				return fmt.Errorf("looking for what %s opens: %w", f.path, err)
			}
		}
		found, err := finder.Find(name)
		if err != nil {
			return fmt.Errorf("looking for what %s opens: %w", f.path, err)
		}
		if found != "" {
			out.Needs = append(out.Needs, need.Need{Kind: need.Config, Path: found, By: f.path, Reason: fmt.Sprintf("%s names %s and calls %s", f.path, s, f.loads), Strength: need.Expected})
		}
	}
	return nil
}

// warn adds a warning.
func warn(out *need.Found, message, hint string) {
	out.Warnings = append(out.Warnings, image.NewWarning("", message, hint))
}

// has reports whether a directory is one of those in a list or lies below.
func has(list []string, name string) bool {
	return slices.ContainsFunc(list, func(dir string) bool { return need.Below(name, dir) })
}

// depth counts the components of a path.
func depth(name string) int { return strings.Count(path.Clean(name), "/") }
