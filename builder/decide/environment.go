package decide

import (
	"context"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"

	dockerspec "github.com/moby/docker-image-spec/specs-go/v1"

	"github.com/whittle-oci/whittle/builder/image"
	"github.com/whittle-oci/whittle/builder/need"
	"github.com/whittle-oci/whittle/builder/tree"
)

// BuildOnly are the variables that only a compiler or a package manager reads.
// They are left out of the image, and the report says so.
var BuildOnly = []string{
	"GOLANG_VERSION", "GOTOOLCHAIN", "GOPATH", "GOROOT", "GOPROXY", "GONOSUMDB", "GONOSUMCHECK", "GOSUMDB", "GOPRIVATE", "GONOPROXY",
	"GOFLAGS", "GOCACHE", "GOMODCACHE", "GOOS", "GOARCH", "GO111MODULE", "CGO_ENABLED", "GOEXPERIMENT",
	"CARGO_HOME", "RUSTUP_HOME", "RUST_VERSION", "RUSTFLAGS",
	"DEBIAN_FRONTEND", "GPG_KEY", "GPG_KEYS", "PYTHON_SHA256", "PYTHON_PIP_VERSION", "PYTHON_GET_PIP_URL", "PYTHON_GET_PIP_SHA256", "PYTHON_SETUPTOOLS_VERSION",
	"YARN_VERSION", "NPM_VERSION", "PNPM_VERSION", "PNPM_HOME", "NPM_CONFIG_LOGLEVEL", "NPM_CONFIG_FUND", "NPM_CONFIG_AUDIT", "NPM_CONFIG_UPDATE_NOTIFIER", "YARN_CACHE_FOLDER",
	"COREPACK_HOME", "COREPACK_ENABLE_DOWNLOAD_PROMPT", "COREPACK_ENABLE_STRICT", "COREPACK_ENABLE_AUTO_PIN", "GCC_VERSION", "CC", "CXX", "CFLAGS", "CXXFLAGS", "LDFLAGS", "MAKEFLAGS",
	"PHPIZE_DEPS", "PHP_CFLAGS", "PHP_CPPFLAGS", "PHP_LDFLAGS", "PHP_URL", "PHP_ASC_URL", "PHP_SHA256", "PHP_EXTRA_CONFIGURE_ARGS", "PHP_EXTRA_BUILD_DEPS",
	"RUBY_DOWNLOAD_URL", "RUBY_DOWNLOAD_SHA256",
	"COMPOSER_HOME", "COMPOSER_CACHE_DIR", "COMPOSER_ALLOW_SUPERUSER", "COMPOSER_NO_INTERACTION", "COMPOSER_MEMORY_LIMIT", "COMPOSER_NO_DEV", "COMPOSER_PROCESS_TIMEOUT",
	"MAVEN_CONFIG", "MAVEN_HOME", "GRADLE_HOME", "GRADLE_VERSION",
}

// VariablesTable lists them for the manual.
func VariablesTable() string {
	names := slices.Sorted(slices.Values(BuildOnly))
	return "`" + strings.Join(names, "`, `") + "`\n"
}

// setVars sets further variables, which replace those of the same name.
func setVars(vars, more []string) []string {
	out := slices.Clone(vars)
	for _, kv := range more {
		name, _, _ := strings.Cut(kv, "=")
		out = slices.DeleteFunc(out, func(old string) bool { return strings.HasPrefix(old, name+"=") })
		out = append(out, kv)
	}
	return out
}

