// Package bases makes stand-ins for public base images out of Debian's
// packages and this machine's Go, and serves them on loopback.
//
// Tests and the demo use them where the public registry does not answer, with
// BuildKit's mirror setting for docker.io, so that unmodified Dockerfiles
// build.
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
	"slices"
	"strings"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

const defaultPath = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// A base is one image under all its names.
type base struct {
	names  []string
	make   func(ctx context.Context, m *maker) ([]v1.Layer, error)
	config v1.Config
}

// images lists the bases.
func images() []base {
	out := []base{
		{
			names: []string{"debian:bookworm", "debian:bookworm-slim", "debian:12", "debian:12-slim", "debian:latest"},
			make:  func(ctx context.Context, m *maker) ([]v1.Layer, error) { return m.layers(ctx, "debian") },
			config: v1.Config{
				Env: []string{defaultPath}, Cmd: []string{"bash"},
			},
		},
		{
			names:  []string{"gcc:12", "gcc:latest"},
			make:   func(ctx context.Context, m *maker) ([]v1.Layer, error) { return m.layers(ctx, "gcc") },
			config: v1.Config{Env: []string{defaultPath}, Cmd: []string{"bash"}},
		},
		{
			names: []string{"golang:1.26", "golang:1.26-bookworm", "golang:latest"},
			make:  func(ctx context.Context, m *maker) ([]v1.Layer, error) { return m.layers(ctx, "gcc", "go", "gocache") },
			config: v1.Config{
				Env: append([]string{
					"PATH=/go/bin:/usr/local/go/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
					"GOLANG_VERSION=1.26", "GOTOOLCHAIN=local", "GOPATH=/go",
				}, goEnvironment()...),
				WorkingDir: "/go", Cmd: []string{"bash"},
			},
		},
		{
			names:  []string{"muslbox:1"},
			make:   func(ctx context.Context, m *maker) ([]v1.Layer, error) { return m.layers(ctx, "musl") },
			config: v1.Config{Env: []string{defaultPath}, Cmd: []string{"sh"}},
		},
	}
	return slices.Concat(out, nodeImages(), pythonBases(), javaBases(), nginxImages())
}

// goEnvironment is what this machine's Go needs to reach its modules.
func goEnvironment() []string {
	var out []string
	for _, name := range []string{"GOPROXY", "GONOSUMDB", "GOSUMDB", "GONOSUMCHECK", "GOPRIVATE"} {
		if v := os.Getenv(name); v != "" {
			out = append(out, name+"="+v)
		}
	}
	return out
}

// maker makes layers, each once.
type maker struct {
	dir  string
	log  io.Writer
	made map[string]v1.Layer
}

// Names are the images that Make makes, one name of each.
func Names() []string {
	var out []string
	for _, b := range images() {
		out = append(out, b.names[0])
	}
	return out
}

// Make makes the bases that dir does not hold yet, as OCI layouts: those of the
// names, all where none is given.
func Make(ctx context.Context, dir string, log io.Writer, names ...string) error {
	m := &maker{dir: dir, log: log, made: map[string]v1.Layer{}}
	for _, b := range images() {
		dest := filepath.Join(dir, strings.ReplaceAll(b.names[0], ":", "-"))
		wanted := len(names) == 0 || slices.ContainsFunc(b.names, func(n string) bool { return slices.Contains(names, n) })
		if _, err := os.Stat(dest); err == nil || !wanted {
			continue
		}
		if err := m.write(ctx, b, dest); err != nil {
			return fmt.Errorf("making %s: %w", b.names[0], err)
		}
	}
	return nil
}

