package bases

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// pythonVersions are the versions of which stand-ins are made where this machine
// has a CPython made from its sources (pyenv's layout). The packages of the
// index have extension modules for the first.
var pythonVersions = []string{"3.11", "3.12", "3.13"}

// pythonBases are stand-ins in the layout of the official Python images:
// CPython in /usr/local with a shared libpython, its own tests and compiled
// modules left out, beside what apt-get installs for it.
func pythonBases() []base {
	var out []base
	for _, minor := range pythonVersions {
		root := cpython(minor)
		if root == "" {
			continue
		}
		config := v1.Config{
			Env: []string{"PATH=/usr/local/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG=C.UTF-8", "GPG_KEY=A035C8C19219BA821ECEA86B64E628F8D684696D", "PYTHON_VERSION=" + filepath.Base(root)},
			Cmd: []string{"python3"},
		}
		if minor == "3.13" { // as the official images from 3.13 on
			config.Env = slices.DeleteFunc(config.Env, func(kv string) bool { return strings.HasPrefix(kv, "LANG=") })
		}
		out = append(out, base{
			names: []string{"python:" + minor + "-slim", "python:" + minor + "-slim-bookworm"},
			make: func(ctx context.Context, m *maker) ([]v1.Layer, error) {
				return m.layers(ctx, "pythonlibs", "python"+minor)
			},
			config: config,
		})
	}
	return out
}

// cpython finds a CPython of a minor version that was made from its sources,
// the newest, "" for none.
func cpython(minor string) string {
	root := os.Getenv("PYENV_ROOT")
	if root == "" {
		home, err := os.UserHomeDir()
		if err != nil {
			return ""
		}
		root = filepath.Join(home, ".pyenv")
	}
	found, _ := filepath.Glob(filepath.Join(root, "versions", minor+".*")) // the pattern is right
	for _, dir := range slices.Backward(found) {
		if exists(filepath.Join(dir, "bin", "python"+minor)) {
			return dir
		}
	}
	return ""
}

// pythonPackages are what the official slim image installs for CPython
// (docker-library/python, Dockerfile-linux.template; 2026-08).
var pythonPackages = []string{"ca-certificates", "netbase", "tzdata", "libbz2-1.0", "libcrypt1", "libffi8", "liblzma5", "libncursesw6", "libnsl2", "libreadline8", "libsqlite3-0", "libssl3", "libtirpc3", "libuuid1", "zlib1g"}

// python packs a CPython as the official images have it: in /usr/local, found
// by $ORIGIN, without tests and compiled modules.
func (m *maker) python(_ context.Context, file, minor string) error {
	root := cpython(minor)
	return pack(file, func(w *tar.Writer) error {
		err := filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			rel, err := filepath.Rel(root, name)
			if err != nil || rel == "." {
				return err
			}
			if !officialPython(rel, minor) {
				if d.IsDir() {
					return filepath.SkipDir
				}
				return nil
			}
			return relocated(w, name, path.Join("usr/local", filepath.ToSlash(rel)), root)
		})
		if err != nil {
			return err
		}
		for _, short := range []string{"idle", "pip", "pydoc", "python"} {
			if err := link(w, "usr/local/bin/"+short, short+"3"); err != nil {
				return err
			}
		}
		return text(w, "etc/pip.conf", fmt.Sprintf("[global]\nindex-url = http://%s/simple\ntrusted-host = 127.0.0.1\ndisable-pip-version-check = true\n", IndexAddr))
	})
}

// officialPython reports whether the official image has a path of an installed
// CPython.
func officialPython(rel, minor string) bool {
	base, dir := filepath.Base(rel), filepath.Dir(rel)
	library := filepath.Join("lib", "python"+minor)
	switch {
	case base == "__pycache__" || base == "test" || base == "tests" || base == "idle_test" || strings.HasSuffix(base, ".pyc") || strings.HasPrefix(base, "libpython") && strings.HasSuffix(base, ".a"):
		return false
	case dir == ".":
		return slices.Contains([]string{"bin", "include", "lib", "share"}, base)
	case dir == "bin":
		versioned := regexp.MustCompile(`^(python|pip|pydoc|idle|2to3)-?3?(\.?[0-9]+)*(-config)?$`).MatchString(base)
		return versioned && !slices.Contains([]string{"python", "pip", "pydoc", "idle", "python-config"}, base)
	case dir == filepath.Join(library, "site-packages"):
		return slices.Contains([]string{"pip", "setuptools", "_distutils_hack", "distutils-precedence.pth", "pkg_resources"}, base) || regexp.MustCompile(`^(pip|setuptools)-.*\.dist-info$`).MatchString(base)
	case strings.HasPrefix(filepath.Base(dir), "config-"):
		return !strings.HasSuffix(base, ".a") && !strings.HasSuffix(base, ".o")
	}
	return true
}

// relocated adds a file in which the prefix that it was made for is /usr/local,
// and a run-time search path $ORIGIN/../lib.
func relocated(w *tar.Writer, host, name, prefix string) error {
	info, err := os.Lstat(host)
	if err != nil || !info.Mode().IsRegular() || info.Size() > 64<<20 {
		return errors.Join(err, add(w, host, name))
	}
	data, err := os.ReadFile(host)
	if err != nil {
		return err
	}
	switch lib := prefix + "/lib"; {
	case bytes.HasPrefix(data, []byte("\x7fELF")):
		const origin = "$ORIGIN/../lib"
		data = bytes.ReplaceAll(data, []byte(lib+"\x00"), append([]byte(origin), make([]byte, len(lib)+1-len(origin))...))
	case bytes.IndexByte(data[:min(len(data), 1024)], 0) < 0:
		data = bytes.ReplaceAll(data, []byte(prefix), []byte("/usr/local"))
	}
	h := &tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: int64(info.Mode().Perm()), Size: int64(len(data)), ModTime: info.ModTime()}
	if err := w.WriteHeader(h); err != nil {
		return err
	}
	_, err = w.Write(data)
	return err
}

// Pythons lists what stand-ins are made from: versions of CPython.
func Pythons() []string {
	var out []string
	for _, minor := range pythonVersions {
		if root := cpython(minor); root != "" {
			out = append(out, filepath.Base(root))
		}
	}
	return out
}