// variables drops variables of the build, takes directories that are gone out
// of PATH, and warns about variables that name a path which is not carried.
func variables(ctx context.Context, t tree.Tree, vars []string, files *drafts) (out []string, about notes, err error) {
	occupied := files.occupied()
	for _, kv := range vars {
		name, value, _ := strings.Cut(kv, "=")
		switch {
		case slices.Contains(BuildOnly, name):
			about.changes = append(about.changes, image.Change{Kind: "environment", Name: name, From: value, Why: "only a build reads it"})
		case name == "PATH":
			kept := keptPath(value, files, occupied)
			if kept != value {
				about.changes = append(about.changes, image.Change{Kind: "environment", Name: name, From: value, To: kept, Why: "of its directories, those that the image has"})
			}
			if kept != "" {
				out = append(out, "PATH="+kept)
			}
		default:
			w, err := dangling(ctx, t, name, value, files, occupied)
			if err != nil {
				return nil, about, err
			}
			about.warnings = append(about.warnings, w...)
			out = append(out, kv)
		}
	}
	return out, about, nil
}

// keptPath is the part of a search path that exists in the image.
func keptPath(value string, files *drafts, occupied map[string]bool) string {
	var kept []string
	for _, dir := range need.List(value) {
		if files.present(path.Clean(dir), occupied) {
			kept = append(kept, dir)
		}
	}
	return strings.Join(kept, ":")
}

// variableLinks gives the links by which variables name paths that are carried.
func variableLinks(ctx context.Context, t tree.Tree, vars []string, files *drafts) ([]*draft, error) {
	var out []*draft
	occupied := files.occupied()
	for _, kv := range vars {
		name, value, _ := strings.Cut(kv, "=")
		for _, p := range pathsIn(value) {
			if name == "PATH" || files.present(p, occupied) {
				continue
			}
			res, err := tree.Resolve(ctx, t, p)
			if need.Missing(err) {
				continue
			}
			if err != nil {
				return nil, err
			}
			if files.present(res.Path, occupied) {
				_, found, err := real(ctx, t, p, name+" names it")
				if err != nil {
					return nil, err
				}
				out = append(out, found...)
			}
		}
	}
	return out, nil
}

// pathsIn gives the absolute paths that a variable's value is, alone or in a
// list; none for text that only begins with a slash.
func pathsIn(value string) []string {
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
func dangling(ctx context.Context, t tree.Tree, name, value string, files *drafts, occupied map[string]bool) ([]image.Warning, error) {
	var out []image.Warning
	for _, p := range pathsIn(value) {
		if files.present(p, occupied) {
			continue
		}
		_, err := tree.Resolve(ctx, t, p)
		if need.Missing(err) || slices.Contains(need.Mounted, "/"+strings.Split(p, "/")[1]) {
			continue
		}
		if err != nil {
			return nil, err
		}
		out = append(out, image.NewWarning("ENV", fmt.Sprintf("%s names %s, which is not in the image", name, p), "include: it when the program reads it"))
	}
	return out, nil
}

// lowPorts warns about ports that an ordinary user may not be allowed to open.
func lowPorts(config dockerspec.DockerOCIImageConfig) []image.Warning {
	var low []string
	for p := range config.ExposedPorts {
		n, _, _ := strings.Cut(p, "/")
		if v, err := strconv.Atoi(n); err == nil && v > 0 && v < 1024 {
			low = append(low, p)
		}
	}
	slices.Sort(low)
	if len(low) == 0 {
		return nil
	}
	return []image.Warning{image.NewWarning("EXPOSE", fmt.Sprintf("port %s is below 1024, which some platforms let only root open", strings.Join(low, ", ")), "listen on a port above 1023 and map it")}
}

// temporary says what names a path below /tmp, "" for nothing: a command line
// of the image or one of its variables.
func temporary(env *need.Env) string {
	names := func(text string) bool {
		for part := range strings.FieldsFuncSeq(text, func(r rune) bool { return strings.ContainsRune("=:,;\"' ", r) }) {
			if need.Below(path.Clean(part), "/tmp") {
				return true
			}
		}
		return false
	}
	for _, line := range env.Lines {
		for _, word := range line {
			if names(word) {
				return "a command line names " + word
			}
		}
	}
	for _, kv := range env.Vars {
		if name, value, _ := strings.Cut(kv, "="); name != "PATH" && names(value) {
			return "the variable " + name + " names it"
		}
	}
	return ""
}
