package bases

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// What the official images of Node.js have besides node, by the versions of
// npm's registry.
const (
	npmVersion      = "10.9.2"
	yarnVersion     = "1.22.22"
	corepackVersion = "0.31.0"
)

// nodeEntrypoint does what docker-entrypoint.sh of nodejs/docker-node does.
const nodeEntrypoint = `#!/bin/sh
set -e

# An option, no command, or a file that cannot be run is for node.
if [ "${1#-}" != "${1}" ] || [ -z "$(command -v "${1}")" ] || { [ -f "${1}" ] && ! [ -x "${1}" ]; }; then
  set -- node "$@"
fi

exec "$@"
`

// npmrc lets npm reach what this machine reaches, and compile against the
// headers of the image.
const npmrc = "cafile=/etc/ssl/certs/ca-certificates.crt\nnodedir=/usr/local\nupdate-notifier=false\nfund=false\naudit=false\n"

// nodeImages are in the layout of the official images, with this machine's
// node; and with Debian's own.
func nodeImages() []base {
	return []base{
		{
			names: []string{"node:20-bookworm-slim", "node:20-slim", "node:20-bookworm", "node:20", "node:lts", "node:lts-slim", "node:latest"},
			make:  func(ctx context.Context, m *maker) ([]v1.Layer, error) { return m.layers(ctx, "debian", "node") },
			config: v1.Config{
				Env:        []string{defaultPath, "NODE_VERSION=20.20.2", "YARN_VERSION=" + yarnVersion},
				Entrypoint: []string{"docker-entrypoint.sh"}, Cmd: []string{"node"},
			},
		},
	}
}

// node packs this machine's node, as the official images have it, and package
// managers from npm's registry.
func (m *maker) node(ctx context.Context, file string) error {
	node, err := exec.LookPath("node")
	if err != nil {
		return fmt.Errorf("finding node: %w; apt-get install nodejs npm has it", err)
	}
	if node, err = filepath.EvalSymlinks(node); err != nil {
		return err
	}
	work, err := os.MkdirTemp(m.dir, "node-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	for _, install := range [][]string{
		{"local", "npm@" + npmVersion, "corepack@" + corepackVersion},
		{"yarn", "yarn@" + yarnVersion},
	} {
		args := append([]string{"install", "-g", "--no-audit", "--no-fund", "--prefix", filepath.Join(work, install[0])}, install[1:]...)
		cmd := exec.CommandContext(ctx, "npm", args...)
		var out bytes.Buffer
		cmd.Stdout, cmd.Stderr = &out, &out
		if err := cmd.Run(); err != nil {
			return fmt.Errorf("npm %s: %w\n%s", strings.Join(args, " "), err, tail(out.String(), 20))
		}
	}
	accounts, err := m.fromDebian("etc/passwd", "etc/group")
	if err != nil {
		return err
	}
	yarn := "opt/yarn-v" + yarnVersion
	return pack(file, func(w *tar.Writer) error {
		steps := []error{
			text(w, "etc/passwd", accounts["etc/passwd"]+"node:x:1000:1000::/home/node:/bin/bash\n"),
			text(w, "etc/group", accounts["etc/group"]+"node:x:1000:\n"),
			owned(w, "home/node/", 1000),
			add(w, node, "usr/local/bin/node"),
			link(w, "usr/local/bin/nodejs", "/usr/local/bin/node"),
			addTree(w, filepath.Join(work, "local/lib/node_modules"), "usr/local/lib/node_modules"),
			link(w, "usr/local/bin/npm", "../lib/node_modules/npm/bin/npm-cli.js"),
			link(w, "usr/local/bin/npx", "../lib/node_modules/npm/bin/npx-cli.js"),
			link(w, "usr/local/bin/corepack", "../lib/node_modules/corepack/dist/corepack.js"),
			addTree(w, filepath.Join(work, "yarn/lib/node_modules/yarn"), yarn),
			link(w, "usr/local/bin/yarn", "/"+yarn+"/bin/yarn"),
			link(w, "usr/local/bin/yarnpkg", "/"+yarn+"/bin/yarnpkg"),
			text(w, "usr/local/etc/npmrc", npmrc),
			text(w, "usr/local/CHANGELOG.md", "# Changes\n"),
			text(w, "usr/local/README.md", "# Node.js\n"),
			text(w, "usr/local/LICENSE", "Node.js is licensed for use as follows\n"),
			program(w, "usr/local/bin/docker-entrypoint.sh", nodeEntrypoint),
		}
		if headers := "/usr/include/node"; exists(headers) {
			steps = append(steps, addTree(w, headers, "usr/local/include/node"))
		}
		return errors.Join(steps...)
	})
}

// fromDebian reads small files out of the layer debian.
func (m *maker) fromDebian(names ...string) (map[string]string, error) {
	f, err := os.Open(filepath.Join(m.dir, "debian.tar.gz"))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		return nil, err
	}
	out := map[string]string{}
	for r := tar.NewReader(z); len(out) < len(names); {
		h, err := r.Next()
		if err != nil {
			return nil, fmt.Errorf("looking for %s in the layer debian: %w", strings.Join(names, ", "), err)
		}
		for _, n := range names {
			if strings.TrimPrefix(h.Name, "./") != n {
				continue
			}
			text, err := io.ReadAll(r)
			if err != nil {
				return nil, err
			}
			out[n] = string(text)
		}
	}
	return out, nil
}

// addTree puts a directory of this machine into the layer, owned by root.
func addTree(w *tar.Writer, host, name string) error {
	return filepath.WalkDir(host, func(at string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(host, at)
		if err != nil {
			return err
		}
		return add(w, at, filepath.Join(name, rel))
	})
}

// owned makes a directory of a user's.
func owned(w *tar.Writer, name string, id int) error {
	return w.WriteHeader(&tar.Header{Typeflag: tar.TypeDir, Name: name, Mode: 0o755, Uid: id, Gid: id})
}

// program makes a script that can be run.
func program(w *tar.Writer, name, content string) error {
	if err := w.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: 0o755, Size: int64(len(content))}); err != nil {
		return err
	}
	_, err := io.WriteString(w, content)
	return err
}
