// Package hadolint takes the place of hadolint: its configuration file, its
// environment, its command line and its reports. The rules are our own, under
// hadolint's codes.
package hadolint

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/whittle-oci/whittle/lint/config"
)

// A Config is what one place says: the environment, a file, a command line. The
// zero value says nothing.
type Config struct {
	Files        []string
	File         string // the configuration file to read, "" to look for one
	PathInReport string // stands for the file's path in some formats
	Help         bool
	Version      bool

	Formats []string
	Outputs []string // where each format goes, "-" for standard output

	NoFail    *bool
	NoColor   *bool
	Verbose   *bool
	Threshold string // the least severity that fails: error, warning, info, style; ignore or none for any

	Ignored       []string
	Severities    map[string][]string // rules by severity
	Registries    []string
	Labels        map[string]string // type by label
	StrictLabels  *bool
	DisablePragma *bool
}

// The words that hadolint takes.
var (
	severities = []string{"error", "warning", "info", "style"}
	thresholds = append(severities[:len(severities):len(severities)], "ignore", "none")
	formats    = []string{"tty", "json", "checkstyle", "codeclimate", "gitlab_codeclimate", "gnu", "codacy", "sonarqube", "sarif", "junit"}
	labelTypes = []string{"text", "url", "rfc3339", "semver", "hash", "spdx", "email"}
)

// Join puts places together, the one that decides in the end last: single values
// are replaced, lists are joined.
func Join(places ...Config) Config {
	var out Config
	for _, c := range places {
		out.Files = append(out.Files, c.Files...)
		out.Formats = append(out.Formats, c.Formats...)
		out.Outputs = append(out.Outputs, c.Outputs...)
		out.Ignored = append(out.Ignored, c.Ignored...)
		out.Registries = append(out.Registries, c.Registries...)
		for severity, rules := range c.Severities {
			out.override(severity, rules...)
		}
		for name, kind := range c.Labels {
			out.label(name, kind)
		}
		out.File = cmp.Or(c.File, out.File)
		out.PathInReport = cmp.Or(c.PathInReport, out.PathInReport)
		out.Threshold = cmp.Or(c.Threshold, out.Threshold)
		out.Help, out.Version = out.Help || c.Help, out.Version || c.Version
		out.NoFail = cmp.Or(c.NoFail, out.NoFail)
		out.NoColor = cmp.Or(c.NoColor, out.NoColor)
		out.Verbose = cmp.Or(c.Verbose, out.Verbose)
		out.StrictLabels = cmp.Or(c.StrictLabels, out.StrictLabels)
		out.DisablePragma = cmp.Or(c.DisablePragma, out.DisablePragma)
	}
	return out
}

func (c *Config) override(severity string, rules ...string) {
	if c.Severities == nil {
		c.Severities = map[string][]string{}
	}
	c.Severities[severity] = append(c.Severities[severity], rules...)
}

func (c *Config) label(name, kind string) {
	if c.Labels == nil {
		c.Labels = map[string]string{}
	}
	c.Labels[name] = kind
}

// Severity is what a rule counts as: the most serious that an override gives
// it, else hadolint's own default. ok is false for rules that are off.
func (c Config) Severity(code, otherwise string) (severity string, ok bool) {
	for _, s := range severities {
		if slices.Contains(c.Severities[s], code) {
			return s, true
		}
	}
	s := cmp.Or(defaults()[code], otherwise)
	return s, s != "ignore"
}

// Layer is what a configuration means to the linter, for those who keep their
// .hadolint.yaml.
func (c Config) Layer() config.Layer {
	l := config.Layer{TrustedRegistries: c.Registries, Labels: c.Labels, StrictLabels: c.StrictLabels}
	for _, name := range c.Ignored {
		if code(name) {
			l.Ignore = append(l.Ignore, name)
		}
	}
	for _, s := range slices.Backward(severities) { // the more serious wins
		for _, name := range c.Severities[s] {
			if code(name) {
				if l.Severity == nil {
					l.Severity = map[string]string{}
				}
				l.Severity[name] = s
				l.Enable = append(l.Enable, name)
			}
		}
	}
	slices.Sort(l.Enable)
	l.Enable = slices.Compact(l.Enable)
	if c.DisablePragma != nil && *c.DisablePragma {
		l.Suppressions = "off"
	}
	switch {
	case c.NoFail != nil && *c.NoFail:
		l.FailOn = "none"
	case c.Threshold == "ignore" || c.Threshold == "none":
		l.FailOn = "style"
	default:
		l.FailOn = c.Threshold
	}
	return l
}

// code reports whether a name has the form of a rule of hadolint's or
// ShellCheck's.
func code(name string) bool {
	return len(name) == 6 && (name[:2] == "DL" || name[:2] == "SC") && strings.Trim(name[2:], "0123456789") == ""
}

// defaults gives the severity of each rule in hadolint 2.15 (its README).
func defaults() map[string]string {
	out := map[string]string{}
	for severity, codes := range map[string]string{
		"error":   "DL1000 DL3000 DL3004 DL3011 DL3012 DL3020 DL3021 DL3023 DL3024 DL3026 DL3043 DL3044 DL3061 DL4000 DL4004",
		"warning": "DL3002 DL3003 DL3006 DL3007 DL3008 DL3013 DL3014 DL3016 DL3018 DL3022 DL3025 DL3027 DL3028 DL3029 DL3030 DL3032 DL3033 DL3034 DL3035 DL3036 DL3037 DL3038 DL3040 DL3041 DL3042 DL3045 DL3046 DL3051 DL3052 DL3053 DL3054 DL3055 DL3056 DL3058 DL3062 DL3063 DL3064 DL3065 DL3067 DL4001 DL4003 DL4005 DL4006",
		"info":    "DL3001 DL3009 DL3010 DL3015 DL3019 DL3047 DL3049 DL3050 DL3059 DL3060 DL3066",
		"style":   "DL3048",
		"ignore":  "DL1001 DL3057",
	} {
		for c := range strings.FieldsSeq(codes) {
			out[c] = severity
		}
	}
	return out
}

// DefaultSeverity is what hadolint takes a rule of its own for: error, warning,
// info, style or ignore, "" for a name that is none of its rules.
func DefaultSeverity(code string) string { return defaults()[code] }

// Codes lists hadolint's own rules in order.
func Codes() []string { return slices.Sorted(maps.Keys(defaults())) }
