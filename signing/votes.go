package signing

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/whittle-oci/whittle/signing/internal/cosign"
)

// A vote is a good statement about a digest, by one of the identities that are
// looked for.
type vote struct {
	by        Identity
	evidence  *Evidence
	format    Format
	place     int
	written   string
	statement *Statement
}

// who tells signers apart, whatever identity they were recognised by.
func (v vote) who() string {
	if v.evidence.Key != "" {
		return v.evidence.Key
	}
	return v.evidence.Subject + " " + v.evidence.Issuer
}

// when is the latest time that is proven, zero where none is.
func (v vote) when() time.Time {
	var out time.Time
	for _, t := range v.evidence.Times {
		if t.Time.After(out) {
			out = t.Time
		}
	}
	return out
}

// compare orders votes by age, the newest last: by times that are proven, where
// both have one, else by when they were attached, as the manifests say, else by
// the order of the list.
func (v vote) compare(o vote) int {
	a, b := v.when(), o.when()
	switch {
	case !a.IsZero() && !b.IsZero() && !a.Equal(b):
		return a.Compare(b)
	case v.written != "" && o.written != "" && v.written != o.written:
		x, errX := time.Parse(time.RFC3339, v.written)
		y, errY := time.Parse(time.RFC3339, o.written)
		if errX == nil && errY == nil && !x.Equal(y) {
			return x.Compare(y)
		}
	}
	return cmp.Compare(v.place, o.place)
}

// A tally is what is attached to a digest of one predicate type, by what it is
// worth.
type tally struct {
	votes     []vote // the newest of each signer and identity
	good      int
	silent    int    // by a known signer about this digest, without the annotations that are wanted
	elsewhere int    // by a known signer, about other digests
	subjects  string // of the first of these
	foreign   int    // by others
	others    []string
	wrong     *NotError // the first that names a known signer and does not count
}

// add keeps the vote where it is the newest of its signer.
func (t *tally) add(v vote) {
	t.good++
	for i, old := range t.votes {
		if old.by == v.by && old.who() == v.who() {
			if v.compare(old) > 0 {
				t.votes[i] = v
			}
			return
		}
	}
	if len(t.votes) < maxVotes {
		t.votes = append(t.votes, v)
	}
}

// maxVotes is how many signers of one type of statement are told apart.
const maxVotes = 256

// newest is the vote that was cast last by one of the signers.
func (t *tally) newest(s Signers) (vote, bool) {
	var out vote
	found := false
	for _, v := range t.votes {
		if slices.Contains(s.Of, v.by) && (!found || v.compare(out) > 0) {
			out, found = v, true
		}
	}
	return out, found
}

// enough chooses from votes one for each of as many identities as are needed,
// each by another signer: one signer does not count twice, even where two
// identities match it. It returns as many as it finds.
func enough(votes []vote, s Signers) []vote {
	chosen := map[string]vote{} // by signer
	var give func(id Identity, tried map[string]bool) bool
	give = func(id Identity, tried map[string]bool) bool {
		for _, v := range votes {
			if v.by != id || tried[v.who()] {
				continue
			}
			tried[v.who()] = true
			taken, ok := chosen[v.who()]
			if !ok || give(taken.by, tried) {
				chosen[v.who()] = v
				return true
			}
		}
		return false
	}
	for _, id := range s.Of {
		if len(chosen) < s.Need {
			give(id, map[string]bool{})
		}
	}
	var out []vote
	for _, who := range sortedKeys(chosen) {
		out = append(out, chosen[who])
	}
	return out
}

// recognised finds the identities that signed an attachment. Where none did, it
// gives the best reason: one that names a known signer is better than none.
func recognised(s *Signed, all []Identity) (by []Identity, evidence []*Evidence, reason *NotError) {
	for _, id := range all {
		ev, err := id.Verify(s)
		if err == nil {
			by, evidence = append(by, id), append(evidence, ev)
			continue
		}
		if no, ok := errors.AsType[*NotError](err); ok && (reason == nil || reason.Problem == cosign.OtherSigner) {
			reason = no
		}
	}
	return by, evidence, reason
}

// maxOthers is how many strangers a message names.
const maxOthers = 3

func (t *tally) stranger(no *NotError) {
	t.foreign++
	if no == nil {
		return
	}
	if no.Problem != cosign.OtherSigner && t.wrong == nil {
		t.wrong = no
	}
	if no.Who != "" && len(t.others) < maxOthers && !slices.Contains(t.others, no.Who) {
		t.others = append(t.others, no.Who)
	}
}

// missed says why what strangers signed does not count. what is "signature" or
// "attestation", and what it is of.
func (t *tally) missed(ref, what string, s Signers) *VerifyError {
	if t.wrong != nil {
		return &VerifyError{ref, reasons[t.wrong.Problem], fmt.Sprintf("the %s by %s does not count: %v", what, t.wrong.Who, t.wrong.Err)}
	}
	named, why := "the given key", WrongKey
	for _, id := range s.Of {
		if id, ok := id.(*cosign.Identity); ok && !id.IsKey() {
			named, why = s.names(), WrongIdentity
		}
	}
	detail := fmt.Sprintf("%d %s, none by %s", t.foreign, what, named)
	if len(t.others) > 0 {
		detail += "; by " + strings.Join(t.others, ", ")
	}
	return &VerifyError{ref, why, detail}
}

// reasons are the reasons for sigstore's problems.
var reasons = map[cosign.Problem]Why{
	cosign.OtherIssuer:    WrongIssuer,
	cosign.BadLog:         WrongLog,
	cosign.BadTimestamp:   WrongTime,
	cosign.BadCertificate: WrongCertificate,
	cosign.BadCT:          WrongCT,
	cosign.BadSignature:   WrongSignature,
}
