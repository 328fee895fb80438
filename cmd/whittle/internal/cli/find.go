package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"

	"github.com/whittle-oci/whittle/builder/oci"
	"github.com/whittle-oci/whittle/signing"
)

// imageHelp says what IMAGE may be, for the verbs that read what is attached to
// one.
const imageHelp = `IMAGE is NAME[:TAG|@DIGEST] in a registry or oci:DIR[:TAG|@DIGEST], an OCI
layout; ./DIR and /DIR are layouts, too. A name without a prefix is always one
in a registry.`

// findImage finds an image where signatures are kept.
func findImage(ctx context.Context, arg string) (signing.Image, error) {
	ref, err := oci.ParseRef(arg)
	if err != nil {
		return signing.Image{}, hintLocal(arg, err)
	}
	img, err := signing.Open(ctx, ref, oci.Client{})
	if err != nil {
		return signing.Image{}, hintLocal(arg, err)
	}
	return img, nil
}

// hintLocal says how to name what lies here by the name that a registry was
// asked for.
func hintLocal(arg string, err error) error {
	if ref, bad := oci.ParseRef(arg); bad == nil && ref.Kind != oci.Registry {
		return err
	}
	info, missing := os.Stat(arg)
	switch {
	case arg == "" || missing != nil:
		return err
	case info.IsDir():
		return hinted{err, "the directory " + arg + " is meant by oci:" + arg}
	}
	return hinted{err, "the file " + arg + " is meant by ./" + arg}
}

// imagesToSign finds the image of the arguments, or those that a build wrote
// into a metadata file.
func imagesToSign(ctx context.Context, args []string, metadata string) ([]signing.Image, error) {
	switch {
	case metadata != "" && len(args) > 0:
		return nil, usage{errors.New("give an image or --metadata-file, not both")}
	case metadata == "" && len(args) == 0:
		return nil, usage{errors.New("give the image to sign")}
	case metadata == "":
		img, err := findImage(ctx, args[0])
		return []signing.Image{img}, err
	}
	refs, err := fromMetadata(metadata)
	if err != nil {
		return nil, err
	}
	var out []signing.Image
	for _, ref := range refs {
		img, err := signing.OpenRegistry(ctx, ref, oci.Client{})
		if err != nil {
			return nil, err
		}
		out = append(out, img)
	}
	return out, nil
}

// fromMetadata reads the names and the digest of what buildx pushed, one
// reference a repository.
func fromMetadata(file string) ([]name.Reference, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, usage{fmt.Errorf("--metadata-file: %w", err)}
	}
	var m struct {
		Digest string `json:"containerimage.digest"`
		Name   string `json:"image.name"`
	}
	if err := json.Unmarshal(data, &m); err != nil {
		return nil, usage{fmt.Errorf("--metadata-file %s: %w", file, err)}
	}
	if m.Digest == "" || m.Name == "" {
		return nil, usage{fmt.Errorf("--metadata-file %s names no pushed image", file)}
	}
	var out []name.Reference
	seen := map[string]bool{}
	for n := range strings.SplitSeq(m.Name, ",") {
		ref, err := oci.ParseName(n)
		if err != nil {
			return nil, usage{fmt.Errorf("--metadata-file %s: %w", file, err)}
		}
		if repo := ref.Context(); !seen[repo.Name()] {
			seen[repo.Name()] = true
			d, err := oci.ParseDigest(repo.Name() + "@" + m.Digest)
			if err != nil {
				return nil, usage{fmt.Errorf("--metadata-file %s: %w", file, err)}
			}
			out = append(out, d)
		}
	}
	return out, nil
}
