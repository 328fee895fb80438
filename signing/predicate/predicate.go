// Package predicate holds what attestations say to what a policy asks of them.
// A predicate that cannot be read, or that does not say, never passes.
package predicate

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// The predicate types that checks are for. SPDX, SLSA and others may be
// attested as well; nothing is asked of what they say.
const (
	Contents = "https://whittle-oci.github.io/contents/v1"
	Lint     = "https://whittle-oci.github.io/lint/v1"
	SLSA1    = "https://slsa.dev/provenance/v1"
	SLSA02   = "https://slsa.dev/provenance/v0.2"
	Vuln     = "https://cosign.sigstore.dev/attestation/vuln/v1"
)

// A Test looks at a predicate: what it found, or why that does not do.
type Test func(predicate json.RawMessage) (found string, err error)

// errUnreadable is a predicate of another form than its type has.
var errUnreadable = errors.New("it is not of the form that its type has")

// contents is what is read of a contents predicate (docs/contents.md).
type contents struct {
	Version int `json:"version"`
	After   *struct {
		Files   *int64  `json:"files"`
		User    *string `json:"user"`
		Shell   string  `json:"shell"` // a path, none where there is no shell
		Unknown string  `json:"unknown"`
	} `json:"after"`
}

// contentsVersion is the newest version of the contents predicate that is
// known.
const contentsVersion = 2

func readContents(raw json.RawMessage) (*contents, error) {
	var c contents
	if err := json.Unmarshal(raw, &c); err != nil || c.After == nil {
		return nil, errUnreadable
	}
	if c.Version > contentsVersion {
		return nil, fmt.Errorf("it has version %d, and version %d is the newest that is known here", c.Version, contentsVersion)
	}
	return &c, nil
}

// MaxFiles allows so many files in the image.
func MaxFiles(most int64) Test {
	return func(raw json.RawMessage) (string, error) {
		c, err := readContents(raw)
		switch {
		case err != nil:
			return "", err
		case c.After.Files == nil || c.After.Unknown != "":
			return "", fmt.Errorf("it does not say how many files there are: %s", orElse(c.After.Unknown, "the number is missing"))
		case *c.After.Files > most:
			return "", fmt.Errorf("the image has %d files", *c.After.Files)
		}
		return fmt.Sprintf("%d files", *c.After.Files), nil
	}
}

// NoShell allows no shell in the image.
func NoShell() Test {
	return func(raw json.RawMessage) (string, error) {
		c, err := readContents(raw)
		switch {
		case err != nil:
			return "", err
		case c.After.Shell != "":
			return "", fmt.Errorf("the image has the shell %s", c.After.Shell)
		case c.After.User == nil: // a report of another kind
			return "", errUnreadable
		}
		return "no shell", nil
	}
}

// UserNotRoot wants a user other than root.
func UserNotRoot() Test {
	return func(raw json.RawMessage) (string, error) {
		c, err := readContents(raw)
		switch {
		case err != nil:
			return "", err
		case c.After.User == nil:
			return "", errors.New("it does not say which user the image has")
		}
		name, _, _ := strings.Cut(strings.TrimSpace(*c.After.User), ":")
		if n, err := strconv.ParseInt(name, 10, 64); name == "" || name == "root" || err == nil && n == 0 {
			return "", fmt.Errorf("the image's user is %q", *c.After.User)
		}
		return "user " + *c.After.User, nil
	}
}

// NoLintErrors allows no finding of the severity error.
func NoLintErrors() Test {
	return func(raw json.RawMessage) (string, error) {
		var doc struct {
			Findings *[]struct {
				Rule, Severity, File string
				Line                 int
			} `json:"findings"`
		}
		if err := json.Unmarshal(raw, &doc); err != nil || doc.Findings == nil {
			return "", errUnreadable
		}
		for _, f := range *doc.Findings {
			if f.Severity == "error" {
				return "", fmt.Errorf("%s:%d: %s is an error", f.File, f.Line, f.Rule)
			}
			if !slices.Contains([]string{"warning", "info", "style"}, f.Severity) {
				return "", fmt.Errorf("a finding has the severity %q", f.Severity)
			}
		}
		return fmt.Sprintf("%d findings, none an error", len(*doc.Findings)), nil
	}
}

