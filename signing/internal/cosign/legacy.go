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
	BundleMediaType   = "application/vnd.dev.sigstore.bundle.v0.3+json"
	SignPredicate     = types.CosignSignPredicateType
	SimpleSigningType = types.SimpleSigningMediaType
	SignatureArtifact = "application/vnd.dev.cosign.artifact.sig.v1+json" // older signatures as OCI 1.1 referrers
	SignatureSuffix   = "sig"
	AttestSuffix      = "att"
)

// Attach adds a signature or an attestation in the older format to the image,
// at the tag made of the digest. predicate is the type of an attestation.
// Another writer at the same time may undo it.
func Attach(d name.Digest, s *Signed, predicate string, opts []remote.Option) error {
	annotations, err := s.Annotations()
	if err != nil {
		return err
	}
	remotely := ociremote.WithRemoteOptions(opts...)
	entity := ociremote.SignedUnknown(d, remotely)
	if s.Envelope == nil {
		sig, err := static.NewSignature(s.Payload, annotations[SignatureAnnotation], static.WithAnnotations(annotations))
		if err != nil {
			return err
		}
		se, err := mutate.AttachSignatureToEntity(entity, sig)
		if err != nil {
			return err
		}
		return ociremote.WriteSignatures(d.Repository, se, remotely)
	}
	env, err := s.EnvelopeJSON()
	if err != nil {
		return err
	}
	annotations["predicateType"] = predicate
	att, err := static.NewAttestation(env, static.WithLayerMediaType(ggcrtypes.MediaType(types.DssePayloadType)), static.WithAnnotations(annotations))
	if err != nil {
		return err
	}
	se, err := mutate.AttachAttestationToEntity(entity, att)
	if err != nil {
		return err
	}
	return ociremote.WriteAttestations(d.Repository, se, remotely)
}
