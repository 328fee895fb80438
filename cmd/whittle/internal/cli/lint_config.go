package cli

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/sirupsen/logrus"

	"github.com/whittle-oci/whittle/lint/config"
	"github.com/whittle-oci/whittle/lint/discover"
	"github.com/whittle-oci/whittle/lint/rules"
	"github.com/whittle-oci/whittle/lint/setup"
)

// configName is the name of a configuration file, misnamed what some call it.
const (
	configName = ".whittle.yaml"
	misnamed   = ".whittle.yml"
)

// configs finds and reads the configuration of Dockerfiles, each file once.
type configs struct {
	named string // the file of --config, "" to look for files
	flags config.Layer
	fetch func(ctx context.Context, address, digest string) ([]byte, error)

	mu     sync.Mutex
	chains map[string]*chain // by directory
}

// A chain is the configuration files of a directory, and what they say of the
// Dockerfiles in it.
type chain struct {
	once  sync.Once
	files []config.File // the outermost first
	err   error
	same  bool // they say the same of every file
	run   setup.Run
}

func newConfigs(named string, flags config.Layer) *configs {
	return &configs{named: named, flags: flags, fetch: fetchConfig, chains: map[string]*chain{}}
}

// tell says which files configure the Dockerfiles of each directory.
func (c *configs) tell(log *logrus.Logger) {
	for _, dir := range slices.Sorted(maps.Keys(c.chains)) {
		files := c.chains[dir].files
		if len(files) == 0 {
			log.Debugf("%s: no configuration", relative(dir))
			continue
		}
		names := make([]string, len(files))
		for i, f := range files {
			names[i] = f.Name
		}
		log.Debugf("%s: configured by %s", relative(dir), strings.Join(names, ", "))
	}
}

// of gives what configuration says of a Dockerfile. excluded reports that a
// search passes it over.
func (c *configs) of(ctx context.Context, name string) (run setup.Run, excluded bool, err error) {
	if name == "-" {
		name = "stdin" // it is taken for a file of the current directory
	}
	name, err = filepath.Abs(name)
	if err != nil {
		return run, false, err
	}
	dir := filepath.Dir(name)
	c.mu.Lock()
	at := c.chains[dir]
	if at == nil {
		at = &chain{}
		c.chains[dir] = at
	}
	c.mu.Unlock()
	at.once.Do(func() {
		if at.files, at.err = c.read(ctx, dir); at.err != nil {
			return
		}
		at.same = !slices.ContainsFunc(at.files, func(f config.File) bool { return len(f.Overrides)+len(f.Exclude) > 0 })
		if at.same {
			at.run, at.err = setup.For(rules.All(), config.For(name, at.files), c.flags)
		}
	})
	if at.err != nil || at.same {
		return at.run, false, at.err
	}
	cfg := config.For(name, at.files)
	run, err = setup.For(rules.All(), cfg, c.flags)
	return run, cfg.Excluded, err
}

// read reads the configuration files of a directory, with those that they
// extend before each.
func (c *configs) read(ctx context.Context, dir string) ([]config.File, error) {
	paths := []string{c.named}
	if c.named == "" {
		if wrong := discover.Nearest(dir, misnamed); wrong != "" {
			return nil, usage{fmt.Errorf("%s is not read; call it %s", relative(wrong), configName)}
		}
		paths = discover.Above(dir, configName)
	}
	var out []config.File
	if len(paths) == 0 {
		f, err := fromHadolint(dir)
		if err != nil {
			return nil, err
		}
		out = append(out, f...)
	}
	if c.flags.Suppressions != "off" {
		f, err := fromTrivy(dir)
		if err != nil {
			return nil, err
		}
		out = append(out, f...)
	}
	for _, p := range paths {
		abs, err := filepath.Abs(p)
		if err != nil {
			return nil, err
		}
		files, err := config.Reader{File: readConfig, Name: relative, URL: c.fetch}.Load(ctx, abs)
		if err != nil {
			return nil, err
		}
		for i := range files {
			files[i].Dir = filepath.Dir(abs)
		}
		if files[len(files)-1].Root {
			out = out[:0]
		}
		out = append(out, files...)
	}
	return out, nil
}

// readConfig reads a configuration file of this machine.
func readConfig(_ context.Context, path string) ([]byte, error) {
	data, err := readLimited(path, nil, maxConfig)
	if err != nil {
		return nil, usage{fmt.Errorf("reading the configuration: %w", err)}
	}
	return data, nil
}

// relative shortens a path below the current directory, for messages.
func relative(path string) string {
	dir, err := os.Getwd()
	if err != nil {
		return path
	}
	if rel, err := filepath.Rel(dir, path); err == nil && filepath.IsLocal(rel) {
		return rel
	}
	return path
}
