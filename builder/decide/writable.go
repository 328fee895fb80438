package decide

import (
	"context"
	"path"
	"slices"
	"strings"

	"github.com/whittle-oci/whittle/builder/need"
	"github.com/whittle-oci/whittle/builder/need/elf"
	"github.com/whittle-oci/whittle/builder/tree"
)

// emptyDir reports whether a directory holds no file at any depth. known is
// what has been looked at.
func emptyDir(ctx context.Context, t tree.Tree, name string, known map[string]bool) (bool, error) {
	if empty, ok := known[name]; ok {
		return empty, nil
	}
	children, err := t.ReadDir(ctx, name)
	if err != nil {
		return false, err
	}
	empty := true
	for _, e := range children {
		below := e.IsDir()
		if below {
			if below, err = emptyDir(ctx, t, path.Join(name, e.Name), known); err != nil {
				return false, err
			}
		}
		empty = empty && below
	}
	known[name] = empty
	return empty, nil
}

// writableDirs tells which empty directories are there for a program to write
// to, with all that is in them.
func writableDirs(ctx context.Context, env *need.Env, dirs map[string]bool, loads []string) (func(string) bool, error) {
	search, err := searchPaths(ctx, env, loads)
	if err != nil {
		return nil, err
	}
	closed := map[string]bool{} // directories that hold one which is not to be written to
	for name, empty := range dirs {
		if !empty || toBeWritten(name, path.Clean("/"+env.Dir), search) {
			continue
		}
		for dir := name; dir != "/"; dir = path.Dir(dir) {
			closed[dir] = true
		}
	}
	return func(name string) bool { return dirs[name] && !closed[name] }, nil
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

// searchPaths lists the directories in which programs, libraries, modules and
// plugins are looked for.
func searchPaths(ctx context.Context, env *need.Env, loads []string) ([]string, error) {
	configured, err := elf.ConfiguredDirs(ctx, env.Tree)
	if err != nil {
		return nil, err
	}
	out := slices.Concat(loads, configured, env.SearchPath(), []string{"/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32"})
	for _, kv := range env.Vars {
		variable, value, _ := strings.Cut(kv, "=")
		if slices.Contains(searchVariables, variable) || strings.HasSuffix(variable, "_PLUGIN_PATH") || strings.HasSuffix(variable, "_MODULE_PATH") {
			out = append(out, strings.FieldsFunc(value, func(r rune) bool { return r == ':' || r == ';' })...)
		}
	}
	return slices.DeleteFunc(out, func(dir string) bool { return !path.IsAbs(dir) || path.Clean(dir) == "/" }), nil
}

// toBeWritten reports whether an empty directory may be there for a program to
// write to: not where programs, libraries, modules or plugins are looked for,
// since who may write there chooses what is run, nor among configuration, what
// maintainer scripts leave below /usr, and the directory that is to stay empty
// (hier(7) of the BSDs; sshd checks it).
func toBeWritten(name, workdir string, search []string) bool {
	within := func(dir string) bool { return need.Below(name, dir) }
	if systemDir(name) || within("/etc") || within("/boot") || within("/var/empty") || within("/usr") && (workdir == "/" || workdir == "/usr" || !within(workdir)) {
		return false
	}
	if slices.ContainsFunc(strings.Split(name, "/"), func(s string) bool { return slices.Contains(searchDirs, s) }) {
		return false
	}
	return !slices.ContainsFunc(search, within)
}
