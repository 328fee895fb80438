package plan

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/whittle-oci/whittle/builder/elf"
	"github.com/whittle-oci/whittle/builder/runtimes"
	"github.com/whittle-oci/whittle/builder/tree"
)

// settle decides about links, directories and scripts, which depend on what
// was kept.
func (k *keeper) settle(ctx context.Context) error {
	for _, name := range k.links {
		if err := k.settleLink(ctx, name); err != nil {
			return err
		}
	}
	dirs, err := elf.ConfiguredDirs(ctx, k.t)
	if err != nil {
		return err
	}
	k.loads = append(k.loads, dirs...)
	for _, name := range slices.Backward(k.dirs) {
		if err := k.settleDir(ctx, name); err != nil {
			return err
		}
	}
	for _, name := range k.scripts {
		if err := k.settleScript(ctx, name); err != nil {
			return err
		}
	}
	if len(k.builds) > 0 {
		k.warn("COPY", strings.Join(k.builds, ", ")+" was left out: it describes the build", "add it to .dockerignore; include: carries it all the same")
	}
	for _, l := range k.left {
		if l.Files > 0 && k.leftAbove(l.Path) {
			continue
		}
		k.plan.Left = append(k.plan.Left, *l)
	}
	return nil
}

// settleScript looks at a kept script that nothing names. Where its interpreter
// is in the image anyway, the commands of those in a directory that another
// script names come along: entrypoints often run what lies in one.
func (k *keeper) settleScript(ctx context.Context, name string) error {
	head, err := k.head(ctx, name)
	if err != nil {
		return err
	}
	s, ok := runtimes.Shebang(head)
	if !ok {
		return nil
	}
	command := s.Interpreter
	if s.Env != "" {
		if command, _, err = k.lookPath(ctx, s.Env); err != nil {
			return err
		}
	}
	res, err := tree.Resolve(ctx, k.t, command)
	if err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, tree.ErrLoop) {
		return err
	}
	if e := k.entries[res.Path]; err != nil || e == nil || !e.program {
		k.warn("", fmt.Sprintf("%s is a script that is kept without its interpreter", name), "exclude: it, or include: it as well when the program runs it")
		return nil
	}
	if slices.ContainsFunc(k.scriptDirs, func(dir string) bool { return strings.HasPrefix(name, dir+"/") }) {
		return k.optionalProgram(ctx, executable{name: name, reason: k.reason})
	}
	return nil
}

func (k *keeper) leftAbove(name string) bool {
	for dir := path.Dir(name); dir != "/"; dir = path.Dir(dir) {
		if _, ok := k.left[dir]; ok {
			return true
		}
	}
	return false
}

// settleLink keeps a changed link when it leads to something the image has, or
// to a data file, which then comes along. One that leads nowhere yet, such as
// to /dev/stdout or into a volume, is kept as it is.
func (k *keeper) settleLink(ctx context.Context, name string) error {
	e := k.changed[name]
	res, err := tree.Resolve(ctx, k.t, name)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, tree.ErrLoop) {
		k.place(name, e, k.reason).Droppable = true
		return nil
	}
	if err != nil {
		return err
	}
	_, have := k.entries[res.Path]
	have = have || res.Entry.IsDir() && k.holds(res.Path)
	if !have && (!res.Entry.IsRegular() || res.Entry.Mode&0o111 != 0) {
		k.leave(name, e, "is a link to "+res.Path+", which was left out")
		return nil
	}
	if !have {
		why, err := k.secret(ctx, res.Path, res.Entry)
		if err != nil {
			return err
		}
		if why != "" {
			k.leave(name, e, "leads to "+res.Path+", which "+why)
			k.warnSecret(name, "leads to "+res.Path+", which "+why)
			return nil
		}
	}
	if _, _, err := k.carry(ctx, name, k.reason); err != nil {
		return err
	}
	k.entries[name].Droppable = true
	return nil
}

