// Package rule defines what a lint rule is. It holds no rules: those are in
// package rules, and this package must not import it.
package rule

import (
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
	ID       string // stable and never reused, such as "DF1001"
	Name     string // kebab case, what suppression comments may use
	Summary  string // one line without a full stop
	Why      string // Markdown paragraphs
	Bad      string // a Dockerfile this rule reports
	Good     string // a Dockerfile it does not
	Severity Severity
	Fixable  Fixable
}

// Severity orders findings by how much they matter.
type Severity int

// The severities, from least to most serious.
const (
	Style Severity = iota
	Info
	Warning
	Error
)

func (s Severity) String() string {
	return [...]string{"style", "info", "warning", "error"}[s]
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
	// Unsafe fixes may build a different image and need --unsafe-fixes.
	Unsafe
)

// A Pass is one run of one rule over one file.
type Pass struct {
	File     *dockerfile.File
	findings []Finding
}

// Report adds a finding.
func (p *Pass) Report(f Finding) { p.findings = append(p.findings, f) }

// Findings returns what was reported, in the order it was reported.
func (p *Pass) Findings() []Finding { return p.findings }
