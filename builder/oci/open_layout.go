package oci

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// imageNames are the annotations that name an image in index.json: OCI's and
// BuildKit's.
var imageNames = []string{refNameAnnotation, imageNameAnnotation}

// IsNamed reports whether an entry of an index.json has the name: the whole
// of it or its tag.
func IsNamed(d v1.Descriptor, tag string) bool {
	return slices.ContainsFunc(imageNames, func(a string) bool {
		name := d.Annotations[a]
		if name == "" {
			return false
		}
		return name == tag || sameName(name, tag) || name[strings.LastIndexAny(name, "/:")+1:] == tag && strings.Contains(name, ":"+tag)
	})
}

func openLayout(ctx context.Context, ref Ref, f files, o OpenOptions) (*Source, error) {
	l, err := newLayout(ref.bare(), f)
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	s, err := l.source(ctx, ref, o)
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	s.close = f.Close
	return s, nil
}

// source finds the image of a layout that a reference names.
func (l layout) source(ctx context.Context, ref Ref, o OpenOptions) (*Source, error) {
	raw, err := l.index()
	if err != nil {
		return nil, err
	}
	index, err := parseIndex(l.place, raw)
	if err != nil {
		return nil, err
	}
	all := index.Manifests
	if index.Manifests, err = l.named(ref, all); err != nil {
		return nil, err
	}
	s, err := l.only(ctx, ref, index, o)
	if s != nil || err != nil {
		return s, err
	}
	return chosen(ctx, l, ref, index, o)
}

// named are the entries that a reference means.
func (l layout) named(ref Ref, all []v1.Descriptor) ([]v1.Descriptor, error) {
	if ref.Tag == "" && ref.Digest == "" {
		return all, nil
	}
	var out []v1.Descriptor
	for _, d := range all {
		if ref.Digest != "" && d.Digest.String() == ref.Digest || ref.Tag != "" && IsNamed(d, ref.Tag) {
			out = append(out, d)
		}
	}
	if len(out) > 0 {
		return out, nil
	}
	if ref.Digest != "" {
		// A manifest within an index of the layout.
		h, err := v1.NewHash(ref.Digest)
		if err != nil {
			return nil, &FormatError{ref.Place(), err}
		}
		raw, err := l.blob(h, MaxManifest, "manifest")
		if err != nil {
			return nil, err
		}
		return []v1.Descriptor{{Digest: h, Size: int64(len(raw)), MediaType: mediaType(raw)}}, nil
	}
	return nil, &FormatError{l.place, fmt.Errorf("it holds no image named %s%s", ref.Tag, listed(all))}
}

// listed names the images of a layout.
func listed(all []v1.Descriptor) string {
	var names []string
	for _, d := range all {
		for _, a := range imageNames {
			if n := d.Annotations[a]; n != "" && !slices.Contains(names, n) {
				names = append(names, n)
			}
		}
	}
	if len(names) == 0 {
		return ""
	}
	return "; there is " + strings.Join(names, ", ")
}

// only gives the one image of a layout that has just one, whatever it is for.
// It gives nothing where there are more, or an index.
func (l layout) only(ctx context.Context, ref Ref, index *v1.IndexManifest, o OpenOptions) (*Source, error) {
	var one *v1.Descriptor
	for _, d := range index.Manifests {
		if d.MediaType.IsIndex() {
			return nil, nil
		}
		if d.MediaType != "" && !d.MediaType.IsImage() || isArtifact(types.MediaType(d.ArtifactType)) || one != nil && one.Digest == d.Digest {
			continue
		}
		raw, err := l.manifest(ctx, d)
		if err != nil {
			return nil, err
		}
		if ok, err := isImage(l.name(d.Digest.String()), raw); err != nil {
			return nil, err
		} else if !ok {
			continue
		}
		if one != nil {
			return nil, nil
		}
		one = &d
	}
	if one == nil {
		return nil, &FormatError{l.place, errors.New("it holds no image")}
	}
	img, err := l.image(ctx, *one)
	if err != nil {
		return nil, err
	}
	return newSource(ref, img, one.Platform, o)
}

// chosen opens the image of an index that is for the platform that is wanted.
func chosen(ctx context.Context, s store, ref Ref, index *v1.IndexManifest, o OpenOptions) (*Source, error) {
	want := hostPlatform()
	if o.Platform != nil {
		want = *o.Platform
	}
	found, have, err := choose(ctx, s, index, want)
	if err != nil {
		return nil, err
	}
	if len(found) == 0 {
		return nil, &PlatformError{Place: ref.Place(), Want: want, Asked: o.Platform != nil, Have: have}
	}
	if ref.Kind != Registry {
		if err := oneTop(ref, found); err != nil {
			return nil, err
		}
	}
	img, err := s.image(ctx, found[0].desc)
	if err != nil {
		return nil, err
	}
	o.Platform = &want
	return newSource(ref, img, &found[0].platform, o)
}

// oneTop refuses to choose between images that are not for several platforms
// but just several.
func oneTop(ref Ref, found []match) error {
	var digests []string
	for _, m := range found {
		if m.top != found[0].top {
			digests = append(digests, m.desc.Digest.String())
		}
	}
	if digests == nil {
		return nil
	}
	return &FormatError{ref.bare(), fmt.Errorf("it holds several images for %s; name one behind : or as @DIGEST: %s, %s",
		FormatPlatform(found[0].platform), found[0].desc.Digest, strings.Join(digests, ", "))}
}
