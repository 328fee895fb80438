package cosign

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"

	cosignbundle "github.com/sigstore/cosign/v2/pkg/cosign/bundle"
	"github.com/sigstore/cosign/v2/pkg/oci/static"
	protobundle "github.com/sigstore/protobuf-specs/gen/pb-go/bundle/v1"
	protocommon "github.com/sigstore/protobuf-specs/gen/pb-go/common/v1"
	protodsse "github.com/sigstore/protobuf-specs/gen/pb-go/dsse"
	protorekor "github.com/sigstore/protobuf-specs/gen/pb-go/rekor/v1"
	"github.com/sigstore/sigstore-go/pkg/bundle"
	"github.com/sigstore/sigstore-go/pkg/fulcio/certificate"
	"google.golang.org/protobuf/encoding/protojson"
)

// What the older format writes beside a signature, as annotations of its layer.
const (
	SignatureAnnotation   = static.SignatureAnnotationKey
	CertificateAnnotation = static.CertificateAnnotationKey
	ChainAnnotation       = static.ChainAnnotationKey
	LogAnnotation         = static.BundleAnnotationKey
	TimestampAnnotation   = static.RFC3161TimestampAnnotationKey
)

// LegacyAnnotations are those that a signature of the older format is read
// with.
var LegacyAnnotations = []string{SignatureAnnotation, CertificateAnnotation, ChainAnnotation, LogAnnotation, TimestampAnnotation}

// A Signed is what was signed, with everything that came with the signature:
// certificate, log entries, timestamps. It is what was read, and proves
// nothing until an Identity has verified it.
type Signed struct {
	Envelope *Envelope // nil for a payload that was signed as it is
	Payload  []byte    // the statement, or the payload

	sigs    [][]byte
	bundle  *bundle.Bundle    // of a bundle
	older   map[string]string // of the older format: its annotations
	problem error             // what is wrong with older, found when it is asked for
}

// message is what the signatures are over.
func (s *Signed) message() []byte {
	if s.Envelope != nil {
		return s.Envelope.encoding()
	}
	return s.Payload
}

// ErrNoStatement is a bundle that signs a file, not a statement.
var ErrNoStatement = errors.New("the bundle holds no envelope")

// ParseBundle reads a Sigstore bundle of any version that holds an envelope.
func ParseBundle(raw []byte) (*Signed, error) {
	var b bundle.Bundle
	if err := b.UnmarshalJSON(raw); err != nil {
		return nil, fmt.Errorf("reading the bundle: %w", err)
	}
	env := b.GetDsseEnvelope()
	if env == nil {
		return nil, ErrNoStatement
	}
	e := &Envelope{PayloadType: env.GetPayloadType(), Payload: env.GetPayload()}
	for _, s := range env.GetSignatures() {
		e.Signatures = append(e.Signatures, s.GetSig())
	}
	e, err := e.checked()
	if err != nil {
		return nil, err
	}
	return &Signed{Envelope: e, Payload: e.Payload, sigs: e.Signatures, bundle: &b}, nil
}

// ParseEnvelope reads an attestation of the older format: an envelope as JSON,
// and the annotations of its layer.
func ParseEnvelope(raw []byte, annotations map[string]string) (*Signed, error) {
	e, err := parseEnvelope(raw)
	if err != nil {
		return nil, err
	}
	return &Signed{Envelope: e, Payload: e.Payload, sigs: e.Signatures, older: annotations}, nil
}

// ParsePayload reads a signature of the older format: the payload, and the
// annotations of its layer, the signature among them.
func ParsePayload(payload []byte, annotations map[string]string) *Signed {
	s := &Signed{Payload: payload, older: annotations}
	sig, err := base64.StdEncoding.DecodeString(annotations[SignatureAnnotation])
	if err != nil {
		s.problem = fmt.Errorf("the signature is not base64: %w", err)
		return s
	}
	s.sigs = [][]byte{sig}
	return s
}

