package cosign

import (
	"encoding/json"
	"fmt"

	"github.com/sigstore/cosign/v2/pkg/types"
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

// parseEnvelope reads an envelope as JSON, as the older attestation format
// keeps it.
func parseEnvelope(raw []byte) (*Envelope, error) {
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
