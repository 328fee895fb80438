package oci

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/pelletier/go-toml/v2"
)

// RegistryFiles are the places where the settings of registries are looked
// for, the first that is there counts: $BUILDKITD_CONFIG alone or else where
// buildkitd looks, rootless first.
func RegistryFiles() []string {
	if file := os.Getenv("BUILDKITD_CONFIG"); file != "" {
		return []string{file}
	}
	var out []string
	dir := os.Getenv("XDG_CONFIG_HOME")
	if dir == "" {
		if home, err := os.UserHomeDir(); err == nil {
			dir = filepath.Join(home, ".config")
		}
	}
	if dir != "" {
		out = append(out, filepath.Join(dir, "buildkit", "buildkitd.toml"))
	}
	return append(out, "/etc/buildkit/buildkitd.toml")
}

// registrySettings are those of one registry in a buildkitd.toml that count
// outside of BuildKit, too (moby/buildkit, docs/buildkitd.toml.md).
type registrySettings struct {
	Mirrors   []string `toml:"mirrors"`
	PlainHTTP bool     `toml:"http"`
}

// maxSettings is the most bytes of a buildkitd.toml that are read.
const maxSettings = 1 << 20

// readSettings reads the registries of the first file that is there.
func readSettings(files []string) (map[string]registrySettings, error) {
	for _, file := range files {
		info, err := os.Stat(file)
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err == nil && info.Size() > maxSettings {
			err = &TooLargeError{maxSettings}
		}
		var raw []byte
		if err == nil {
			raw, err = os.ReadFile(file)
		}
		var doc struct {
			Registry map[string]registrySettings `toml:"registry"`
		}
		if err == nil {
			err = toml.Unmarshal(raw, &doc)
		}
		if err != nil {
			return nil, fmt.Errorf("reading the registries in %s: %w", file, err)
		}
		return doc.Registry, nil
	}
	return nil, nil
}

// kept are the settings that were read, by the places they were looked for in.
var kept sync.Map

// settings are the settings of a registry. A file that cannot be read is passed
// over: the engine that builds refuses it, and settings only add ways to reach a
// registry.
func settings(host string) registrySettings {
	files := RegistryFiles()
	read, _ := kept.LoadOrStore(strings.Join(files, "\n"), sync.OnceValue(func() map[string]registrySettings {
		all, err := readSettings(files)
		if err != nil {
			return nil
		}
		return all
	}))
	if host == name.DefaultRegistry {
		host = "docker.io"
	}
	return read.(func() map[string]registrySettings)()[host]
}

// plainHTTP reports whether a registry may be asked without TLS: because it is
// on this machine, or because the settings say so.
func plainHTTP(host string) bool { return IsLoopback(host) || settings(host).PlainHTTP }

// mirrored are the names under which an image is looked for, its own last.
func mirrored(ref name.Reference) []name.Reference {
	var out []name.Reference
	repo := ref.Context()
	for _, mirror := range settings(repo.RegistryStr()).Mirrors {
		text := strings.TrimSuffix(mirror, "/") + "/" + repo.RepositoryStr()
		if d, ok := ref.(name.Digest); ok {
			text += "@" + d.DigestStr()
		} else {
			text += ":" + ref.Identifier()
		}
		if m, err := ParseName(text); err == nil {
			out = append(out, m)
		}
	}
	return append(out, ref)
}
