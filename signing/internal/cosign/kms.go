package cosign

import (
	"context"
	"crypto"
	"fmt"
	"strings"

	"github.com/sigstore/sigstore/pkg/signature"
	"github.com/sigstore/sigstore/pkg/signature/kms"
)

// IsKMS reports whether a text names a key in a key management service:
// NAME://KEY.
func IsKMS(s string) bool {
	name, key, ok := strings.Cut(s, "://")
	return ok && name != "" && key != "" && name != "env" && name != "file" && strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789-") == ""
}

// OpenKMS is a key in a key management service: Vault's, or one that the
// program sigstore-kms-NAME on PATH serves.
func OpenKMS(ctx context.Context, ref string) (*Signer, error) {
	var sv signature.SignerVerifier
	var err error
	if strings.HasPrefix(ref, vaultScheme) {
		sv, err = openVault(ctx, ref)
	} else {
		sv, err = kms.Get(ctx, ref, crypto.SHA256)
	}
	var s *Signer
	if err == nil {
		s, err = newSigner(sv)
	}
	if err != nil {
		return nil, fmt.Errorf("the key %s: %w", ref, err)
	}
	return s, nil
}
