package python

import (
	"context"
	"path"
	"slices"
	"strings"

	"github.com/whittle-oci/whittle/builder/need"
	"github.com/whittle-oci/whittle/builder/tree"
)

// searchPath is sys.path as the site module makes it, with what is known of
// it.
type searchPath struct {
	dirs []string
	// unsure says that code of a .pth file, a variable or an archive may add
	// further directories.
	unsure bool
}

// maxPaths bounds the .pth files of one directory and the lines of each.
const maxPaths = 256

// sites lists the directories of installed packages that an interpreter reads
// (site(3): site-packages; Debian's dist-packages, from its site.py).
func (in *interpreter) sites(env *need.Env) []string {
	var out []string
	lib := "python" + in.version
	if in.venv != "" {
		out = append(out, path.Join(in.venv, "lib", lib, "site-packages"))
		if !in.system {
			return out
		}
	}
	out = append(out, userSite(env, lib)...)
	if in.prefix == "/usr" {
		out = append(out, path.Join("/usr/local/lib", lib, "dist-packages"), "/usr/lib/python3/dist-packages", path.Join("/usr/lib", lib, "dist-packages"))
	}
	return append(out, path.Join(in.prefix, "lib", lib, "site-packages"))
}

// userSite is where "pip install --user" puts packages (PEP 370).
func userSite(env *need.Env, lib string) []string {
	var out []string
	if base, _ := env.Getenv("PYTHONUSERBASE"); path.IsAbs(base) {
		out = append(out, base)
	}
	home, _ := env.Getenv("HOME")
	for _, h := range []string{home, "/root"} {
		if path.IsAbs(h) {
			out = append(out, path.Join(h, ".local"))
		}
	}
	for i, base := range out {
		out[i] = path.Join(base, "lib", lib, "site-packages")
	}
	return slices.Compact(out)
}

// path gives sys.path of a program that starts with the directories first.
func (in *interpreter) path(ctx context.Context, env *need.Env, first ...string) (searchPath, error) {
	var out searchPath
	add := func(dir string) {
		if dir = path.Clean(dir); path.IsAbs(dir) && !slices.Contains(out.dirs, dir) {
			out.dirs = append(out.dirs, dir)
		}
	}
	for _, dir := range first {
		add(dir)
	}
	pythonPath, _ := env.Getenv("PYTHONPATH")
	for _, dir := range need.List(pythonPath) {
		add(env.Abs(dir))
		out.unsure = out.unsure || strings.HasSuffix(dir, ".zip") || strings.HasSuffix(dir, ".egg")
	}
	if home, ok := env.Getenv("PYTHONHOME"); ok && home != "" {
		out.unsure = true
	}
	add(in.library)
	add(path.Join(in.library, "lib-dynload"))
	for _, site := range in.sites(env) {
		add(site)
		more, unsure, err := linked(ctx, env.Tree, site)
		if err != nil {
			return out, err
		}
		for _, dir := range more {
			add(dir)
		}
		out.unsure = out.unsure || unsure
	}
	return out, nil
}

// linked reads the .pth files of a directory: lines that name directories, and
// code (site(3)). unsure says that there is code that may add some, or an egg.
func linked(ctx context.Context, t tree.Tree, site string) (dirs []string, unsure bool, err error) {
	entries, err := readDir(ctx, t, site)
	if err != nil {
		return nil, false, err
	}
	read := 0
	for _, e := range entries {
		unsure = unsure || strings.HasSuffix(e.Name, ".egg") || strings.HasSuffix(e.Name, ".egg-link")
		if path.Ext(e.Name) != ".pth" || e.IsDir() {
			continue
		}
		if read++; read > maxPaths || e.Size > maxSettings {
			return dirs, true, nil
		}
		text, err := tree.ReadOptional(ctx, t, path.Join(site, e.Name), maxSettings)
		if err != nil {
			return dirs, true, err
		}
		more, code := pathFile(site, string(text))
		dirs, unsure = append(dirs, more...), unsure || code
	}
	return dirs, unsure, nil
}

// pathFile gives the directories that the text of a .pth file names, and
// whether it runs code that may add others. Setuptools' own line does not.
func pathFile(site, text string) (dirs []string, code bool) {
	n := 0
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, " \t\r\n")
		if n++; n > maxPaths {
			return dirs, true
		}
		switch {
		case line == "" || strings.HasPrefix(line, "#"):
		case strings.HasPrefix(line, "import ") || strings.HasPrefix(line, "import\t"):
			code = code || !strings.Contains(line, "_distutils_hack")
		case strings.ContainsRune(line, 0):
			return dirs, true
		case path.IsAbs(line):
			dirs = append(dirs, path.Clean(line))
		default:
			dirs = append(dirs, path.Join(site, line))
		}
	}
	return dirs, code
}

// module looks a dotted name up along the path. file is "" for a package
// without an __init__.py. ok is false when there is none; an extension module
// counts whatever its tag.
func (s searchPath) module(ctx context.Context, t tree.Tree, name string) (file string, ok bool, err error) {
	parts := strings.Split(name, ".")
	for _, dir := range s.dirs {
		file, ok, err := lookUp(ctx, t, dir, parts)
		if ok || err != nil {
			return file, ok, err
		}
	}
	return "", false, nil
}

func lookUp(ctx context.Context, t tree.Tree, dir string, parts []string) (string, bool, error) {
	for i, part := range parts {
		last := i == len(parts)-1
		at := path.Join(dir, part)
		res, err := tree.Resolve(ctx, t, at)
		if err != nil && !need.Missing(err) {
			return "", false, err
		}
		if err == nil && res.Entry.IsDir() {
			if !last {
				dir = at
				continue
			}
			init := path.Join(at, "__init__.py")
			if _, ok, err := tree.FindFile(ctx, t, init); ok || err != nil {
				return init, ok, err
			}
			return "", true, nil
		}
		if _, ok, err := tree.FindFile(ctx, t, at+".py"); err != nil {
			return "", false, err
		} else if ok {
			// What lies below a module that is a file is made by it.
			return at + ".py", true, nil
		}
		entries, err := readDir(ctx, t, dir)
		if err != nil {
			return "", false, err
		}
		for _, e := range entries {
			stem, rest, _ := strings.Cut(e.Name, ".")
			if stem == part && (strings.HasSuffix(rest, "so") || rest == "pyc") {
				return path.Join(dir, e.Name), true, nil
			}
		}
		return "", false, nil
	}
	return "", false, nil
}
