package config

// Kind says what values a setting takes.
type Kind int

// The kinds of settings.
const (
	Word       Kind = iota // one word, one of Setting.Among where that is set
	Bool                   // true or false
	List                   // a list of words
	Words                  // names with one word each, one of Setting.Among
	Overrides              // settings for some files
	Rules                  // custom rules
	Expression             // a regular expression
	FixKind                // the fix of such a rule
)

// A Setting is one key of the lint section. Parse, the JSON Schema and the
// manual are made from the same table.
type Setting struct {
	Name  string
	Kind  Kind
	Among []string // the words that are taken; nil for any
	// Rules marks names of rules, of ours or of other tools.
	Rules bool
	// File marks a setting of a whole file, which an override cannot have.
	File bool
	Help string
}

var (
	severities = []string{"error", "warning", "info", "style"}
	labelTypes = []string{"text", "url", "rfc3339", "semver", "spdx", "hash", "email"}
)

// Settings lists the keys of the lint section in the order of the manual.
func Settings() []Setting {
	return []Setting{
		{Name: "extends", Kind: List, File: true, Help: "files below this one: paths, or https URLs that end in #sha256:DIGEST"},
		{Name: "root", Kind: Bool, File: true, Help: "look for no further file above this one"},
		{Name: "preset", Kind: Word, Among: []string{"recommended", "strict", "hadolint"}, Help: "the rules to begin with"},
		{Name: "only", Kind: List, Rules: true, Help: "rules to run instead of a preset's"},
		{Name: "enable", Kind: List, Rules: true, Help: "further rules to run"},
		{Name: "ignore", Kind: List, Rules: true, Help: "rules not to run"},
		{Name: "severity", Kind: Words, Rules: true, Among: severities, Help: "severities by rule"},
		{Name: "fail-on", Kind: Word, Among: append(severities[:len(severities):len(severities)], "none"), Help: "the least severity that makes the exit code 1"},
		{Name: "trusted-registries", Kind: List, Help: "registries that images may come from, with * for any text"},
		{Name: "labels", Kind: Words, Among: labelTypes, Help: "labels that an image must have, with the type of each"},
		{Name: "strict-labels", Kind: Bool, Help: "allow no other labels"},
		{Name: "require-reason", Kind: Bool, Help: "report comments that suppress a finding without saying why"},
		{Name: "suppressions", Kind: Word, Among: []string{"on", "off"}, Help: "whether comments suppress findings"},
		{Name: "exclude", Kind: List, File: true, Help: "globs of files that a search through directories passes over"},
		{Name: "overrides", Kind: Overrides, File: true, Help: "settings for the files that globs name"},
		{Name: "rules", Kind: Rules, File: true, Help: "custom rules"},
	}
}

func setting(name string) (Setting, bool) {
	for _, s := range Settings() {
		if s.Name == name {
			return s, true
		}
	}
	return Setting{}, false
}

// names lists the keys that may stand in a section or, with override, in an
// override.
func names(override bool) []string {
	var out []string
	for _, s := range Settings() {
		if !override || !s.File {
			out = append(out, s.Name)
		}
	}
	if override {
		out = append([]string{"files"}, out...)
	}
	return out
}
