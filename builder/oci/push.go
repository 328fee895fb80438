package oci

import (
	"context"
	"fmt"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
)

// push pushes an image by digest, once to each repository, so that no tag
// leads to it yet.
func (d Delivery) push(ctx context.Context, img v1.Image) error {
	digest, err := img.Digest()
	if err != nil {
		return err
	}
	pushed := map[string]bool{}
	for _, n := range d.Push {
		if repo := n.Context(); !pushed[repo.Name()] {
			pushed[repo.Name()] = true
			if err := remote.Write(repo.Digest(digest.String()), img, d.Client.Options(ctx)...); err != nil {
				return fmt.Errorf("pushing %s: %w", n, err)
			}
		}
	}
	return nil
}

// tag puts the tags, when everything that they lead to is there.
func (d Delivery) tag(ctx context.Context, img v1.Image) error {
	for _, n := range d.Push {
		if err := remote.Tag(n, img, d.Client.Options(ctx)...); err != nil {
			return fmt.Errorf("pushing %s: %w", n, err)
		}
	}
	return nil
}
