package oci

import (
	"context"
	"fmt"

	"github.com/google/go-containerregistry/pkg/name"
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
				return &PushError{n, err}
			}
		}
	}
	return nil
}

// A PushError is an image that a registry did not take.
type PushError struct {
	Name name.Tag
	Err  error
}

// Error names the image.
func (e *PushError) Error() string { return fmt.Sprintf("pushing %s: %v", e.Name, e.Err) }

// Unwrap returns the cause.
func (e *PushError) Unwrap() error { return e.Err }

// tag puts the tags, when everything that they lead to is there.
func (d Delivery) tag(ctx context.Context, img v1.Image) error {
	for _, n := range d.Push {
		if err := remote.Tag(n, img, d.Client.Options(ctx)...); err != nil {
			return &PushError{n, err}
		}
	}
	return nil
}
