package rule

import (
	"regexp"
	"sync"
)

// toolForms tell the names of rules of other tools apart.
var toolForms = sync.OnceValue(func() []struct {
	tool string
	form *regexp.Regexp
} {
	type form = struct {
		tool string
		form *regexp.Regexp
	}
	return []form{
		{"hadolint", regexp.MustCompile(`^DL\d{4}$`)},
		{"ShellCheck", regexp.MustCompile(`^SC\d{4}$`)},
		{"BuildKit", regexp.MustCompile(`^(?:buildkit/)?(?:[A-Z]+[a-z]+)+[A-Za-z]*$`)},
		{"Trivy", regexp.MustCompile(`^(?:AVD-)?DS-?\d+$`)},
		{"dockle", regexp.MustCompile(`^(?:CIS-DI|DKL-[A-Z]+)-\d+$`)},
		{"Checkov", regexp.MustCompile(`^CKV2?_[A-Z]+_\d+$`)},
		{"KICS", regexp.MustCompile(`^[0-9a-f]{8}(?:-[0-9a-f-]+)?$`)},
		{"droast", regexp.MustCompile(`^DF\d{3}$`)},
		{"semgrep", regexp.MustCompile(`^[a-z0-9]+(?:-[a-z0-9]+)+$`)},
	}
})

// Tools lists the tools that have names for rules, in the order of how many
// Dockerfiles name them.
func Tools() []string {
	var out []string
	for _, f := range toolForms() {
		out = append(out, f.tool)
	}
	return out
}

// Tool is the tool that an alias is a name of, "" for none that is known.
func Tool(alias string) string {
	for _, f := range toolForms() {
		if f.form.MatchString(alias) {
			return f.tool
		}
	}
	return ""
}
