package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/daemon"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/spf13/cobra"

	"github.com/whittle-oci/whittle/builder/engine"
)

// destination is where pack and slim put an image.
type destination struct {
	tags   []string
	push   bool
	load   bool
	output string // as of docker buildx build
}

const outputHelp = "type=oci,dest=FILE, type=oci,tar=false,dest=DIR or type=docker,dest=FILE"

func (d *destination) flags(c *cobra.Command) {
	c.Flags().StringArrayVarP(&d.tags, "tag", "t", nil, "name of the image, NAME[:TAG]; may be repeated")
	c.Flags().BoolVar(&d.push, "push", false, "push the image to its registry")
	c.Flags().BoolVar(&d.load, "load", false, "load the image into the docker engine")
	c.Flags().StringVarP(&d.output, "output", "o", "", "write the image to a file or directory: "+outputHelp)
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
	_, err := d.file()
	return err
}

// An outputFile is what -o names.
type outputFile struct {
	kind, dest string
	layout     bool // a directory instead of a tar
}

// file reads the -o flag, which has buildx's meaning.
func (d *destination) file() (o outputFile, err error) {
	if d.output == "" {
		return o, nil
	}
	o.kind = "oci"
	for field := range strings.SplitSeq(d.output, ",") {
		k, v, ok := strings.Cut(field, "=")
		switch {
		case ok && k == "type":
			o.kind = v
		case ok && k == "dest":
			o.dest = v
		case ok && k == "tar":
			tar, err := strconv.ParseBool(v)
			if err != nil {
				return o, usage{fmt.Errorf("-o %s: tar=%s is neither true nor false", d.output, v)}
			}
			o.layout = !tar
		default:
			return o, usage{fmt.Errorf("-o %s: %q is not known; want %s", d.output, field, outputHelp)}
		}
	}
	if o.dest == "" || o.kind != "oci" && o.kind != "docker" || o.kind == "docker" && o.layout {
		return o, usage{fmt.Errorf("-o %s: want %s", d.output, outputHelp)}
	}
	if info, err := os.Stat(o.dest); err == nil && (o.layout || info.IsDir()) {
		return o, usage{fmt.Errorf("-o %s: %s exists already; name a new one", d.output, o.dest)}
	}
	if o.kind == "docker" && len(d.tags) == 0 {
		return o, usage{errors.New("a docker tar needs a name: -t NAME")}
	}
	return o, nil
}

// write puts the image everywhere it is wanted.
func (d *destination) write(ctx context.Context, img v1.Image) error {
	o, err := d.file()
	if err != nil {
		return err
	}
	switch {
	case o.layout:
		err = writeLayout(o.dest, img, d.tags)
	case o.kind == "oci":
		err = writeLayoutTar(o.dest, img, d.tags)
	case o.kind == "docker":
		err = d.writeTar(o.dest, img)
	}
	if err != nil {
		return err
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
				return hintRegistry(fmt.Errorf("pushing %s: %w", t, err))
			}
		}
	}
	return nil
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
