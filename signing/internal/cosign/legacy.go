package cosign

import (
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	ggcrtypes "github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/sigstore/cosign/v2/pkg/oci/mutate"
	ociremote "github.com/sigstore/cosign/v2/pkg/oci/remote"
	"github.com/sigstore/cosign/v2/pkg/oci/static"
	"github.com/sigstore/cosign/v2/pkg/types"
)

// What cosign writes on what it attaches.
const (
	BundleMediaType     = "application/vnd.dev.sigstore.bundle.v0.3+json"
	SignPredicate       = types.CosignSignPredicateType
	SimpleSigningType   = types.SimpleSigningMediaType
	SignatureArtifact   = "application/vnd.dev.cosign.artifact.sig.v1+json" // older signatures as OCI 1.1 referrers
	SignatureAnnotation = static.SignatureAnnotationKey
	SignatureSuffix     = "sig"
	AttestSuffix        = "att"
)

// AttachPayload adds a signature in the older format to the image at the tag
// made of the digest. Another writer at the same time may undo it.
func AttachPayload(d name.Digest, payload []byte, sig string, opts []remote.Option) error {
	s, err := static.NewSignature(payload, sig)
	if err != nil {
		return err
	}
	se, err := mutate.AttachSignatureToEntity(ociremote.SignedUnknown(d, ociremote.WithRemoteOptions(opts...)), s)
	if err != nil {
		return err
	}
	return ociremote.WriteSignatures(d.Repository, se, ociremote.WithRemoteOptions(opts...))
}

// AttachEnvelope adds an attestation in the older format, as AttachPayload
// does with signatures.
func AttachEnvelope(d name.Digest, env []byte, predicate string, opts []remote.Option) error {
	att, err := static.NewAttestation(env, static.WithLayerMediaType(ggcrtypes.MediaType(types.DssePayloadType)), static.WithAnnotations(map[string]string{"predicateType": predicate}))
	if err != nil {
		return err
	}
	se, err := mutate.AttachAttestationToEntity(ociremote.SignedUnknown(d, ociremote.WithRemoteOptions(opts...)), att)
	if err != nil {
		return err
	}
	return ociremote.WriteAttestations(d.Repository, se, ociremote.WithRemoteOptions(opts...))
}
