package signing

import (
	"context"
	"fmt"

	"github.com/whittle-oci/whittle/signing/internal/cosign"
)

// FetchTrust asks a TUF repository for its trusted_root.json and, where it has
// one, its signing_config.json, and checks that they can be read. mirror is its
// address and root its root.json; "" and nil are the public Sigstore's. cache is
// a directory that keeps what must not go back. Nothing else fetches either.
func FetchTrust(ctx context.Context, mirror string, root []byte, cache string) (trusted, config []byte, err error) {
	trusted, config, err = cosign.FetchTrust(ctx, mirror, root, cache)
	if err != nil {
		return nil, nil, fmt.Errorf("asking the TUF repository %s: %w", orPublic(mirror), err)
	}
	if _, err := ParseTrustedRoot(orPublic(mirror), trusted); err != nil {
		return nil, nil, err
	}
	if config != nil {
		if _, err := ParseServices(orPublic(mirror), config, nil); err != nil {
			return nil, nil, err
		}
	}
	return trusted, config, nil
}

func orPublic(mirror string) string {
	if mirror == "" {
		return "of the public Sigstore"
	}
	return mirror
}