// entity is everything as one bundle, which is what sigstore-go verifies.
func (s *Signed) entity() (*bundle.Bundle, error) {
	if s.problem != nil {
		return nil, s.problem
	}
	if s.bundle != nil {
		return s.bundle, nil
	}
	b, err := s.fromAnnotations()
	if err != nil {
		s.problem = err
		return nil, err
	}
	s.bundle = b
	return b, nil
}

// fromAnnotations makes a bundle of a signature of the older format. Its log
// entry has a promise and no proof, as in bundles of version 0.1.
func (s *Signed) fromAnnotations() (*bundle.Bundle, error) {
	material := &protobundle.VerificationMaterial{Content: &protobundle.VerificationMaterial_PublicKey{PublicKey: &protocommon.PublicKeyIdentifier{}}}
	if text := s.older[CertificateAnnotation]; text != "" {
		block, _ := pem.Decode([]byte(text))
		if block == nil {
			return nil, errors.New("the certificate beside the signature is not PEM")
		}
		material.Content = &protobundle.VerificationMaterial_X509CertificateChain{X509CertificateChain: &protocommon.X509CertificateChain{
			Certificates: []*protocommon.X509Certificate{{RawBytes: block.Bytes}},
		}}
	}
	if text := s.older[LogAnnotation]; text != "" {
		entry, err := legacyEntry(text)
		if err != nil {
			return nil, fmt.Errorf("the log entry beside the signature: %w", err)
		}
		material.TlogEntries = []*protorekor.TransparencyLogEntry{entry}
	}
	if text := s.older[TimestampAnnotation]; text != "" {
		var t cosignbundle.RFC3161Timestamp
		if err := json.Unmarshal([]byte(text), &t); err != nil {
			return nil, fmt.Errorf("the timestamp beside the signature: %w", err)
		}
		material.TimestampVerificationData = &protobundle.TimestampVerificationData{Rfc3161Timestamps: []*protocommon.RFC3161SignedTimestamp{{SignedTimestamp: t.SignedRFC3161Timestamp}}}
	}
	pb := &protobundle.Bundle{MediaType: "application/vnd.dev.sigstore.bundle+json;version=0.1", VerificationMaterial: material}
	if s.Envelope != nil {
		env := &protodsse.Envelope{PayloadType: s.Envelope.PayloadType, Payload: s.Envelope.Payload}
		for _, sig := range s.sigs {
			env.Signatures = append(env.Signatures, &protodsse.Signature{Sig: sig})
		}
		pb.Content = &protobundle.Bundle_DsseEnvelope{DsseEnvelope: env}
	} else {
		sum := sha256.Sum256(s.Payload)
		pb.Content = &protobundle.Bundle_MessageSignature{MessageSignature: &protocommon.MessageSignature{
			MessageDigest: &protocommon.HashOutput{Algorithm: protocommon.HashAlgorithm_SHA2_256, Digest: sum[:]}, Signature: s.sigs[0],
		}}
	}
	return bundle.NewBundle(pb)
}

// legacyEntry reads a log entry as cosign keeps it beside a signature.
func legacyEntry(text string) (*protorekor.TransparencyLogEntry, error) {
	var b cosignbundle.RekorBundle
	if err := json.Unmarshal([]byte(text), &b); err != nil {
		return nil, err
	}
	body, ok := b.Payload.Body.(string)
	if !ok {
		return nil, errors.New("it has no body")
	}
	raw, err := base64.StdEncoding.DecodeString(body)
	if err != nil {
		return nil, err
	}
	id, err := hex.DecodeString(b.Payload.LogID)
	if err != nil {
		return nil, err
	}
	var kind struct {
		Kind       string `json:"kind"`
		APIVersion string `json:"apiVersion"`
	}
	if err := json.Unmarshal(raw, &kind); err != nil {
		return nil, err
	}
	return &protorekor.TransparencyLogEntry{
		LogIndex: b.Payload.LogIndex, LogId: &protocommon.LogId{KeyId: id}, KindVersion: &protorekor.KindVersion{Kind: kind.Kind, Version: kind.APIVersion},
		IntegratedTime: b.Payload.IntegratedTime, InclusionPromise: &protorekor.InclusionPromise{SignedEntryTimestamp: b.SignedEntryTimestamp}, CanonicalizedBody: raw,
	}, nil
}

