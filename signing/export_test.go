package signing

import (
	"context"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/whittle-oci/whittle/signing/internal/cosign"
)

// IsSignatureType is isSignatureType.
var IsSignatureType = isSignatureType

// ParseAttached reads what is attached to an image, as a survey does.
func ParseAttached(bundle, envelope, payload []byte) {
	for _, err := range []error{
		func() error { _, err := parseBundle(bundle, nil); return err }(),
		func() error { _, err := parseEnvelope(envelope, nil); return err }(),
		func() error { _, err := parsePayload(payload, nil); return err }(),
	} {
		_ = err
	}
}

// SignRaw signs any statement as a bundle about an image, as a careless signer
// would, and attaches it.
func SignRaw(ctx context.Context, img Image, k *Key, statement []byte, format Format) error {
	_, desc, err := img.at.manifest(ctx, img.digest)
	if err != nil {
		return err
	}
	signed, err := k.Statement(ctx, statement)
	if err != nil {
		return err
	}
	if format == Legacy {
		return img.at.(*repository).attachLegacy(ctx, img.digest, cosign.AttestSuffix, signed, "x")
	}
	b, err := signed.JSON()
	if err != nil {
		return err
	}
	return AttachRaw(ctx, img, desc, b)
}

// AttachRaw attaches bytes as a bundle.
func AttachRaw(ctx context.Context, img Image, subject v1.Descriptor, bundle []byte) error {
	m, err := bundleReferrer(subject, bundle, "x", time.Unix(0, 0).UTC().Format(time.RFC3339))
	if err != nil {
		return err
	}
	return img.at.attach(ctx, v1.Descriptor{MediaType: types.OCIImageIndex, Digest: subject.Digest, Size: subject.Size}, [][]byte{emptyConfig, bundle}, m)
}

// SignPayload signs a payload of the older format and attaches it.
func SignPayload(ctx context.Context, img Image, k *Key, payload []byte) error {
	sig, err := k.Message(ctx, payload)
	if err != nil {
		return err
	}
	return img.at.(*repository).attachLegacy(ctx, img.digest, cosign.SignatureSuffix, sig, "")
}