func (m *maker) write(ctx context.Context, b base, dest string) error {
	began := time.Now()
	layers, err := b.make(ctx, m)
	if err != nil {
		return err
	}
	img := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON)
	if img, err = mutate.AppendLayers(img, layers...); err != nil {
		return err
	}
	config, err := img.ConfigFile()
	if err != nil {
		return err
	}
	config = config.DeepCopy()
	config.OS, config.Architecture, config.Config = "linux", "amd64", b.config
	if img, err = mutate.ConfigFile(img, config); err != nil {
		return err
	}
	tmp := dest + ".tmp"
	if err := os.RemoveAll(tmp); err != nil {
		return err
	}
	p, err := layout.Write(tmp, empty.Index)
	if err != nil {
		return err
	}
	if err := p.AppendImage(img); err != nil {
		return err
	}
	fmt.Fprintf(m.log, "made %s in %s\n", b.names[0], time.Since(began).Round(time.Second))
	return os.Rename(tmp, dest)
}

// layers makes or finds the named layers.
func (m *maker) layers(ctx context.Context, names ...string) ([]v1.Layer, error) {
	kinds := map[string]func(context.Context, string) error{
		"debian": func(ctx context.Context, file string) error { return m.debian(ctx, file, "ca-certificates") },
		"gcc": func(ctx context.Context, file string) error {
			return m.debian(ctx, file, "ca-certificates", "gcc", "libc6-dev", "make", "git", "pkg-config", "zlib1g-dev", "musl-tools")
		},
		"nginx": func(ctx context.Context, file string) error {
			return m.debian(ctx, file, "ca-certificates", "nginx-light")
		},
		"nginxfiles": m.nginxFiles,
		"node":       m.node,
		"go":         m.golang,
		"gocache":    m.goCache,
		"pythonlibs": func(ctx context.Context, file string) error { return m.debian(ctx, file, pythonPackages...) },
		"musl":       m.musl,
		"javalibs":   m.javaLibraries,
		"jre17":      func(ctx context.Context, file string) error { return m.java(ctx, file, true) },
		"jdk17":      func(ctx context.Context, file string) error { return m.java(ctx, file, false) },
	}
	for _, minor := range pythonVersions {
		kinds["python"+minor] = func(ctx context.Context, file string) error { return m.python(ctx, file, minor) }
	}
	var out []v1.Layer
	for _, name := range names {
		if l, ok := m.made[name]; ok {
			out = append(out, l)
			continue
		}
		file := filepath.Join(m.dir, name+".tar.gz")
		if err := os.MkdirAll(m.dir, 0o755); err != nil {
			return nil, err
		}
		if !exists(file) {
			plain := filepath.Join(m.dir, name+".tar")
			if err := kinds[name](ctx, plain); err != nil {
				return nil, err
			}
			if err := compress(plain, file); err != nil {
				return nil, err
			}
		}
		l, err := tarball.LayerFromFile(file, tarball.WithMediaType(types.OCILayer))
		if err != nil {
			return nil, err
		}
		m.made[name] = l
		out = append(out, l)
	}
	return out, nil
}

// compress puts a file into one of gzip, and removes it.
func compress(plain, file string) error {
	in, err := os.Open(plain)
	if err != nil {
		return err
	}
	defer in.Close()
	tmp, err := os.Create(file + ".tmp")
	if err != nil {
		return err
	}
	z, err := gzip.NewWriterLevel(tmp, gzip.BestSpeed)
	if err == nil {
		_, err = io.Copy(z, in)
		err = errors.Join(err, z.Close())
	}
	if err = errors.Join(err, tmp.Close()); err != nil {
		return err
	}
	return errors.Join(os.Rename(file+".tmp", file), os.Remove(plain))
}

// debian makes a root of Debian's packages, with this machine's certificate
// authorities, so that builds reach what this machine reaches.
func (m *maker) debian(ctx context.Context, file string, packages ...string) error {
	return m.debianWith(ctx, file, packages)
}

// debianWith runs further commands in the root.
func (m *maker) debianWith(ctx context.Context, file string, packages []string, hooks ...string) error {
	args := []string{"--variant=minbase", "--include=" + strings.Join(packages, ","), "--format=tar"}
	for _, h := range hooks {
		args = append(args, "--customize-hook="+h)
	}
	if bundle := "/etc/ssl/certs/ca-certificates.crt"; exists(bundle) {
		args = append(args, "--customize-hook=upload "+bundle+" "+bundle)
	}
	cmd := exec.CommandContext(ctx, "mmdebstrap", append(args, "bookworm", file)...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("mmdebstrap: %w\n%s", err, tail(out.String(), 20))
	}
	return nil
}

