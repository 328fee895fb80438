package templates

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/Masterminds/semver/v3"
)

// number is a version, with or without a v before it.
func number() *regexp.Regexp { return regexp.MustCompile(`^v?(\d+)(?:\.(\d+))?(?:\.(\d+))?$`) }

// parts cuts a version into its numbers, as many as there are.
func parts(version string) []string {
	m := number().FindStringSubmatch(strings.TrimSpace(version))
	if m == nil {
		return nil
	}
	out := m[1:2]
	for _, s := range m[2:] {
		if s != "" {
			out = append(out, s)
		}
	}
	return out
}

// upTo gives the first n numbers of a version, or all where it has fewer.
func upTo(version string, n int) string {
	p := parts(version)
	return strings.Join(p[:min(n, len(p))], ".")
}

// A versionRange is what a project allows of a language.
type versionRange struct{ alternatives []*semver.Constraints }

// parseRange reads a range as npm, Poetry and Composer write it, and one of PEP
// 440 (packaging.python.org/specifications/version-specifiers).
func parseRange(s string) (versionRange, error) {
	var r versionRange
	for one := range strings.SplitSeq(strings.ReplaceAll(s, "||", "|"), "|") {
		c, err := semver.NewConstraint(pep440(strings.TrimSpace(one)))
		if err != nil {
			return r, err
		}
		r.alternatives = append(r.alternatives, c)
	}
	return r, nil
}

// compatible is PEP 440's ~=, and equal its == with a wildcard.
func compatible() *regexp.Regexp { return regexp.MustCompile(`~=\s*(\d+)\.(\d+)(\.\d+)?`) }
func equal() *regexp.Regexp      { return regexp.MustCompile(`={2,3}\s*`) }

// pep440 writes what only PEP 440 has in the words of the others: ~=3.10 allows
// all of 3 from 3.10 on, ~=3.10.2 all of 3.10.
func pep440(s string) string {
	s = compatible().ReplaceAllStringFunc(s, func(m string) string {
		v := compatible().FindStringSubmatch(m)
		if v[3] != "" {
			return "~" + v[1] + "." + v[2] + v[3]
		}
		return "^" + v[1] + "." + v[2]
	})
	return strings.ReplaceAll(equal().ReplaceAllString(s, "="), ".*", ".x")
}

// allows reports whether a range allows a release: 20 is allowed where any 20.y
// is.
func (r versionRange) allows(release string) bool {
	p := parts(release)
	for _, c := range r.alternatives {
		if c.Check(release0(p, "0")) || c.Check(release0(p, "999")) {
			return true
		}
	}
	return false
}

func release0(p []string, fill string) *semver.Version {
	p = append(p[:len(p):len(p)], fill, fill)[:3]
	v, err := semver.NewVersion(strings.Join(p, "."))
	if err != nil {
		return semver.New(0, 0, 0, "", "")
	}
	return v
}

// lowest gives the first of the releases that a range allows, which is what its
// author is sure to have tried. Of several alternatives the last counts.
func (r versionRange) lowest(releases []string) string {
	if len(r.alternatives) == 0 {
		return ""
	}
	last := versionRange{r.alternatives[len(r.alternatives)-1:]}
	for _, v := range releases {
		if last.allows(v) {
			return v
		}
	}
	return ""
}

// A wish is a version or a range that a file of the project names.
type wish struct {
	text  string
	from  string // file and field
	exact bool   // it names a release, not what is allowed
}

// agree chooses a release from what the files of a project say: the first one
// that is named, which all ranges have to allow; else the lowest that the first
// range allows. depth is how many numbers name a release. "" is nothing said.
func (p *project) agree(language string, depth int, releases []string, wishes ...wish) (string, error) {
	var chosen, because wish
	for _, w := range wishes {
		if w.text = strings.TrimSpace(w.text); w.text == "" {
			continue
		}
		if n := parts(w.text); w.exact && n == nil {
			return "", &Error{Problem: fmt.Sprintf("%s asks for %s %q, which is no version", w.from, language, w.text), Hint: "write a number there, or a Dockerfile"}
		}
		if because.text == "" || w.exact && !because.exact {
			because = w
		}
	}
	if because.text == "" {
		return "", nil
	}
	chosen = because
	if because.exact {
		chosen.text = upTo(because.text, depth)
	} else {
		r, err := parseRange(because.text)
		if err != nil {
			return "", &Error{Problem: fmt.Sprintf("%s asks for %s %q, which is no range of versions", because.from, language, because.text), Hint: "mend it, or write a Dockerfile"}
		}
		if chosen.text = r.lowest(releases); chosen.text == "" {
			return "", &Error{Problem: fmt.Sprintf("%s asks for %s %q, which allows no release from %s to %s", because.from, language, because.text, releases[0], releases[len(releases)-1]), Hint: "mend it, or write a Dockerfile"}
		}
	}
	for _, w := range wishes {
		if strings.TrimSpace(w.text) == "" || w == because {
			continue
		}
		agrees := false
		if w.exact {
			n := min(len(parts(w.text)), len(parts(chosen.text)))
			agrees = upTo(w.text, n) == upTo(chosen.text, n)
		} else if r, err := parseRange(w.text); err == nil {
			agrees = r.allows(chosen.text)
		} else {
			agrees = true // another says it
		}
		if !agrees {
			return "", &Error{Problem: fmt.Sprintf("%s asks for %s %s, and %s for %s", because.from, language, strings.TrimSpace(because.text), w.from, strings.TrimSpace(w.text)), Hint: "make them agree"}
		}
	}
	p.found("version", chosen.text, because.from+": "+strings.TrimSpace(because.text))
	return chosen.text, nil
}

// span lists releases: span("3.", 8, 20) is 3.8 to 3.20.
func span(prefix string, first, last int) (out []string) {
	for i := first; i <= last; i++ {
		out = append(out, fmt.Sprintf("%s%d", prefix, i))
	}
	return out
}
