package node

import (
	"context"
	"errors"
	"path"
	"strings"

	"github.com/whittle-oci/whittle/builder/need"
	"github.com/whittle-oci/whittle/builder/tree"
)

// extensions are what Node.js adds to the name of a file that is not there, in
// this order (nodejs.org/api/modules.html, "File modules").
var extensions = []string{".js", ".json", ".node"}

// file finds what node runs for the name of a file or a directory: the file, the
// file with an extension, the main file of a directory's package.json, or its
// index. found is the path by which it is reached; ok is false where there is
// none. The error is *badManifest where a package.json on the way is no JSON.
func (r *Runtime) file(ctx context.Context, env *need.Env, name string) (found string, ok bool, err error) {
	name, directory := path.Clean(name), strings.HasSuffix(name, "/")
	if !directory {
		if found, ok, err = plainFile(ctx, env, name); ok || err != nil {
			return found, ok, err
		}
	}
	res, ok, err := tree.Find(ctx, env.Tree, name)
	if err != nil || !ok || !res.Entry.IsDir() {
		return "", false, err
	}
	m, err := r.manifest(ctx, env, name)
	if err != nil {
		return "", false, err
	}
	if m != nil && m.main != "" {
		main := path.Join(name, m.main)
		if found, ok, err = plainFile(ctx, env, main); ok || err != nil {
			return found, ok, err
		}
		if found, ok, err = index(ctx, env, main); ok || err != nil {
			return found, ok, err
		}
	}
	return index(ctx, env, name)
}

// plainFile finds a file by its name, or with an extension.
func plainFile(ctx context.Context, env *need.Env, name string) (string, bool, error) {
	for _, ext := range append([]string{""}, extensions...) {
		res, ok, err := tree.Find(ctx, env.Tree, name+ext)
		if err != nil {
			return "", false, err
		}
		if ok && res.Entry.IsRegular() {
			return name + ext, true, nil
		}
	}
	return "", false, nil
}

func index(ctx context.Context, env *need.Env, dir string) (string, bool, error) {
	for _, ext := range extensions {
		res, ok, err := tree.Find(ctx, env.Tree, path.Join(dir, "index"+ext))
		if err != nil {
			return "", false, err
		}
		if ok && res.Entry.IsRegular() {
			return path.Join(dir, "index"+ext), true, nil
		}
	}
	return "", false, nil
}

// module finds a module by the name that --require, --import or require has for
// it, from a directory: a file of a relative or absolute name, or a package in a
// directory node_modules of this or a directory above. ok is true for what is
// node's own, with no path.
func (r *Runtime) module(ctx context.Context, env *need.Env, from, name string) (found string, ok bool, err error) {
	name = strings.TrimPrefix(name, "file://")
	switch {
	case name == "", strings.HasPrefix(name, "node:"), strings.HasPrefix(name, "data:"), strings.HasPrefix(name, "#"):
		return "", true, nil
	case path.IsAbs(name):
		return r.file(ctx, env, name)
	case name == ".", name == "..", strings.HasPrefix(name, "./"), strings.HasPrefix(name, "../"):
		joined := path.Join(from, name)
		if strings.HasSuffix(name, "/") {
			joined += "/"
		}
		return r.file(ctx, env, joined)
	}
	dirs := []string{}
	for dir := from; ; dir = path.Dir(dir) {
		if path.Base(dir) != "node_modules" {
			dirs = append(dirs, path.Join(dir, "node_modules"))
		}
		if dir == "/" {
			break
		}
	}
	if v, ok := env.Getenv("NODE_PATH"); ok {
		dirs = append(dirs, need.List(v)...)
	}
	pkg := packageName(name)
	for _, dir := range dirs {
		found, exact, err := r.file(ctx, env, path.Join(dir, name))
		if bad := (*badManifest)(nil); err != nil && !errors.As(err, &bad) {
			return "", false, err
		}
		if exact {
			return found, true, nil
		}
		// exports of its package.json says where the file is.
		at := path.Join(dir, pkg, "package.json")
		if _, ok, err := tree.FindFile(ctx, env.Tree, at); ok || err != nil {
			return at, ok, err
		}
	}
	return "", false, nil
}

// packageName is the name of the package in the name of a module.
func packageName(module string) string {
	parts := strings.SplitN(module, "/", 3)
	if strings.HasPrefix(module, "@") && len(parts) > 1 {
		return parts[0] + "/" + parts[1]
	}
	return parts[0]
}

// root finds the directory that has to be kept as a whole for a file of an
// application or a package: that of its package.json, or where it lies in a
// node_modules the directory that has this, or else its own directory.
func (r *Runtime) root(ctx context.Context, env *need.Env, file string) (string, error) {
	if dir, rest, ok := within(file); ok {
		res, there, err := tree.Find(ctx, env.Tree, path.Join(dir, "package.json"))
		if err != nil {
			return "", err
		}
		if there && res.Entry.IsRegular() {
			return path.Clean("/" + dir), nil
		}
		return path.Join("/", dir, "node_modules", packageName(rest)), nil // installed globally
	}
	dir, ok, err := r.nearest(ctx, env, path.Dir(file))
	if err != nil {
		return "", err
	}
	if !ok || systemDir(dir) {
		dir = path.Dir(file)
	}
	return dir, nil
}

// systemDir reports whether a directory holds more than one application.
func systemDir(dir string) bool {
	switch dir {
	case "/", "/bin", "/sbin", "/lib", "/etc", "/opt", "/srv", "/var", "/home", "/root", "/tmp", "/usr", "/usr/bin", "/usr/sbin", "/usr/lib", "/usr/share", "/usr/local", "/usr/local/bin", "/usr/local/sbin", "/usr/local/lib", "/usr/local/share":
		return true
	}
	return false
}
