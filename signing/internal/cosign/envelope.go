package cosign

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/sigstore/cosign/v2/pkg/types"
	"github.com/sigstore/sigstore-go/pkg/bundle"
)

// An Envelope is a DSSE envelope taken apart. Its payload is the one that the
// signatures are checked against.
type Envelope struct {
	PayloadType string
	Payload     []byte
	Signatures  [][]byte
}

// StatementType is the payload type of in-toto statements.
const StatementType = types.IntotoPayloadType

// maxSignatures is how many signatures an envelope may have. Signers write one;
// each is checked against the whole payload.
const maxSignatures = 16

// checked refuses an envelope that takes too long to verify.
func (e *Envelope) checked() (*Envelope, error) {
	if len(e.Signatures) > maxSignatures {
		return nil, fmt.Errorf("the envelope has %d signatures, more than %d", len(e.Signatures), maxSignatures)
	}
	return e, nil
}

// encoding is what is signed (DSSE v1, pre-authentication encoding).
func (e *Envelope) encoding() []byte {
	return fmt.Appendf(nil, "DSSEv1 %d %s %d %s", len(e.PayloadType), e.PayloadType, len(e.Payload), e.Payload)
}

// ParseEnvelope reads an envelope as JSON, as the older attestation format
// keeps it.
func ParseEnvelope(raw []byte) (*Envelope, error) {
	var doc struct {
		PayloadType string `json:"payloadType"`
		Payload     []byte `json:"payload"`
		Signatures  []struct {
			Sig []byte `json:"sig"`
		} `json:"signatures"`
	}
	if err := json.Unmarshal(raw, &doc); err != nil {
		return nil, fmt.Errorf("reading the envelope: %w", err)
	}
	out := &Envelope{PayloadType: doc.PayloadType, Payload: doc.Payload}
	for _, s := range doc.Signatures {
		out.Signatures = append(out.Signatures, s.Sig)
	}
	return out.checked()
}

// ErrNoStatement is a bundle that signs a file, not a statement.
var ErrNoStatement = errors.New("the bundle holds no envelope")

// ParseBundle takes the envelope out of a Sigstore bundle of any version.
func ParseBundle(raw []byte) (*Envelope, error) {
	var b bundle.Bundle
	if err := b.UnmarshalJSON(raw); err != nil {
		return nil, fmt.Errorf("reading the bundle: %w", err)
	}
	env := b.GetDsseEnvelope()
	if env == nil {
		return nil, ErrNoStatement
	}
	out := &Envelope{PayloadType: env.GetPayloadType(), Payload: env.GetPayload()}
	for _, s := range env.GetSignatures() {
		out.Signatures = append(out.Signatures, s.GetSig())
	}
	return out.checked()
}
