package cosign

import (
	"encoding/hex"
	"fmt"
	"time"

	"github.com/sigstore/sigstore-go/pkg/root"
	"github.com/sigstore/sigstore-go/pkg/tlog"
	"github.com/sigstore/sigstore-go/pkg/verify"
)

// A TrustedRoot is whose certificates, log entries and timestamps count.
type TrustedRoot struct {
	root.TrustedMaterial
	name string // a file, for messages
}

// ParseTrustedRoot reads a trusted_root.json (protobuf-specs,
// sigstore_trustroot.proto). name is where it is from, for messages.
func ParseTrustedRoot(name string, raw []byte) (*TrustedRoot, error) {
	r, err := root.NewTrustedRootFromJSON(raw)
	if err != nil {
		return nil, fmt.Errorf("reading the trusted root %s: %w", name, err)
	}
	return &TrustedRoot{r, name}, nil
}

// entries are the log entries of a signature, each verified by itself.
func (r *TrustedRoot) entries(e verify.SignedEntity) []LogEntry { return r.entriesBy(e, r) }

func (r *TrustedRoot) entriesBy(e verify.SignedEntity, material root.TrustedMaterial) []LogEntry {
	list, err := e.TlogEntries()
	if err != nil {
		return nil
	}
	var out []LogEntry
	for _, x := range list {
		if _, err := verify.VerifyTlogEntry(single{e, x}, material, 1, false); err != nil {
			continue
		}
		id := hex.EncodeToString([]byte(x.LogKeyID()))
		name := id
		if log := r.RekorLogs()[id]; log != nil && log.BaseURL != "" {
			name = log.BaseURL
		}
		out = append(out, LogEntry{name, x.LogIndex()})
	}
	return out
}

// single is a signature with one of its log entries.
type single struct {
	verify.SignedEntity
	entry *tlog.Entry
}

// TlogEntries implements verify.SignedEntity.
func (s single) TlogEntries() ([]*tlog.Entry, error) { return []*tlog.Entry{s.entry}, nil }

// A Service is one that a trusted root or a signing configuration names.
type Service struct {
	Kind       string // certificate authority, transparency log, timestamp authority, certificate transparency log, identity provider
	URL        string
	ID         string // fingerprint of the key, where there is one
	Version    uint32 // of its protocol, in a signing configuration
	Start, End time.Time
}

// Services lists what the root trusts.
func (r *TrustedRoot) Services() []Service {
	var out []Service
	for _, c := range r.FulcioCertificateAuthorities() {
		if c, ok := c.(*root.FulcioCertificateAuthority); ok {
			out = append(out, Service{Kind: "certificate authority", URL: c.URI, Start: c.ValidityPeriodStart, End: c.ValidityPeriodEnd})
		}
	}
	for _, kind := range []struct {
		name string
		logs map[string]*root.TransparencyLog
	}{{"transparency log", r.RekorLogs()}, {"certificate transparency log", r.CTLogs()}} {
		for _, id := range sorted(kind.logs) {
			l := kind.logs[id]
			out = append(out, Service{Kind: kind.name, URL: l.BaseURL, ID: id, Start: l.ValidityPeriodStart, End: l.ValidityPeriodEnd})
		}
	}
	for _, t := range r.TimestampingAuthorities() {
		if t, ok := t.(*root.SigstoreTimestampingAuthority); ok {
			out = append(out, Service{Kind: "timestamp authority", URL: t.URI, Start: t.ValidityPeriodStart, End: t.ValidityPeriodEnd})
		}
	}
	return out
}
