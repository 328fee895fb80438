package oci

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// OpenOptions say which image is opened, and how.
type OpenOptions struct {
	// Platform is the one to take. nil takes a single image as it is, and of
	// an index the image for Linux on this machine's architecture.
	Platform *v1.Platform
	Client   Client
	// Docker exports an image of the docker engine, as docker save does.
	Docker func(ctx context.Context, name string) (io.ReadCloser, error)
}

// A Source is an image that was opened. Close it when its layers are not
// needed any more.
type Source struct {
	v1.Image
	// Ref is what was opened; of a path its kind is known by now.
	Ref Ref
	// Platform is the image's own, as its configuration says.
	Platform v1.Platform
	Config   *v1.ConfigFile

	close func() error
}

// Place says which place was read: "OCI layout ./out".
func (s *Source) Place() string { return s.Ref.Place() }

// Close releases the files that layers are read from.
func (s *Source) Close() error {
	if s.close == nil {
		return nil
	}
	return s.close()
}

// Open finds one image, of an index the one for a platform. Manifests and the
// configuration are compared with their digests here, and layers when they are
// read. Attestations and signatures are no images.
//
// Errors are *FormatError, *PlatformError, *ChangedError or those of the
// registry.
func Open(ctx context.Context, ref Ref, o OpenOptions) (*Source, error) {
	ref, err := ref.Resolve()
	if err != nil {
		return nil, err
	}
	switch ref.Kind {
	case Registry:
		return openRegistry(ctx, ref, o)
	case Layout:
		root, err := os.OpenRoot(ref.Path)
		if err != nil {
			return nil, problem(ref.Place(), err)
		}
		return openLayout(ctx, ref, directory{root}, o)
	case OCIArchive, DockerArchive:
		return openArchived(ctx, ref, ref.Path, o)
	case Docker:
		return openDocker(ctx, ref, o)
	}
	return nil, fmt.Errorf("%s: nothing is known of this kind of place", ref.Place())
}

// Resolve looks at what a path is. Other references stay as they are.
func (r Ref) Resolve() (Ref, error) {
	if r.Name != nil {
		return r, nil
	}
	if r.whole != r.Path {
		// A name that holds what looks like a tag.
		if _, err := os.Lstat(r.whole); err == nil {
			r.Path, r.Tag, r.Digest = r.whole, "", ""
		}
	}
	info, err := os.Stat(r.Path)
	if err != nil {
		return r, problem(r.Place(), errors.Unwrap(err)) // without the path, which the place has
	}
	switch {
	case info.IsDir() && (r.Kind == Path || r.Kind == Layout):
		r.Kind = Layout
	case info.IsDir():
		return r, &FormatError{r.Place(), fmt.Errorf("it is a directory; oci:%s is an OCI layout", r.Path)}
	case r.Kind == Layout:
		return r, &FormatError{r.Place(), fmt.Errorf("it is a file; oci-archive:%s or docker-archive:%s is an archive", r.Path, r.Path)}
	case r.Kind == Path:
		if r.Kind, err = archiveKind(r); err != nil {
			return r, err
		}
	}
	return r, nil
}

// archiveKind looks into a file. What is both, as docker 25 and later write it,
// is read as the OCI layout that it holds.
func archiveKind(r Ref) (Kind, error) {
	a, err := openArchive(r.Path, r.Path)
	if err != nil {
		return 0, err
	}
	defer a.Close()
	switch {
	case a.has(layoutFile) && a.has(indexFile):
		return OCIArchive, nil
	case a.has(dockerManifestFile):
		return DockerArchive, nil
	}
	return 0, &FormatError{r.Path, fmt.Errorf("it is neither an OCI archive (%s, %s) nor a docker archive (%s)", layoutFile, indexFile, dockerManifestFile)}
}

// bare is the place without what chooses an image in it.
func (r Ref) bare() string { return Ref{Kind: r.Kind, Path: r.Path, Name: r.Name}.Place() }

