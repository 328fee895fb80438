// Package rule defines what a lint rule is. It holds no rules: those are in
// package rules, and this package must not import it.
package rule

import (
	"slices"
	"strings"

	"github.com/whittle-oci/whittle/lint/dockerfile"
	"github.com/whittle-oci/whittle/lint/source"
)

// A Rule checks one Dockerfile.
type Rule struct {
	Meta
	Check func(*Pass)
}

// Meta is everything people are told about a rule. The documentation page,
// the explain command and the SARIF output are all made from it, and Bad and
// Good are run as tests.
type Meta struct {
	Name     string   // kebab case: the identity of the rule
	Aliases  []string // what other tools call it: DL3002, DS-0002, MaintainerDeprecated
	Family   Family
	Summary  string // one line without a full stop
	Why      string // Markdown paragraphs
	Bad      string // a Dockerfile this rule reports
	Good     string // a Dockerfile it does not
	Severity Severity
	Fixable  Fixable
	// URL is the page of a rule that another program has; "" for the one in
	// lint/docs.
	URL string
	// Since is the version that had the rule first, "" for the first of all.
	Since string
	// Settings and Context are those that Bad and Good are read with.
	Settings Settings
	Context  Context
	// Yields names rules that say what a finding of this one says, and more,
	// where both are about the same place, or say that they are about the same.
	Yields []string
	// Presets name the sets that the rule is in beside "strict", which has
	// all of them: "recommended", "hadolint".
	Presets []string
}

// Is reports whether name is the rule's name or one of its aliases. BuildKit's
// names may have its own before them, as in buildkit/StageNameCasing, and those
// of KICS may be cut to their first eight digits.
func (m *Meta) Is(name string) bool {
	name = strings.TrimPrefix(name, "buildkit/")
	if m.Name == name || slices.Contains(m.Aliases, name) {
		return true
	}
	return len(name) == 8 && strings.Trim(name, "0123456789abcdef") == "" &&
		slices.ContainsFunc(m.Aliases, func(a string) bool { return strings.HasPrefix(a, name+"-") })
}

// In reports whether the rule is in a preset.
func (m *Meta) In(preset string) bool {
	return preset == "strict" || slices.Contains(m.Presets, preset)
}

// A Family groups rules for readers.
type Family string

// The families.
const (
	Root    Family = "root users"
	Secrets Family = "secrets"
	Fat     Family = "fat bases"
	Pins    Family = "missing pins"
	Hygiene Family = "hygiene"
	Own     Family = "custom rules" // of a configuration file
)

// Families lists the families in the order of how much they matter.
func Families() []Family { return []Family{Root, Secrets, Pins, Fat, Hygiene} }

// Severity orders findings by how much they matter.
type Severity int

// The severities, from least to most serious.
const (
	Style Severity = iota
	Info
	Warning
	Error
)

var severities = [...]string{"style", "info", "warning", "error"}

func (s Severity) String() string { return severities[s] }

// ParseSeverity reads a severity's name.
func ParseSeverity(s string) (Severity, bool) {
	i := slices.Index(severities[:], s)
	return Severity(i), i >= 0
}

// Fixable says how often a rule's findings carry a fix.
type Fixable int

// The kinds of Fixable. Tests hold a rule to the one it declares.
const (
	Never Fixable = iota
	Sometimes
	Always
)

func (f Fixable) String() string { return [...]string{"never", "sometimes", "always"}[f] }

// A Finding is one report of a rule.
type Finding struct {
	Span    source.Span
	Message string
	Fix     *Fix // nil when there is none
	// Minor marks a finding that matters less than most of its rule: it counts
	// as one severity below, unless the configuration gives the rule one.
	Minor bool
	// About names what a finding is about where that is more than its place. A
	// rule that yields leaves out what another one says of the same.
	About string
	// Refusal marks a finding that says why BuildKit does not take the
	// instruction. It stands in place of the parser's own words.
	Refusal bool
}

// A Fix is a set of edits that are applied together or not at all.
type Fix struct {
	Title  string
	Safety Safety
	Edits  []source.Edit
}

// Safety says who must agree before a fix is applied.
type Safety int

// The safety levels.
const (
	// Safe fixes build the same image.
	Safe Safety = iota
	// Unsafe fixes may build a different image and need --unsafe.
	Unsafe
	// Suggestion fixes are shown and never applied by a command.
	Suggestion
)

func (s Safety) String() string { return [...]string{"safe", "unsafe", "suggestion"}[s] }

// A Pass is one run of one rule over one file.
type Pass struct {
	File *dockerfile.File
	// Settings are what an organisation says of its images.
	Settings Settings
	// Context is the build context, nil when it is not known.
	Context Context
	// Images knows what a registry says, nil when none may be asked.
	Images Images
	// Downloads gets what URLs give, nil when nothing may be downloaded.
	Downloads Downloads
	findings  []Finding
}

// Settings are what some rules measure a Dockerfile by. The zero value asks
// for nothing.
type Settings struct {
	// TrustedRegistries are the registries that images may come from, with *
	// at either end for any text; empty allows all.
	TrustedRegistries []string
	// Labels are the labels that an image should have, with the type of each:
	// text, url, rfc3339, semver, spdx, hash or email.
	Labels map[string]string
	// StrictLabels allows no other labels.
	StrictLabels bool
}

// A Context is the files that a build may copy, after the ignore file.
type Context interface {
	// Files lists slash-separated paths in order. Where listing everything is
	// dear, only those with names that secrets are kept under may be there.
	Files() []string
	// Ignored reports whether COPY finds nothing under a path because the
	// ignore file leaves it out. It is false where that cannot be told.
	Ignored(path string) bool
	// Holds reports whether the content of a file shows the credential that a
	// name speaks of, its own or that of the copy. known is false where it cannot
	// be read.
	Holds(path, name string) (holds, known bool)
}

// Images asks registries about images.
type Images interface {
	// Image tells about the image that a reference means. ok is false where
	// nobody could say.
	Image(ref string) (i Image, ok bool)
}

// Downloads gets what URLs give.
type Downloads interface {
	// Checksum is that of what an https URL gives now, sha256:…. ok is false
	// where it gives nothing.
	Checksum(address string) (checksum string, ok bool)
}

// An Image is what a registry knows of an image.
type Image struct {
	Digest string // sha256:…, of what the reference points to
	User   string // config.User, "" for root
	// Env is config.Env, in the form NAME=value; nil when it is not known.
	Env  []string
	Size int64 // bytes of the compressed layers for the host's platform
	// Platforms are what the image is there for, such as linux/arm64/v8; nil
	// when it is not known.
	Platforms []string
}

// Report adds a finding.
func (p *Pass) Report(f Finding) { p.findings = append(p.findings, f) }

// Reportf adds a finding without a fix.
func (p *Pass) Reportf(span source.Span, message string) {
	p.Report(Finding{Span: span, Message: message})
}

// Findings returns what was reported, in the order it was reported.
func (p *Pass) Findings() []Finding { return p.findings }
