package python

import (
	"context"
	"fmt"
	"path"
	"regexp"
	"strings"
	"sync"

	"github.com/whittle-oci/whittle/builder/image"
	"github.com/whittle-oci/whittle/builder/need"
	"github.com/whittle-oci/whittle/builder/tree"
)

// An interpreter is a CPython with its standard library, as a program or inside
// of another, and the virtual environment that it was found through.
type interpreter struct {
	program string // real path of the program or of libpython
	prefix  string // sys.base_prefix: /usr, /usr/local, /opt/conda
	library string // directory of the standard library
	version string // "3.11", "3.13t"
	venv    string // sys.prefix of a virtual environment, "" for none
	system  bool   // the environment sees the site-packages of the prefix, too
}

// executable matches the names of interpreters' programs. The names without a
// version are links to those with one, or stand for the only one there is.
var executable = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^python(?:3(?:\.(\d{1,2}t?))?)?$`)
})

// shared matches the names of CPython's library.
var shared = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^libpython3\.(\d{1,2}t?)d?m?\.so`)
})

// IsProgram reports whether a path has the name of a CPython.
func IsProgram(name string) bool { return executable().MatchString(path.Base(name)) }

// maxLinks is how many links in a row are followed, as the kernel does
// (path_resolution(7)).
const maxLinks = 40

// maxSettings is the largest pyvenv.cfg, package.pth and the like that is
// read, in bytes.
const maxSettings = 64 << 10

// find finds the interpreter that a program of that path is: through the links
// to it, each of which may stand in a virtual environment (PEP 405: pyvenv.cfg
// beside the program or in the directory above). It is nil when there is no
// standard library for it.
//
// Errors are *image.RefusedError for an environment whose interpreter is gone,
// and what reading the tree gave otherwise.
func find(ctx context.Context, t tree.Tree, name string) (*interpreter, error) {
	in := &interpreter{}
	for range maxLinks {
		dir, err := tree.Resolve(ctx, t, path.Dir(name))
		if need.Missing(err) && in.venv != "" {
			return nil, in.gone(name)
		}
		if err != nil {
			return nil, ignoreMissing(err)
		}
		if in.venv == "" {
			if err := in.environment(ctx, t, dir.Path); err != nil {
				return nil, err
			}
		}
		name = path.Join(dir.Path, path.Base(name))
		e, err := t.Lstat(ctx, name)
		if need.Missing(err) && in.venv != "" {
			return nil, in.gone(name)
		}
		if err != nil {
			return nil, ignoreMissing(err)
		}
		if !e.IsSymlink() {
			in.program = name
			break
		}
		target := e.Linkname
		if !path.IsAbs(target) {
			target = path.Join(dir.Path, target)
		}
		name = path.Clean(target)
	}
	if in.program == "" {
		return nil, nil
	}
	bin := path.Dir(in.program)
	if in.venv != "" && need.Below(in.program, in.venv) { // made by copying the program
		home, err := in.home(ctx, t)
		if err != nil {
			return nil, err
		}
		bin = home
	}
	version := ""
	if m := executable().FindStringSubmatch(path.Base(in.program)); m != nil && m[1] != "" {
		version = "3." + m[1]
	}
	ok, err := in.locate(ctx, t, []string{path.Dir(bin)}, version)
	if err != nil || !ok {
		return nil, err
	}
	return in, in.agrees(ctx, t)
}

// gone refuses an environment whose links end at a program that is not there.
func (in *interpreter) gone(name string) error {
	return &image.RefusedError{
		Message: fmt.Sprintf("the virtual environment %s leads to %s, which is not in the built image", in.venv, name),
		Hint:    "make the environment with the interpreter of the final stage at the same path, or copy that interpreter, too (uv: UV_PYTHON_INSTALL_DIR outside of a home directory, or UV_PYTHON_DOWNLOADS=never)",
	}
}

// embedded finds the standard library that a libpython reads: in the prefix
// that it lies in.
func embedded(ctx context.Context, t tree.Tree, real string) (*interpreter, error) {
	m := shared().FindStringSubmatch(path.Base(real))
	if m == nil {
		return nil, nil
	}
	in := &interpreter{program: real}
	var prefixes []string
	for dir := path.Dir(real); dir != "/" && len(prefixes) < 3; dir = path.Dir(dir) {
		prefixes = append(prefixes, path.Dir(dir))
	}
	ok, err := in.locate(ctx, t, prefixes, "3."+m[1])
	if err != nil || !ok {
		return nil, err
	}
	return in, nil
}

