package hadolint

import (
	"slices"
	"strings"
)

// FromEnvironment reads hadolint's variables. lookup is os.LookupEnv or what
// stands for it.
func FromEnvironment(lookup func(string) (string, bool)) Config {
	var c Config
	get := func(name string) string {
		v, _ := lookup(name)
		return v
	}
	c.NoFail = truth(get("HADOLINT_NOFAIL"))
	c.Verbose = truth(get("HADOLINT_VERBOSE"))
	c.StrictLabels = truth(get("HADOLINT_STRICT_LABELS"))
	c.DisablePragma = truth(get("HADOLINT_DISABLE_IGNORE_PRAGMA"))
	if _, set := lookup("NO_COLOR"); set { // whatever it says
		yes := true
		c.NoColor = &yes
	}
	for _, f := range commas(get("HADOLINT_FORMAT")) {
		if slices.Contains(formats, f) {
			c.Formats = append(c.Formats, f)
		}
	}
	for _, s := range severities {
		if rules := commas(get("HADOLINT_OVERRIDE_" + strings.ToUpper(s))); len(rules) > 0 {
			c.override(s, rules...)
		}
	}
	c.Ignored = commas(get("HADOLINT_IGNORE"))
	c.Registries = commas(get("HADOLINT_TRUSTED_REGISTRIES"))
	for _, l := range commas(get("HADOLINT_REQUIRE_LABELS")) {
		if name, kind, ok := label(l); ok {
			c.label(name, kind)
		}
	}
	if t := get("HADOLINT_FAILURE_THRESHOLD"); slices.Contains(thresholds, t) {
		c.Threshold = t
	}
	return c
}

func commas(list string) []string {
	var out []string
	for item := range strings.SplitSeq(list, ",") {
		if item = strings.TrimSpace(item); item != "" {
			out = append(out, item)
		}
	}
	return out
}

// truth reads a yes or no, nil for anything else.
func truth(word string) *bool {
	yes := slices.Contains([]string{"1", "y", "on", "t", "true", "yes"}, strings.ToLower(word))
	if !yes && !slices.Contains([]string{"0", "n", "off", "f", "false", "no"}, strings.ToLower(word)) {
		return nil
	}
	return &yes
}

// label reads NAME:TYPE.
func label(s string) (name, kind string, ok bool) {
	name, kind, ok = strings.Cut(s, ":")
	if kind == "" {
		kind = "text"
	}
	return name, kind, ok && name != "" && slices.Contains(labelTypes, kind)
}
