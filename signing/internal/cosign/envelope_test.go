package cosign

import (
	"strings"
	"testing"
)

// TestManySignatures has more signatures than anyone would check, each against
// the whole payload.
func TestManySignatures(t *testing.T) {
	for n, good := range map[int]bool{0: true, 1: true, 16: true, 17: false, 100_000: false} {
		env := `{"payloadType":"application/vnd.in-toto+json","payload":"e30=","signatures":[` + strings.TrimSuffix(strings.Repeat(`{"sig":"AA=="},`, n), ",") + `]}`
		got, err := parseEnvelope([]byte(env))
		if (err == nil) != good || good && len(got.Signatures) != n {
			t.Errorf("%d signatures: %v", n, err)
		}
		bundle := `{"mediaType":"application/vnd.dev.sigstore.bundle.v0.3+json","verificationMaterial":{"publicKey":{"hint":"x"}},"dsseEnvelope":` + env + `}`
		if _, err := ParseBundle([]byte(bundle)); err == nil && !good {
			t.Errorf("a bundle with %d signatures is taken", n)
		}
	}
}