// locate finds the standard library by its landmark, os.py, in one of several
// prefixes (Modules/getpath.py of CPython).
func (in *interpreter) locate(ctx context.Context, t tree.Tree, prefixes []string, version string) (bool, error) {
	for _, prefix := range prefixes {
		versions := []string{version}
		if version == "" {
			var err error
			if versions, err = installed(ctx, t, prefix); err != nil {
				return false, err
			}
			if len(versions) != 1 {
				continue
			}
		}
		library := path.Join(prefix, "lib", "python"+versions[0])
		res, err := tree.Resolve(ctx, t, path.Join(library, "os.py"))
		if need.Missing(err) {
			continue
		}
		if err != nil {
			return false, err
		}
		in.prefix, in.library, in.version = prefix, path.Dir(res.Path), versions[0]
		return true, nil
	}
	return false, nil
}

// installed lists the versions whose directories lie in a prefix.
func installed(ctx context.Context, t tree.Tree, prefix string) ([]string, error) {
	entries, err := readDir(ctx, t, path.Join(prefix, "lib"))
	if err != nil {
		return nil, err
	}
	var out []string
	for _, e := range entries {
		if v, ok := strings.CutPrefix(e.Name, "python"); ok && strings.HasPrefix(v, "3.") && e.IsDir() {
			out = append(out, v)
		}
	}
	return out, nil
}

// environment notes the virtual environment that a directory of programs
// belongs to.
func (in *interpreter) environment(ctx context.Context, t tree.Tree, bin string) error {
	for _, dir := range []string{bin, path.Dir(bin)} {
		text, err := tree.ReadOptional(ctx, t, path.Join(dir, "pyvenv.cfg"), maxSettings)
		if err != nil {
			return err
		}
		if text == nil {
			continue
		}
		in.venv = dir
		in.system = strings.EqualFold(setting(text, "include-system-site-packages"), "true")
		return nil
	}
	return nil
}

// home gives the directory of the interpreter that an environment was made
// with.
func (in *interpreter) home(ctx context.Context, t tree.Tree) (string, error) {
	text, err := tree.ReadOptional(ctx, t, path.Join(in.venv, "pyvenv.cfg"), maxSettings)
	if err != nil {
		return "", err
	}
	home := setting(text, "home")
	if !path.IsAbs(home) {
		return "", &image.RefusedError{Message: fmt.Sprintf("%s names no home, so its interpreter cannot be found", path.Join(in.venv, "pyvenv.cfg")), Hint: "make the virtual environment anew in the build"}
	}
	res, err := tree.Resolve(ctx, t, home)
	if need.Missing(err) {
		return "", &image.RefusedError{
			Message: fmt.Sprintf("the virtual environment %s was made with the interpreter in %s, which is not in the built image", in.venv, home),
			Hint:    "start the final stage from the image in which the environment is made, or make it there",
		}
	}
	return res.Path, err
}

// agrees refuses an environment whose packages are for another version than
// its interpreter's: nothing of them would be found.
func (in *interpreter) agrees(ctx context.Context, t tree.Tree) error {
	if in.venv == "" {
		return nil
	}
	theirs, err := installed(ctx, t, in.venv)
	if err != nil || len(theirs) == 0 {
		return err
	}
	for _, v := range theirs {
		if v == in.version {
			return nil
		}
	}
	return &image.RefusedError{
		Message: fmt.Sprintf("the virtual environment %s has packages for Python %s, and its interpreter %s is Python %s", in.venv, strings.Join(theirs, ", "), in.program, in.version),
		Hint:    "build the environment and the final stage from the same Python image",
	}
}

// setting reads one line of a pyvenv.cfg: keys in any case, blanks around the
// equals sign (PEP 405).
func setting(text []byte, name string) string {
	for line := range strings.Lines(string(text)) {
		key, value, ok := strings.Cut(line, "=")
		if ok && strings.EqualFold(strings.TrimSpace(key), name) {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

func ignoreMissing(err error) error {
	if need.Missing(err) {
		return nil
	}
	return err
}

// readDir lists a directory; one that is not there is empty.
func readDir(ctx context.Context, t tree.Tree, name string) ([]tree.Entry, error) {
	res, err := tree.Resolve(ctx, t, name)
	if need.Missing(err) || err == nil && !res.Entry.IsDir() {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return t.ReadDir(ctx, res.Path)
}
