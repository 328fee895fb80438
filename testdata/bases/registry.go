package bases

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/remote"
)

// publicTimeout is how long the public registry has to answer. Where it does,
// the real images are used.
const publicTimeout = 3 * time.Second

// Public reports whether Docker Hub answers.
func Public(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, publicTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://registry-1.docker.io/v2/", nil)
	if err != nil {
		return false
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return false
	}
	defer res.Body.Close()
	return res.StatusCode == http.StatusUnauthorized || res.StatusCode == http.StatusOK
}

// A Registry is an OCI registry on loopback.
type Registry struct {
	Addr   string // host:port
	server *http.Server
	blobs  string
}

// Close stops the registry and removes what was pushed to it.
func (r *Registry) Close() error { return errors.Join(r.server.Close(), os.RemoveAll(r.blobs)) }

// Serve starts a registry on addr, ":0" for any port, that holds the bases in
// dir, and keeps the blobs that are pushed to it below dir until it is closed.
func Serve(ctx context.Context, dir, addr string) (*Registry, error) {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", addr)
	if err != nil {
		return nil, err
	}
	blobs, err := os.MkdirTemp(dir, "blobs-")
	if err != nil {
		return nil, errors.Join(err, l.Close())
	}
	handler := registry.New(registry.Logger(log.New(io.Discard, "", 0)), registry.WithBlobHandler(registry.NewDiskBlobHandler(blobs)), registry.WithReferrersSupport(true))
	r := &Registry{Addr: l.Addr().String(), server: &http.Server{Handler: handler, ReadHeaderTimeout: time.Minute}, blobs: blobs}
	go func() { _ = r.server.Serve(l) }()
	if err := r.fill(ctx, dir); err != nil {
		return nil, errors.Join(err, r.Close())
	}
	return r, nil
}

// fill pushes the bases under their names, as library images.
func (r *Registry) fill(ctx context.Context, dir string) error {
	for _, b := range images() {
		path := filepath.Join(dir, strings.ReplaceAll(b.names[0], ":", "-"))
		index, err := layout.ImageIndexFromPath(path)
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		img, err := only(index)
		if err != nil {
			return fmt.Errorf("reading %s: %w", path, err)
		}
		if err := r.link(filepath.Join(path, "blobs", "sha256")); err != nil {
			return err
		}
		for _, n := range b.names {
			tag, err := name.NewTag(r.Addr + "/library/" + n)
			if err != nil {
				return err
			}
			if err := remote.Write(tag, img, remote.WithContext(ctx)); err != nil {
				return fmt.Errorf("filling the registry: %w", err)
			}
		}
	}
	return nil
}

// link gives the registry the blobs of a layout without a copy: what it has
// already is not sent to it.
func (r *Registry) link(blobs string) error {
	list, err := os.ReadDir(blobs)
	if err != nil {
		return err
	}
	for _, blob := range list {
		err := os.Link(filepath.Join(blobs, blob.Name()), filepath.Join(r.blobs, blob.Name()))
		if err != nil && !errors.Is(err, os.ErrExist) {
			return err
		}
	}
	return nil
}

func only(index v1.ImageIndex) (v1.Image, error) {
	m, err := index.IndexManifest()
	if err != nil {
		return nil, err
	}
	if len(m.Manifests) != 1 {
		return nil, fmt.Errorf("%d images, want one", len(m.Manifests))
	}
	return index.Image(m.Manifests[0].Digest)
}

// Config is a buildkitd.toml that sends docker.io to the registry.
func (r *Registry) Config() string {
	return fmt.Sprintf("[registry.\"docker.io\"]\n  mirrors = [%q]\n[registry.%q]\n  http = true\n", r.Addr, r.Addr)
}