func exists(name string) bool {
	_, err := os.Stat(name)
	return err == nil
}

func tail(s string, n int) string {
	lines := strings.Split(strings.TrimSpace(s), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}

// golang packs this machine's Go as /usr/local/go.
func (m *maker) golang(ctx context.Context, file string) error {
	out, err := exec.CommandContext(ctx, "go", "env", "GOROOT").Output()
	if err != nil {
		return fmt.Errorf("finding Go: %w", err)
	}
	root := strings.TrimSpace(string(out))
	return pack(file, func(w *tar.Writer) error {
		return filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			rel, err := filepath.Rel(root, name)
			if err != nil {
				return err
			}
			if rel == "test" || rel == "doc" || rel == "api" || rel == "pkg/obj" {
				return filepath.SkipDir
			}
			return add(w, name, filepath.Join("usr/local/go", rel))
		})
	})
}

// musl makes what a small distribution with musl looks like to a loader: a
// shell and the libc under its two names.
func (m *maker) musl(_ context.Context, file string) error {
	const libc = "/lib/x86_64-linux-musl/libc.so"
	busybox, err := exec.LookPath("busybox")
	if err != nil || !exists(libc) {
		return errors.Join(err, fmt.Errorf("musl and busybox-static are needed"))
	}
	return pack(file, func(w *tar.Writer) error {
		for _, step := range []error{
			add(w, busybox, "bin/busybox"),
			add(w, libc, "lib/ld-musl-x86_64.so.1"),
			link(w, "lib/libc.musl-x86_64.so.1", "ld-musl-x86_64.so.1"),
			text(w, "etc/passwd", "root:x:0:0:root:/root:/bin/sh\n"),
			dir(w, "tmp/", 0o1777),
		} {
			if step != nil {
				return step
			}
		}
		for _, name := range []string{"sh", "cat", "mkdir", "chown", "chmod", "echo", "ls", "id", "ln", "env", "adduser", "addgroup"} {
			if err := link(w, "bin/"+name, "busybox"); err != nil {
				return err
			}
		}
		return nil
	})
}

func pack(file string, fill func(*tar.Writer) error) error {
	f, err := os.Create(file)
	if err != nil {
		return err
	}
	w := tar.NewWriter(f)
	return errors.Join(fill(w), w.Close(), f.Close())
}

// add puts one file of this machine into the layer, owned by root.
func add(w *tar.Writer, host, name string) error {
	info, err := os.Lstat(host)
	if err != nil {
		return err
	}
	target := ""
	if info.Mode()&fs.ModeSymlink != 0 {
		if target, err = os.Readlink(host); err != nil {
			return err
		}
	}
	h, err := tar.FileInfoHeader(info, target)
	if err != nil {
		return err
	}
	h.Name, h.Uid, h.Gid, h.Uname, h.Gname = filepath.ToSlash(name), 0, 0, "", ""
	if info.IsDir() {
		h.Name += "/"
	}
	if err := w.WriteHeader(h); err != nil || !info.Mode().IsRegular() {
		return err
	}
	f, err := os.Open(host)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = io.Copy(w, f)
	return err
}

func link(w *tar.Writer, name, target string) error {
	return w.WriteHeader(&tar.Header{Typeflag: tar.TypeSymlink, Name: name, Linkname: target, Mode: 0o777})
}

func dir(w *tar.Writer, name string, mode int64) error {
	return w.WriteHeader(&tar.Header{Typeflag: tar.TypeDir, Name: name, Mode: mode})
}

func text(w *tar.Writer, name, content string) error {
	if err := w.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: 0o644, Size: int64(len(content))}); err != nil {
		return err
	}
	_, err := io.WriteString(w, content)
	return err
}