// A Match is a text that must be equal, or an anchored expression.
type Match struct {
	Text   string
	Regexp *regexp.Regexp
}

// ok compares. A source has a reference behind # that the policy need not name.
func (m Match) ok(s string) bool {
	if m.Regexp != nil {
		return m.Regexp.MatchString(s)
	}
	if bare, _, _ := strings.Cut(s, "#"); !strings.Contains(m.Text, "#") {
		s = bare
	}
	return s == m.Text
}

// provenance is what is read of SLSA provenance, version 0.2 and 1, as BuildKit,
// GitHub and others fill it.
type provenance struct {
	Builder    struct{ ID string } `json:"builder"` // 0.2
	Invocation struct {
		ConfigSource struct{ URI string } `json:"configSource"`
	} `json:"invocation"`
	RunDetails struct { // 1
		Builder struct{ ID string } `json:"builder"`
	} `json:"runDetails"`
	BuildDefinition struct {
		ExternalParameters struct {
			ConfigSource struct{ URI string }        `json:"configSource"` // BuildKit
			Workflow     struct{ Repository string } `json:"workflow"`     // GitHub
		} `json:"externalParameters"`
	} `json:"buildDefinition"`
}

func provenanceSays(want Match, what string, get func(provenance) string) Test {
	return func(raw json.RawMessage) (string, error) {
		var p provenance
		if err := json.Unmarshal(raw, &p); err != nil {
			return "", errUnreadable
		}
		got := get(p)
		switch {
		case got == "":
			return "", fmt.Errorf("it names no %s", what)
		case !want.ok(got):
			return "", fmt.Errorf("the %s is %s", what, got)
		}
		return got, nil
	}
}

// BuilderID wants a builder of SLSA provenance.
func BuilderID(want Match) Test {
	return provenanceSays(want, "builder", func(p provenance) string { return orElse(p.RunDetails.Builder.ID, p.Builder.ID) })
}

// SourceURI wants a source of SLSA provenance: where the build's configuration
// is from.
func SourceURI(want Match) Test {
	return provenanceSays(want, "source", func(p provenance) string {
		x := p.BuildDefinition.ExternalParameters
		return orElse(orElse(x.ConfigSource.URI, x.Workflow.Repository), p.Invocation.ConfigSource.URI)
	})
}

// Severities are those of vulnerabilities, the least first.
func Severities() []string { return []string{"none", "low", "medium", "high", "critical"} }

// MaxSeverity allows no vulnerability above a severity. It reads what Trivy and
// Grype write, in the predicate of cosign's vuln attestations.
func MaxSeverity(most string) Test {
	return func(raw json.RawMessage) (string, error) {
		type named struct {
			Severity        string
			VulnerabilityID string
			ID              string `json:"id"`
		}
		var doc struct {
			Scanner struct {
				Result *struct {
					Results *[]struct{ Vulnerabilities []named }
					Matches *[]struct{ Vulnerability named }
				} `json:"result"`
			} `json:"scanner"`
		}
		if err := json.Unmarshal(raw, &doc); err != nil || doc.Scanner.Result == nil {
			return "", errUnreadable
		}
		var all []named
		switch r := doc.Scanner.Result; {
		case r.Results != nil:
			for _, x := range *r.Results {
				all = append(all, x.Vulnerabilities...)
			}
		case r.Matches != nil:
			for _, x := range *r.Matches {
				all = append(all, x.Vulnerability)
			}
		default:
			return "", errors.New("the scanner's result is neither Trivy's nor Grype's")
		}
		limit := slices.Index(Severities(), most)
		for _, v := range all {
			severity := strings.ToLower(v.Severity)
			if severity == "negligible" {
				severity = "low"
			}
			// One that is not known may be anything.
			if n := slices.Index(Severities(), severity); n < 0 || n > limit {
				return "", fmt.Errorf("%s is %s", orElse(v.VulnerabilityID, orElse(v.ID, "a vulnerability")), orElse(severity, "of unknown severity"))
			}
		}
		return fmt.Sprintf("%d vulnerabilities, none above %s", len(all), most), nil
	}
}

func orElse(a, b string) string {
	if a != "" {
		return a
	}
	return b
}
