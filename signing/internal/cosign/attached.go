package cosign

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	ggcrtypes "github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/sigstore/cosign/v2/pkg/oci/mutate"
	ociremote "github.com/sigstore/cosign/v2/pkg/oci/remote"
	"github.com/sigstore/cosign/v2/pkg/oci/static"
	"github.com/sigstore/cosign/v2/pkg/types"
	"github.com/sigstore/sigstore-go/pkg/bundle"
)

// What cosign writes on what it attaches.
const (
	BundleMediaType = "application/vnd.dev.sigstore.bundle.v0.3+json"
	SignPredicate   = types.CosignSignPredicateType
	SignatureSuffix = "sig"
	AttestSuffix    = "att"
)

// AttachBundle writes a bundle as a referrer of the digest.
func AttachBundle(d name.Digest, b []byte, predicate string, opts []remote.Option) error {
	return ociremote.WriteAttestationNewBundleFormat(d, b, predicate, ociremote.WithRemoteOptions(opts...))
}

// AttachPayload writes a signature in the older format, at the tag made of the
// digest.
func AttachPayload(d name.Digest, payload []byte, sig string, opts []remote.Option) error {
	s, err := static.NewSignature(payload, sig)
	if err != nil {
		return err
	}
	se, err := ociremote.SignedEntity(d, ociremote.WithRemoteOptions(opts...))
	if err != nil {
		return err
	}
	if se, err = mutate.AttachSignatureToEntity(se, s); err != nil {
		return err
	}
	return ociremote.WriteSignatures(d.Repository, se, ociremote.WithRemoteOptions(opts...))
}

// AttachEnvelope writes an attestation in the older format.
func AttachEnvelope(d name.Digest, env []byte, predicate string, opts []remote.Option) error {
	att, err := static.NewAttestation(env, static.WithLayerMediaType(ggcrtypes.MediaType(types.DssePayloadType)), static.WithAnnotations(map[string]string{"predicateType": predicate}))
	if err != nil {
		return err
	}
	se, err := ociremote.SignedEntity(d, ociremote.WithRemoteOptions(opts...))
	if err != nil {
		return err
	}
	if se, err = mutate.AttachAttestationToEntity(se, att); err != nil {
		return err
	}
	return ociremote.WriteAttestations(d.Repository, se, ociremote.WithRemoteOptions(opts...))
}

// ReadBundle takes the DSSE envelope out of a bundle. Bundles without one sign
// a file, not a statement.
func ReadBundle(raw []byte) (envelope []byte, err error) {
	var b bundle.Bundle
	if err := b.UnmarshalJSON(raw); err != nil {
		return nil, fmt.Errorf("reading the bundle: %w", err)
	}
	env := b.GetDsseEnvelope()
	if env == nil {
		return nil, errors.New("the bundle holds no envelope")
	}
	type sig struct {
		KeyID string `json:"keyid"`
		Sig   string `json:"sig"`
	}
	out := struct {
		PayloadType string `json:"payloadType"`
		Payload     string `json:"payload"`
		Signatures  []sig  `json:"signatures"`
	}{PayloadType: env.GetPayloadType(), Payload: base64.StdEncoding.EncodeToString(env.GetPayload())}
	for _, s := range env.GetSignatures() {
		out.Signatures = append(out.Signatures, sig{s.GetKeyid(), base64.StdEncoding.EncodeToString(s.GetSig())})
	}
	return json.Marshal(out)
}
