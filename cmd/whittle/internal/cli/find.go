package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"

	"github.com/whittle-oci/whittle/signing"
)

// imageHelp says what IMAGE may be, for the verbs that open one.
const imageHelp = `IMAGE is a name in a registry or an OCI layout directory, the latter with
@DIGEST or :NAME where it holds several.`

// findImage finds an image in a registry or a layout.
func findImage(ctx context.Context, arg string) (signing.Image, error) {
	if dir, wanted, ok := layoutArgument(arg); ok {
		img, err := signing.OpenLayout(ctx, dir, wanted)
		if err != nil && !isChanged(err) {
			err = usage{err}
		}
		return img, err
	}
	ref, err := name.ParseReference(arg, insecureLoopback(arg)...)
	if err != nil {
		return signing.Image{}, usage{fmt.Errorf("%s is neither an OCI layout nor the name of an image: %w", arg, err)}
	}
	return signing.OpenRegistry(ctx, ref, signing.Remote{})
}

func isChanged(err error) bool {
	_, ok := errors.AsType[*signing.ChangedError](err)
	return ok
}

// layoutArgument takes DIR, DIR@DIGEST and DIR:NAME apart.
func layoutArgument(arg string) (dir, wanted string, ok bool) {
	if signing.IsLayout(arg) {
		return arg, "", true
	}
	for _, sep := range []string{"@", ":"} {
		if dir, wanted, found := strings.Cut(arg, sep); found && signing.IsLayout(dir) {
			return dir, wanted, true
		}
	}
	return "", "", false
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
		img, err := signing.OpenRegistry(ctx, ref, signing.Remote{})
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
		ref, err := name.ParseReference(n, insecureLoopback(n)...)
		if err != nil {
			return nil, usage{fmt.Errorf("--metadata-file %s: %w", file, err)}
		}
		if repo := ref.Context(); !seen[repo.Name()] {
			seen[repo.Name()] = true
			d, err := name.NewDigest(repo.Name()+"@"+m.Digest, insecureLoopback(n)...)
			if err != nil {
				return nil, usage{fmt.Errorf("--metadata-file %s: %w", file, err)}
			}
			out = append(out, d)
		}
	}
	return out, nil
}
