package cli

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/whittle-oci/whittle/lint/discover"
	dockerfiles "github.com/whittle-oci/whittle/lint/dockerfile"
)

// builds is what Compose and Bake files say of how Dockerfiles are built. Each
// file is read once, when a Dockerfile below it is first asked about.
type builds struct {
	told []dockerfiles.Build // by --target, --build-arg, --build-context and --platform, which leave no other

	mu    sync.Mutex
	files map[string]bool             // that were read
	dirs  map[string]bool             // whose files were
	known map[string][]discover.Build // by the absolute path of the Dockerfile, and where it stands in that
	errs  []error
}

// newBuilds reads --target, --build-arg, --build-context and --platform.
func (f *lintFlags) newBuilds() *builds {
	b := &builds{files: map[string]bool{}, dirs: map[string]bool{}, known: map[string][]discover.Build{}}
	if f.target == "" && len(f.buildArgs) == 0 && len(f.buildContexts) == 0 && len(f.platforms) == 0 {
		return b
	}
	told := dockerfiles.Build{Target: f.target, Args: map[string]string{}}
	for _, arg := range f.buildArgs {
		name, value, ok := strings.Cut(arg, "=")
		if !ok {
			value, ok = os.LookupEnv(name)
		}
		if ok && name != "" {
			told.Args[name] = value
		}
	}
	for _, c := range f.buildContexts {
		name, _, _ := strings.Cut(c, "=")
		told.Contexts = append(told.Contexts, name)
	}
	b.told = each(told, f.platforms)
	return b
}

// each is a build for each of its platforms.
func each(b dockerfiles.Build, platforms []string) []dockerfiles.Build {
	if len(platforms) == 0 {
		return []dockerfiles.Build{b}
	}
	var out []dockerfiles.Build
	for _, p := range platforms {
		b.Platform = p
		out = append(out, b)
	}
	return out
}

// read reads a Compose or Bake file.
func (b *builds) read(file string) ([]discover.Build, error) {
	abs, err := filepath.Abs(file)
	if err != nil {
		return nil, err
	}
	b.files[abs] = true
	list, err := discover.Builds(file)
	for _, one := range list {
		key, err := filepath.Abs(builtBy(one, false).place())
		if err != nil {
			return nil, err
		}
		b.known[key] = append(b.known[key], one)
	}
	return list, err
}

// of gives the builds of a Dockerfile that is not standard input.
func (b *builds) of(name string) []discover.Build {
	abs, err := filepath.Abs(name)
	if err != nil {
		return nil
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if dir := filepath.Dir(abs); !b.dirs[dir] {
		b.dirs[dir] = true
		for _, file := range discover.Sources(dir) {
			if !b.files[file] {
				if _, err := b.read(file); err != nil {
					b.errs = append(b.errs, err)
				}
			}
		}
	}
	return b.known[abs]
}

// maxBuilds bounds how many ways of building one Dockerfile are followed.
const maxBuilds = 16

// options are the builds of a Dockerfile as the linter takes them, each once.
func (b *builds) options(name string) []dockerfiles.Build {
	if b.told != nil || name == "-" {
		return b.told
	}
	var out []dockerfiles.Build
	for _, found := range b.of(name) {
		for _, one := range each(dockerfiles.Build{Target: found.Target, Args: found.Args, Contexts: found.Contexts}, found.Platforms) {
			same := func(x dockerfiles.Build) bool {
				return x.Target == one.Target && x.Platform == one.Platform && maps.Equal(x.Args, one.Args) && slices.Equal(x.Contexts, one.Contexts)
			}
			if len(out) < maxBuilds && !slices.ContainsFunc(out, same) {
				out = append(out, one)
			}
		}
	}
	return out
}

// context is the context that a Compose or Bake file has for a Dockerfile, ""
// where none has.
func (b *builds) context(name string) string {
	if name == "-" {
		return ""
	}
	for _, one := range b.of(name) {
		if one.Context != "" {
			return one.Context
		}
	}
	return ""
}

// said prints what was wrong with files that nobody named. They are not what is
// linted, so that they do not fail a run.
func (b *builds) said(a *app) {
	if err := errors.Join(b.errs...); err != nil {
		fmt.Fprintf(a.Err, "whittle: the builds of some Dockerfiles are not known: %v\n", err)
	}
}
