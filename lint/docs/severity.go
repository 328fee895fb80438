package docs

import (
	"fmt"
	"slices"
	"strings"

	"github.com/whittle-oci/whittle/lint/hadolint"
	"github.com/whittle-oci/whittle/lint/rule"
)

// Theirs is a severity that hadolint gives to one of its rules.
type Theirs struct{ Code, Severity string }

// Beside gives the severities that hadolint has for a rule, by its codes, and
// one sentence that says why ours is another; "" where it is not, or where
// hadolint does not know the rule.
func Beside(m rule.Meta) (theirs []Theirs, why string) {
	for _, a := range m.Aliases {
		if s := hadolint.DefaultSeverity(a); s != "" {
			theirs = append(theirs, Theirs{a, s})
		}
	}
	if slices.ContainsFunc(theirs, func(t Theirs) bool { return t.Severity != m.Severity.String() }) {
		why = otherwise[m.Name]
	}
	return theirs, why
}

// otherwise says why rules are more or less severe here than in hadolint 2.15.
// An error here is what breaks the build or gives a secret away, a warning what
// makes an image unsafe or fail later, info what makes it larger or harder to
// repeat, style what is a matter of taste.
var otherwise = map[string]string{
	"add-for-copy":           "ADD of a plain file does what COPY does; what makes ADD unsafe has rules of its own.",
	"apt-for-apt-get":        "Builds with apt work; only its output and options may change.",
	"cd-in-run":              "cd in a RUN ends with it and harms nothing.",
	"dnf-clean":              "A cache makes the image larger and nothing else.",
	"env-self-reference":     "BuildKit builds it with the value of before, which is often empty and sometimes meant.",
	"healthcheck-shell-form": "The check is run anew each time, so no signal is lost in a shell.",
	"inline-ignore":          "It is off unless it is asked for, and then wants to be seen.",
	"maintainer":             "MAINTAINER is deprecated and still builds.",
	"nested-workdir":         "The directory is the one that is meant; it reads worse.",
	"no-healthcheck":         "It is off unless it is asked for, and then wants to be seen.",
	"pip-cache":              "A cache makes the image larger and nothing else.",
	"redundant-platform":     "The flag says what is so anyway.",
	"relative-workdir":       "It works, in a directory that the base image chooses.",
	"secret-in-variable":     "A value that is a secret can be read by everyone who gets the image; a name alone is a warning here as well.",
	"shell-form-after-shell": "SHELL says that a shell is meant.",
	"sudo":                   "RUN is root already, so sudo mostly fails or does nothing.",
	"yum-clean":              "A cache makes the image larger and nothing else.",
	"zypper-clean":           "A cache makes the image larger and nothing else.",
}

// severities is the table of the rules that hadolint has too.
func severities(rules []rule.Rule) string {
	var b strings.Builder
	b.WriteString("\n## Severities\n\nAn *error* breaks the build or gives a secret away; a *warning* is unsafe, or fails later; *info* makes the image larger or the build harder to repeat; *style* is a matter of taste. `severity:` of [.whittle.yaml](lint.md) changes them, and `whittle hadolint` has hadolint's own. These are the rules that hadolint 2.15 has too; `whittle rules --severity` prints the same.\n\n| rule | severity | hadolint | why they differ |\n| --- | --- | --- | --- |\n")
	for _, r := range rules {
		theirs, why := Beside(r.Meta)
		if len(theirs) == 0 {
			continue
		}
		var names []string
		for _, t := range theirs {
			names = append(names, t.Code+" "+t.Severity)
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", r.Name, r.Severity, strings.Join(names, ", "), why)
	}
	return b.String()
}
