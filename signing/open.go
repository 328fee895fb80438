package signing

import (
	"context"
	"fmt"

	"github.com/whittle-oci/whittle/builder/oci"
)

// Open finds an image or an index where signatures can be kept: in a registry,
// where a tag is resolved once, or in an OCI layout.
func Open(ctx context.Context, ref oci.Ref, c oci.Client) (Image, error) {
	ref, err := ref.Resolve()
	if err != nil {
		return Image{}, err
	}
	switch ref.Kind {
	case oci.Registry:
		return OpenRegistry(ctx, ref.Name, c)
	case oci.Layout:
		return OpenLayout(ctx, ref)
	}
	return Image{}, &oci.FormatError{Place: ref.Place(), Err: fmt.Errorf("signatures and attestations are kept in a registry or in an OCI layout directory, not in a %s: push or unpack it first", ref.Kind)}
}
