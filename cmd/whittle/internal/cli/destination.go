package cli

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/spf13/cobra"

	"github.com/whittle-oci/whittle/builder/engine"
	"github.com/whittle-oci/whittle/builder/oci"
)

// destination is where pack and slim put an image.
type destination struct {
	tags       []string
	push, load bool
	outputs    []string // as of docker buildx build

	delivery oci.Delivery   // filled by prepare
	docker   *engine.Docker // for delivery
}

const outputHelp = "where the result goes, such as type=oci,dest=FILE or type=oci,tar=false,dest=DIR; may be repeated"

func (d *destination) flags(c *cobra.Command) {
	c.Flags().StringArrayVarP(&d.tags, "tag", "t", nil, "name of the image, NAME[:TAG]; may be repeated")
	c.Flags().BoolVar(&d.push, "push", false, "push the image to its registry, short for -o type=registry")
	c.Flags().BoolVar(&d.load, "load", false, "load the image into the docker engine, short for -o type=docker")
	c.Flags().StringArrayVarP(&d.outputs, "output", "o", nil, outputHelp)
}

// read reads the flags and refuses those that do not go together, before any
// work is done. The compression is that of an output, or "".
func (d *destination) read() (outputs []oci.Output, compression string, err error) {
	if (d.push || d.load) && len(d.tags) == 0 {
		return nil, "", usage{errors.New("--push and --load need a name: -t NAME")}
	}
	names, err := imageTags(d.tags)
	if err != nil {
		return nil, "", err
	}
	list := d.outputs
	if d.push {
		list = append(list, "type=registry")
	}
	if d.load {
		list = append(list, "type=docker")
	}
	if outputs, err = oci.ParseOutputs(list); err != nil {
		return nil, "", err
	}
	if err := oci.CheckDirect(outputs, names); err != nil {
		return nil, "", err
	}
	for _, o := range outputs {
		c := o.Attrs["compression"]
		if c != "" && compression != "" && c != compression {
			return nil, "", usage{fmt.Errorf("-o %s: another output has compression=%s, and there is one image", o, compression)}
		}
		if c != "" {
			compression = c
		}
	}
	d.delivery.Names = names
	return outputs, compression, nil
}

// imageTags reads -t.
func imageTags(tags []string) ([]name.Tag, error) {
	var out []name.Tag
	for _, t := range tags {
		tag, err := oci.ParseTag(t)
		if err != nil {
			return nil, usage{fmt.Errorf("-t %s: %w", t, err)}
		}
		out = append(out, tag)
	}
	return out, nil
}

// open opens what the image goes to, so that what cannot be written is known
// before any work is done. Nothing of it shows before write; discard follows
// in any case.
func (d *destination) open(ctx context.Context, a *app, outputs []oci.Output) (err error) {
	if d.delivery.Push, err = oci.PushedNames(outputs, d.delivery.Names); err != nil {
		return err
	}
	if d.delivery.Places, err = a.prepare(ctx, outputs); err != nil {
		return err
	}
	for _, o := range outputs {
		if !o.Load() || d.docker != nil {
			continue
		}
		if d.delivery.Load, err = o.Names(d.delivery.Names); err != nil {
			return err
		}
		if d.docker, err = openDocker(ctx); err != nil {
			return err
		}
		d.delivery.Docker = d.docker.Load
	}
	return nil
}

// discard lets go of everything, and removes what was not written to its end.
func (d *destination) discard() {
	if d.delivery.Places != nil {
		d.delivery.Places.Discard()
	}
	if d.docker != nil {
		_ = d.docker.Close()
	}
}

// write puts the image everywhere it is wanted.
func (d *destination) write(ctx context.Context, img v1.Image) error {
	err := oci.Write(ctx, img, d.delivery)
	if _, ok := errors.AsType[*oci.PushError](err); ok {
		return hintRegistry(err)
	}
	return err
}

// prepare opens outputs. Where one of them is standard output, results are
// printed on standard error instead, so that nothing but the archive is there.
func (a *app) prepare(ctx context.Context, outputs []oci.Output) (*oci.Places, error) {
	places, err := oci.Prepare(ctx, outputs, a.Out)
	if err != nil {
		return nil, err
	}
	if places.Stdout {
		a.Out = a.Err
	}
	for _, p := range places.List {
		if p.Adds && p.Type == oci.TypeLocal && p.Attrs["mode"] != "delete" {
			a.log.Warnf("%s is not empty: files of the same names are replaced, all others stay", p.Dest)
		}
	}
	return places, nil
}

// openDocker connects to the docker engine that images are loaded into.
func openDocker(ctx context.Context) (*engine.Docker, error) {
	docker, err := engine.OpenDocker(ctx)
	if err != nil {
		return nil, hinted{err, "start docker or set DOCKER_HOST; -o type=docker,dest=FILE writes a tar for later"}
	}
	return docker, nil
}