// settleDir keeps a directory that the Dockerfile made empty, or whose owner
// or mode it changed. Directories that hold kept files come by themselves.
func (k *keeper) settleDir(ctx context.Context, name string) error {
	e := k.changed[name]
	children, err := k.changedTree.ReadDir(ctx, name)
	if err != nil {
		return err
	}
	if k.base != nil {
		res, err := tree.Resolve(ctx, k.base, name)
		if err == nil {
			if res.Path != name || res.Entry.Mode == e.Mode && res.Entry.UID == e.UID && res.Entry.GID == e.GID {
				return nil
			}
			k.place(name, e, "the final stage changed its owner or mode").Droppable = true
			return nil
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	empty := k.empty(ctx, name)
	if len(children) > 0 && !empty && !k.holds(name) && e.UID == 0 && e.Mode&0o022 == 0 {
		return nil // all that was in it stays behind, and only root may put something there
	}
	dir := k.place(name, e, "the final stage made it")
	dir.Droppable = true
	if empty && k.writtenBelow(ctx, name) && !ownersOnly(dir.sourceMode) && (e.UID == 0 || k.builtAsRoot()) {
		// As root the program could write there, and there is no other use
		// for it.
		dir.users = true
	}
	return nil
}

// builtAsRoot reports whether the built image's user is root, who could write
// to every directory.
func (k *keeper) builtAsRoot() bool {
	name, _, _ := strings.Cut(k.in.Config.User, ":")
	return name == "" || name == "root" || name == "0"
}

// empty reports whether a directory that was made holds no file at any depth.
func (k *keeper) empty(ctx context.Context, name string) bool {
	entries, err := k.t.ReadDir(ctx, name)
	return err == nil && !slices.ContainsFunc(entries, func(e tree.Entry) bool {
		return !e.IsDir() || !k.empty(ctx, path.Join(name, e.Name))
	})
}

// writtenBelow reports whether an empty directory and all in it may be there
// to be written to.
func (k *keeper) writtenBelow(ctx context.Context, name string) bool {
	entries, err := k.t.ReadDir(ctx, name)
	return err == nil && k.toBeWritten(name) && !slices.ContainsFunc(entries, func(e tree.Entry) bool {
		return !k.writtenBelow(ctx, path.Join(name, e.Name))
	})
}

// searchVariables name directories in which a program looks for code, from
// the manuals of ld.so(8), Python, Node.js, Perl, Ruby, Java, Lua, PHP, GCC,
// OpenSSL(7), Cyrus SASL, GIO, GTK; read in 2026.
var searchVariables = []string{
	"PATH", "LD_LIBRARY_PATH", "PYTHONPATH", "PYTHONHOME", "NODE_PATH", "PERL5LIB", "PERLLIB", "RUBYLIB", "GEM_PATH", "GEM_HOME", "CLASSPATH", "LUA_PATH", "LUA_CPATH",
	"PHP_INI_SCAN_DIR", "GCONV_PATH", "OPENSSL_MODULES", "OPENSSL_ENGINES", "SASL_PATH", "GIO_EXTRA_MODULES", "GIO_MODULE_DIR", "GTK_PATH", "LADSPA_PATH",
}

// searchDirs are directories in which runtimes look for code wherever they lie.
var searchDirs = []string{"node_modules", "site-packages", "dist-packages"}

// toBeWritten reports whether an empty directory may be there for a program to
// write to: not where programs, libraries, modules or plugins are looked for,
// since who may write there chooses what is run, nor among configuration, what
// maintainer scripts leave below /usr, and the directory that is to stay empty
// (hier(7) of the BSDs; sshd checks it).
func (k *keeper) toBeWritten(name string) bool {
	within := func(dir string) bool { return name == dir || strings.HasPrefix(name, strings.TrimSuffix(dir, "/")+"/") }
	wd := path.Clean("/" + k.config.WorkingDir)
	if systemDir(name) || within("/etc") || within("/boot") || within("/var/empty") || within("/usr") && (wd == "/" || wd == "/usr" || !within(wd)) {
		return false
	}
	if slices.ContainsFunc(strings.Split(name, "/"), func(s string) bool { return slices.Contains(searchDirs, s) }) {
		return false
	}
	search := slices.Concat(k.loads, k.pathVar, []string{"/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32"})
	for _, kv := range k.in.Config.Env {
		variable, value, _ := strings.Cut(kv, "=")
		if slices.Contains(searchVariables, variable) || strings.HasSuffix(variable, "_PLUGIN_PATH") || strings.HasSuffix(variable, "_MODULE_PATH") {
			search = append(search, strings.FieldsFunc(value, func(r rune) bool { return r == ':' || r == ';' })...)
		}
	}
	return !slices.ContainsFunc(search, func(dir string) bool { return path.IsAbs(dir) && path.Clean(dir) != "/" && within(path.Clean(dir)) })
}
