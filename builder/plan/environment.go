package plan

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/whittle-oci/whittle/builder/tree"
)

// BuildOnly are the variables that only a compiler or a package manager reads.
// They are left out of the image, and the report says so.
var BuildOnly = []string{
	"GOLANG_VERSION", "GOTOOLCHAIN", "GOPATH", "GOROOT", "GOPROXY", "GONOSUMDB", "GONOSUMCHECK", "GOSUMDB", "GOPRIVATE", "GONOPROXY",
	"GOFLAGS", "GOCACHE", "GOMODCACHE", "GOOS", "GOARCH", "GO111MODULE", "CGO_ENABLED", "GOEXPERIMENT",
	"CARGO_HOME", "RUSTUP_HOME", "RUST_VERSION", "RUSTFLAGS",
	"DEBIAN_FRONTEND", "GPG_KEY", "GPG_KEYS", "PYTHON_SHA256", "PYTHON_PIP_VERSION", "PYTHON_GET_PIP_URL", "PYTHON_GET_PIP_SHA256", "PYTHON_SETUPTOOLS_VERSION",
	"YARN_VERSION", "NPM_CONFIG_LOGLEVEL", "GCC_VERSION", "CC", "CXX", "CFLAGS", "CXXFLAGS", "LDFLAGS", "MAKEFLAGS",
	"MAVEN_CONFIG", "MAVEN_HOME", "GRADLE_HOME", "GRADLE_VERSION",
}

// VariablesTable lists them for the README.
func VariablesTable() string {
	names := slices.Sorted(slices.Values(BuildOnly))
	return "`" + strings.Join(names, "`, `") + "`\n"
}

// defaultPath is what a runtime uses when the image sets no PATH.
const defaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// env returns the value of a variable of the built image.
func (m *maker) env(name string) string {
	for _, kv := range slices.Backward(m.in.Config.Env) {
		if v, ok := strings.CutPrefix(kv, name+"="); ok {
			return v
		}
	}
	return ""
}

// readEnvironment takes out of the environment what resolution needs.
func (m *maker) readEnvironment() {
	m.pathVar = filepathList(orDefault(m.env("PATH"), defaultPath))
	m.libPath = filepathList(m.env("LD_LIBRARY_PATH"))
	m.preload = strings.FieldsFunc(m.env("LD_PRELOAD"), func(r rune) bool { return r == ' ' || r == ':' })
}

func filepathList(s string) []string {
	var out []string
	for p := range strings.SplitSeq(s, ":") {
		if p != "" {
			out = append(out, p)
		}
	}
	return out
}

// environment drops variables of the build, takes directories that are gone
// out of PATH, and reports variables that name a path which is not carried.
func (m *maker) environment(ctx context.Context) error {
	var out []string
	for _, kv := range m.config.Env {
		name, value, _ := strings.Cut(kv, "=")
		switch {
		case slices.Contains(BuildOnly, name):
			m.change("environment", name, value, "", "only a build reads it")
		case name == "PATH":
			kept := m.keptPath(value)
			if kept != value {
				m.change("environment", name, value, kept, "directories that are not in the image")
			}
			if kept != "" {
				out = append(out, "PATH="+kept)
			}
		default:
			if err := m.dangling(ctx, name, value); err != nil {
				return err
			}
			out = append(out, kv)
		}
	}
	m.config.Env = out
	return nil
}

// keptPath is the part of a search path that exists in the image.
func (m *maker) keptPath(value string) string {
	var kept []string
	for _, dir := range filepathList(value) {
		clean := path.Clean(dir)
		if m.present(clean) {
			kept = append(kept, dir)
		}
	}
	return strings.Join(kept, ":")
}

// present reports whether the image has something at the path, following the
// links it carries.
func (m *maker) present(name string) bool {
	for range 40 {
		e, ok := m.entries[name]
		if ok && e.Type != Symlink || m.holds(name) {
			return true
		}
		at := name // the link nearest to the root
		for dir := name; dir != "/" && dir != "."; dir = path.Dir(dir) {
			if e, ok := m.entries[dir]; ok && e.Type == Symlink {
				at = dir
			}
		}
		link, ok := m.entries[at]
		if !ok || link.Type != Symlink {
			return false
		}
		target := link.Linkname
		if !path.IsAbs(target) {
			target = path.Join(path.Dir(at), target)
		}
		name = path.Join(target, strings.TrimPrefix(name, at))
	}
	return false
}

// variableLinks carries the links by which a variable names a path that is
// carried: /var/lock/app where /var/lock leads to /run/lock.
func (m *maker) variableLinks(ctx context.Context) error {
	for _, kv := range m.config.Env {
		name, value, _ := strings.Cut(kv, "=")
		for _, p := range paths(value) {
			if name == "PATH" || m.present(p) {
				continue
			}
			res, err := tree.Resolve(ctx, m.t, p)
			if errors.Is(err, fs.ErrNotExist) || errors.Is(err, tree.ErrLoop) {
				continue
			}
			if err != nil {
				return err
			}
			if m.present(res.Path) {
				if _, err := m.real(ctx, p, name+" names it"); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// paths gives the absolute paths that a variable's value is, alone or in a
// list; none for text that only begins with a slash.
func paths(value string) []string {
	var out []string
	for p := range strings.SplitSeq(value, ":") {
		if p == "" {
			continue
		}
		if !path.IsAbs(p) {
			return nil
		}
		if p = path.Clean(p); p != "/" {
			out = append(out, p)
		}
	}
	return out
}

// dangling warns about a variable that names files, alone or in a list, which
// the built image has and the minimal one has not.
func (m *maker) dangling(ctx context.Context, name, value string) error {
	for _, p := range paths(value) {
		if m.present(p) {
			continue
		}
		_, err := tree.Resolve(ctx, m.t, p)
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, tree.ErrLoop) || slices.Contains(pseudo, "/"+strings.Split(p, "/")[1]) {
			continue
		}
		if err != nil {
			return err
		}
		m.warn("ENV", fmt.Sprintf("%s names %s, which is not in the image", name, p), "include: it when the program reads it")
	}
	return nil
}

// ports warns about ports that an ordinary user may not be allowed to open.
func (m *maker) ports(context.Context) error {
	if m.user.root {
		return nil
	}
	var low []string
	for p := range m.config.ExposedPorts {
		n, _, _ := strings.Cut(p, "/")
		if v, err := strconv.Atoi(n); err == nil && v > 0 && v < 1024 {
			low = append(low, p)
		}
	}
	slices.Sort(low)
	if len(low) > 0 {
		m.warn("EXPOSE", fmt.Sprintf("port %s is below 1024, which some platforms let only root open", strings.Join(low, ", ")), "listen on a port above 1023 and map it")
	}
	return nil
}