func openArchived(ctx context.Context, ref Ref, file string, o OpenOptions) (*Source, error) {
	a, err := openArchive(ref.bare(), file)
	if err != nil {
		return nil, err
	}
	if ref.Kind == OCIArchive {
		return openLayout(ctx, ref, a, o)
	}
	s, err := openDockerArchive(ref, layout{ref.bare(), a}, o)
	if err != nil {
		return nil, errors.Join(err, a.Close())
	}
	s.close = a.Close
	return s, nil
}

func openDockerArchive(ref Ref, l layout, o OpenOptions) (*Source, error) {
	if ref.Digest != "" {
		return nil, &FormatError{ref.Place(), errors.New("a docker archive knows its images by name, not by digest")}
	}
	list, err := dockerManifest(l)
	if err != nil {
		return nil, err
	}
	entry, err := chooseDocker(l.place, ref.Tag, list)
	if err != nil {
		return nil, err
	}
	img, err := dockerImage(l, entry)
	if err != nil {
		return nil, err
	}
	return newSource(ref, img, nil, o)
}

// openDocker lets the docker engine export an image into a temporary file.
func openDocker(ctx context.Context, ref Ref, o OpenOptions) (*Source, error) {
	if o.Docker == nil {
		return nil, &FormatError{ref.Place(), errors.New("images of the docker engine cannot be read here")}
	}
	dir, err := os.MkdirTemp("", "whittle-docker-")
	if err != nil {
		return nil, err
	}
	// An open file is read on without its name. On Windows it stays until
	// Close.
	defer os.RemoveAll(dir)
	file := filepath.Join(dir, "image.tar")
	if err := export(ctx, ref, file, o); err != nil {
		return nil, fmt.Errorf("reading %s: %w", ref.Place(), err)
	}
	a, err := openArchive(ref.Place(), file)
	if err != nil {
		return nil, err
	}
	s, err := openDockerArchive(Ref{Kind: Docker, Name: ref.Name, text: ref.text}, layout{ref.Place(), a}, o)
	if err != nil {
		return nil, errors.Join(err, a.Close())
	}
	s.close = func() error { return errors.Join(a.Close(), os.RemoveAll(dir)) }
	return s, nil
}

func export(ctx context.Context, ref Ref, file string, o OpenOptions) error {
	rc, err := o.Docker(ctx, dockerName(ref))
	if err != nil {
		return err
	}
	defer rc.Close()
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, rc)
	return errors.Join(err, f.Close())
}

// dockerName is the name as the engine is asked for it.
func dockerName(ref Ref) string { return strings.TrimPrefix(ref.text, "docker:") }

// newSource reads what an image says of itself. declared is what an index says
// of it, nil where none does.
func newSource(ref Ref, img v1.Image, declared *v1.Platform, o OpenOptions) (*Source, error) {
	raw, err := img.RawConfigFile()
	if err != nil {
		return nil, err
	}
	config, err := v1.ParseConfigFile(bytes.NewReader(raw))
	if err != nil {
		return nil, &FormatError{ref.Place(), fmt.Errorf("reading the image configuration: %w", err)}
	}
	p := v1.Platform{OS: config.OS, Architecture: config.Architecture, Variant: config.Variant, OSVersion: config.OSVersion}
	for _, said := range []*v1.Platform{declared, o.Platform} {
		if said != nil && p.Architecture == "" {
			p = *said
		}
	}
	switch {
	case p.Architecture == "":
		return nil, &FormatError{ref.Place(), errors.New("the image does not say which architecture it is for; say so with --platform")}
	case p.Architecture == "unknown":
		return nil, &FormatError{ref.Place(), errors.New("it is an attestation, not an image")}
	}
	if p.OS == "" {
		p.OS = "linux"
	}
	if o.Platform != nil && !matches(*o.Platform, p) {
		return nil, &PlatformError{Place: ref.Place(), Want: *o.Platform, Asked: true, Single: true, Have: []v1.Platform{p}}
	}
	return &Source{Image: img, Ref: ref, Platform: p, Config: config}, nil
}