// JSON is the signature as a bundle, version 0.3.
func (s *Signed) JSON() ([]byte, error) {
	b, err := s.entity()
	if err != nil {
		return nil, err
	}
	return protojson.Marshal(b.Bundle)
}

// EnvelopeJSON is the envelope as the older format keeps it: the same bytes whose
// hash a log of version 1 has, as verifiers of the older format compare them.
func (s *Signed) EnvelopeJSON() ([]byte, error) {
	if s.Envelope == nil {
		return nil, errors.New("a payload has no envelope")
	}
	b, err := s.entity()
	if err != nil {
		return nil, err
	}
	return json.Marshal(b.GetDsseEnvelope())
}

// Annotations is what the older format keeps beside the signature. A log entry
// without a promise, as version 2 of the log gives them, cannot be kept there.
func (s *Signed) Annotations() (map[string]string, error) {
	out := map[string]string{}
	if s.Envelope == nil {
		out[SignatureAnnotation] = base64.StdEncoding.EncodeToString(s.sigs[0])
	}
	b, err := s.entity()
	if err != nil {
		return nil, err
	}
	m := b.GetVerificationMaterial()
	if c := m.GetCertificate(); c != nil {
		out[CertificateAnnotation] = string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.GetRawBytes()}))
	}
	for _, e := range m.GetTlogEntries() {
		if e.GetInclusionPromise() == nil {
			return nil, errors.New("the older format cannot keep entries of this transparency log (version 2): use --format bundle, or a log of version 1")
		}
		text, err := json.Marshal(cosignbundle.RekorBundle{
			SignedEntryTimestamp: e.GetInclusionPromise().GetSignedEntryTimestamp(),
			Payload: cosignbundle.RekorPayload{
				Body: base64.StdEncoding.EncodeToString(e.GetCanonicalizedBody()), IntegratedTime: e.GetIntegratedTime(),
				LogIndex: e.GetLogIndex(), LogID: hex.EncodeToString(e.GetLogId().GetKeyId()),
			},
		})
		if err != nil {
			return nil, err
		}
		out[LogAnnotation] = string(text)
	}
	for _, t := range m.GetTimestampVerificationData().GetRfc3161Timestamps() {
		text, err := json.Marshal(cosignbundle.RFC3161Timestamp{SignedRFC3161Timestamp: t.GetSignedTimestamp()})
		if err != nil {
			return nil, err
		}
		out[TimestampAnnotation] = string(text)
	}
	return out, nil
}

// certificate is the one that came with the signature, nil where a key signed.
func (s *Signed) certificate() (*x509.Certificate, error) {
	b, err := s.entity()
	if err != nil {
		return nil, err
	}
	c, err := b.VerificationContent()
	if err != nil {
		return nil, err
	}
	return c.Certificate(), nil
}

// Says is who signed it as far as it says itself: the name in the certificate
// and its issuer, or the key's fingerprint. Nothing of it is verified.
func (s *Signed) Says() (subject, issuer, key string) {
	b, err := s.entity()
	if err != nil {
		return "", "", ""
	}
	c, err := b.VerificationContent()
	if err != nil {
		return "", "", ""
	}
	if cert := c.Certificate(); cert != nil {
		if sum, err := certificate.SummarizeCertificate(cert); err == nil {
			return sum.SubjectAlternativeName, sum.Issuer, ""
		}
		return "", "", ""
	}
	if k := c.PublicKey(); k != nil {
		if raw, err := base64.StdEncoding.DecodeString(k.Hint()); err == nil && len(raw) == sha256.Size {
			return "", "", "sha256:" + hex.EncodeToString(raw)
		}
	}
	return "", "", ""
}
