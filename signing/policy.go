package signing

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
)

// A Policy says who must have signed an image and what must be attested about
// it. A policy that names no one is refused.
type Policy struct {
	Name         string            // for the answer; may be ""
	Signers      Signers           // who must have signed the image
	Annotations  map[string]string // what the signatures must say
	Attestations []Requirement     // that the image, or every platform of it, must have
	Limits       Limits            // of what is read to decide
	Now          func() time.Time  // default time.Now
}

// Signers are identities, of which a number must have signed.
type Signers struct {
	Of   []Identity
	Need int // 0 is any one
}

// AnyOf is one of several identities.
func AnyOf(of ...Identity) Signers { return Signers{Of: of, Need: 1} }

// A Requirement is an attestation that must be there.
type Requirement struct {
	Type    string        // predicate type, a URI
	Signers Signers       // who must have attested; none for those of the policy
	MaxAge  time.Duration // 0 for any
	Checks  []Check       // what it must say
}

// A Check looks at what an attestation says.
type Check struct {
	Name string // as it is written in a policy: "max-files: 40"
	// Run is given the predicate. found is what it says, for the answer; an
	// error is why that does not do.
	Run func(predicate json.RawMessage) (found string, err error)
}

// A PolicyError is a policy that no image could pass, or that names no one.
type PolicyError struct{ Message string }

// Error says what is wrong with the policy.
func (e *PolicyError) Error() string { return e.Message }

// ExitCode is the code for a wrong call.
func (*PolicyError) ExitCode() int { return 2 }

// errNoOne is a policy without signers.
var errNoOne = &PolicyError{"the policy names no one: give a public key with --key, or an identity with --certificate-identity and --certificate-oidc-issuer"}

// unique leaves out identities that are named again: they are one signer.
func (s Signers) unique() Signers {
	var out []Identity
	seen := map[string]bool{}
	for _, id := range s.Of {
		if !seen[id.String()] {
			seen[id.String()] = true
			out = append(out, id)
		}
	}
	return Signers{out, max(s.Need, 1)}
}

func (s Signers) complete() (Signers, error) {
	s = s.unique()
	if len(s.Of) == 0 {
		return s, errNoOne
	}
	if s.Need > len(s.Of) {
		return s, &PolicyError{fmt.Sprintf("the policy asks for %d signers and names %d: no image could pass", s.Need, len(s.Of))}
	}
	return s, nil
}

func (s Signers) names() string {
	var out []string
	for _, id := range s.Of {
		out = append(out, id.String())
	}
	return strings.Join(out, "; ")
}

// complete checks a policy before anything is asked of a registry.
func (p Policy) complete() (Policy, error) {
	var err error
	if p.Signers, err = p.Signers.complete(); err != nil {
		return p, err
	}
	p.Attestations = slices.Clone(p.Attestations)
	for i, r := range p.Attestations {
		if isSignatureType(r.Type) {
			return p, &SignatureTypeError{r.Type}
		}
		if len(r.Signers.Of) == 0 {
			r.Signers = p.Signers
		}
		if r.Signers, err = r.Signers.complete(); err != nil {
			return p, err
		}
		p.Attestations[i] = r
	}
	if p.Now == nil {
		p.Now = time.Now
	}
	return p, nil
}

// everyone are all identities that the policy names, each once.
func (p Policy) everyone() []Identity {
	all := slices.Clone(p.Signers.Of)
	for _, r := range p.Attestations {
		all = append(all, r.Signers.Of...)
	}
	return Signers{Of: all}.unique().Of
}
