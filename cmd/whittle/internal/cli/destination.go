package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/daemon"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/spf13/cobra"

	"github.com/whittle-oci/whittle/builder/engine"
)

// destination is where pack and slim put an image.
type destination struct {
	tags   []string
	push   bool
	load   bool
	output string // type=oci,dest=DIR or type=docker,dest=FILE
}

func (d *destination) flags(c *cobra.Command) {
	c.Flags().StringArrayVarP(&d.tags, "tag", "t", nil, "name of the image, NAME[:TAG]; may be repeated")
	c.Flags().BoolVar(&d.push, "push", false, "push the image to its registry")
	c.Flags().BoolVar(&d.load, "load", false, "load the image into the docker engine")
	c.Flags().StringVarP(&d.output, "output", "o", "", "write the image to a file or directory: type=oci,dest=DIR or type=docker,dest=FILE")
}

// check refuses flags that do not go together, before any work is done.
func (d *destination) check() error {
	if (d.push || d.load) && len(d.tags) == 0 {
		return usage{errors.New("--push and --load need a name: -t NAME")}
	}
	for _, t := range d.tags {
		if _, err := name.NewTag(t, insecureLoopback(t)...); err != nil {
			return usage{fmt.Errorf("-t %s: %w", t, err)}
		}
	}
	_, _, err := d.file()
	return err
}

// file reads the -o flag.
func (d *destination) file() (kind, dest string, err error) {
	if d.output == "" {
		return "", "", nil
	}
	kind = "oci"
	for field := range strings.SplitSeq(d.output, ",") {
		k, v, ok := strings.Cut(field, "=")
		switch {
		case ok && k == "type":
			kind = v
		case ok && k == "dest":
			dest = v
		case !ok:
			dest = field
		default:
			return "", "", usage{fmt.Errorf("-o %s: unknown field %q", d.output, k)}
		}
	}
	if dest == "" || kind != "oci" && kind != "docker" {
		return "", "", usage{fmt.Errorf("-o %s: want type=oci,dest=DIR or type=docker,dest=FILE", d.output)}
	}
	return kind, dest, nil
}

// write puts the image everywhere it is wanted and returns what to print.
func (d *destination) write(ctx context.Context, img v1.Image) error {
	if kind, dest, err := d.file(); err != nil {
		return err
	} else if kind == "oci" {
		if err := writeLayout(dest, img, d.tags); err != nil {
			return err
		}
	} else if kind == "docker" {
		if err := d.writeTar(dest, img); err != nil {
			return err
		}
	}
	for _, t := range d.tags {
		tag, err := name.NewTag(t, insecureLoopback(t)...)
		if err != nil {
			return usage{err}
		}
		if d.load {
			docker, err := engine.DockerClient("")
			if err != nil {
				return fmt.Errorf("finding the docker engine: %w", err)
			}
			if _, err := daemon.Write(tag, img, daemon.WithContext(ctx), daemon.WithClient(docker)); err != nil {
				return fmt.Errorf("loading %s into the docker engine: %w", t, err)
			}
		}
		if d.push {
			if err := remote.Write(tag, img, remote.WithContext(ctx), remote.WithAuthFromKeychain(authn.DefaultKeychain)); err != nil {
				return fmt.Errorf("pushing %s: %w", t, err)
			}
		}
	}
	return nil
}

// writeLayout writes an OCI layout beside its place and moves it there, so
// that a layout is whole or absent.
func writeLayout(dest string, img v1.Image, tags []string) error {
	if _, err := os.Lstat(dest); err == nil {
		return usage{fmt.Errorf("%s exists already; name a new directory", dest)}
	}
	tmp, err := os.MkdirTemp(filepath.Dir(filepath.Clean(dest)), ".whittle-")
	if err != nil {
		return fmt.Errorf("writing the layout: %w", err)
	}
	defer os.RemoveAll(tmp)
	p, err := layout.Write(tmp, empty.Index)
	if err != nil {
		return fmt.Errorf("writing the layout: %w", err)
	}
	var opts []layout.Option
	if len(tags) > 0 {
		opts = append(opts, layout.WithAnnotations(map[string]string{"org.opencontainers.image.ref.name": tags[0]}))
	}
	if err := p.AppendImage(img, opts...); err != nil {
		return fmt.Errorf("writing the layout: %w", err)
	}
	if err := os.Chmod(tmp, 0o755); err != nil {
		return fmt.Errorf("writing the layout: %w", err)
	}
	return os.Rename(tmp, dest)
}

// writeTar writes a tar that docker load reads.
func (d *destination) writeTar(dest string, img v1.Image) error {
	names := map[name.Reference]v1.Image{}
	for _, t := range d.tags {
		tag, err := name.NewTag(t, insecureLoopback(t)...)
		if err != nil {
			return usage{err}
		}
		names[tag] = img
	}
	if len(names) == 0 {
		return usage{errors.New("a docker tar needs a name: -t NAME")}
	}
	tmp, err := os.CreateTemp(filepath.Dir(filepath.Clean(dest)), ".whittle-")
	if err != nil {
		return fmt.Errorf("writing the tar: %w", err)
	}
	defer os.Remove(tmp.Name())
	if err := errors.Join(tarball.MultiRefWrite(names, tmp), tmp.Chmod(0o644), tmp.Close()); err != nil {
		return fmt.Errorf("writing the tar: %w", err)
	}
	return os.Rename(tmp.Name(), dest)
}

// insecureLoopback allows plain HTTP for registries on this machine, as docker
// does.
func insecureLoopback(ref string) []name.Option {
	host, _, _ := strings.Cut(ref, "/")
	host = strings.TrimPrefix(host, "[")
	for _, local := range []string{"127.", "localhost:", "::1]"} {
		if strings.HasPrefix(host, local) {
			return []name.Option{name.Insecure}
		}
	}
	return nil
}
