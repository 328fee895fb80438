package oci

import (
	"context"
	"io"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"

	"github.com/whittle-oci/whittle/builder/oci/staging"
)

// A Delivery says where an image goes besides its Places.
type Delivery struct {
	// Places are committed; nil for none.
	Places *Places
	// Names are those of the image in layouts and tars.
	Names []name.Tag
	// Load are the names under which the image is loaded into the docker
	// engine, and Docker hands a tar over to it, as docker load does.
	Load   []name.Tag
	Docker func(context.Context, io.Reader) error
	// Push are the names that are pushed to their registries, by Client.
	Push   []name.Tag
	Client Client
}

// Write puts an image everywhere it is wanted. What can fail comes first and
// what others see last: everything is written, pushed by digest and loaded
// before the Places are committed, and the tags in registries are put at the
// very end. Equal images make equal layouts and tars.
func Write(ctx context.Context, img v1.Image, d Delivery) error {
	if d.Places != nil {
		for _, p := range d.Places.List {
			if err := p.write(ctx, img, d.Names); err != nil {
				return err
			}
		}
	}
	if err := d.push(ctx, img); err != nil {
		return err
	}
	if len(d.Load) > 0 {
		if err := load(ctx, img, d.Load, d.Docker); err != nil {
			return err
		}
	}
	if d.Places != nil {
		if err := d.Places.Commit(); err != nil {
			return err
		}
	}
	return d.tag(ctx, img)
}

// write writes one output.
func (p Place) write(ctx context.Context, img v1.Image, names []name.Tag) error {
	names, err := p.Names(names)
	if err != nil {
		return err
	}
	switch {
	case p.Type == TypeLocal:
		err = staging.Named(p.Path, p.Dest, extract(ctx, img, p.Path))
	case p.Type == TypeTar:
		err = flatten(ctx, img, p.File)
	case p.Dir:
		err = staging.Named(p.Path, p.Dest, writeLayout(ctx, img, names, p.Path))
	case p.Type == TypeOCI:
		err = writeLayoutTar(ctx, img, names, p.File)
	default:
		err = writeDockerTar(ctx, img, names, p.File)
	}
	if err == nil && p.File != nil {
		err = p.File.Close()
	}
	return err
}

// flatten writes the root file system as a tar.
func flatten(ctx context.Context, img v1.Image, w io.Writer) error {
	r := mutate.Extract(img)
	defer r.Close()
	_, err := io.Copy(w, ended{ctx, r})
	return err
}
