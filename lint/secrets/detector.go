package secrets

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/spf13/viper"
	"github.com/zricethezav/gitleaks/v8/config"
	"github.com/zricethezav/gitleaks/v8/detect"
)

// A detector is one of gitleaks' rules, made when a line has one of its words.
type detector struct {
	name  string
	words []string // lower case; the rule looks at text that has one of them
	stop  []string // lower case; a secret that has one of them is none
	make  func() (*detect.Detector, error)
}

// detectors reads gitleaks' rules, once. Their expressions cost ten times what
// reading them does, and a Dockerfile needs few of them: each is compiled when
// it is asked for. gitleaks' own constructor compiles all and keeps them in
// variables of the process.
var detectors = sync.OnceValues(func() ([]detector, error) {
	v := viper.New()
	v.SetConfigType("toml")
	if err := v.ReadConfig(strings.NewReader(config.DefaultConfig)); err != nil {
		return nil, fmt.Errorf("reading gitleaks' rules: %w", err)
	}
	var all config.ViperConfig
	if err := v.Unmarshal(&all); err != nil {
		return nil, fmt.Errorf("reading gitleaks' rules: %w", err)
	}
	// What every rule lets pass is compiled once for all.
	shared := all
	shared.Rules = nil
	base, err := shared.Translate()
	if err != nil {
		return nil, fmt.Errorf("reading gitleaks' rules: %w", err)
	}
	out := make([]detector, 0, len(all.Rules))
	for i, r := range all.Rules {
		if r.Regex == "" || r.Path != "" {
			continue // about the names of files
		}
		words := make([]string, len(r.Keywords))
		for i, w := range r.Keywords {
			words[i] = strings.ToLower(w)
		}
		stop := takeStopWords(&all, i)
		one := config.ViperConfig{Rules: all.Rules[i : i+1]}
		out = append(out, detector{r.ID, words, stop, sync.OnceValues(func() (*detect.Detector, error) {
			c, err := one.Translate()
			if err != nil {
				return nil, fmt.Errorf("compiling gitleaks' rule %s: %w", one.Rules[0].ID, err)
			}
			c.Allowlists = base.Allowlists
			return detect.NewDetector(c), nil
		})})
	}
	return out, nil
})

// takeStopWords takes the stop words out of the allowlists of one rule. gitleaks
// makes a trie of nine megabytes of the 1,500 words of its generic rule, to look
// at a handful of secrets. An allowlist that wants a word and something else
// besides keeps its own, and so does one that has nothing but words.
func takeStopWords(all *config.ViperConfig, of int) (words []string) {
	for _, list := range all.Rules[of].Allowlists {
		either := list.Condition == "" || strings.EqualFold(list.Condition, "or") || list.Condition == "||"
		if !either || len(list.Regexes)+len(list.Paths)+len(list.Commits) == 0 {
			continue
		}
		for _, w := range list.StopWords {
			words = append(words, strings.ToLower(w))
		}
		list.StopWords = nil
	}
	return words
}

// A leak is text that one of gitleaks' rules takes for a secret.
type leak struct {
	rule       string
	start, end int // of the secret in the line
}

// leaks asks the rules whose words are in a line.
func leaks(line string) ([]leak, error) {
	all, err := detectors()
	if err != nil {
		return nil, err
	}
	lower := strings.ToLower(line)
	var out []leak
	for _, d := range all {
		if !d.wanted(lower) {
			continue
		}
		gitleaks, err := d.make()
		if err != nil {
			return nil, err
		}
		for _, f := range gitleaks.DetectString(line) {
			secret := strings.ToLower(f.Secret)
			if slices.ContainsFunc(d.stop, func(w string) bool { return strings.Contains(secret, w) }) {
				continue
			}
			// A position is told of the match, which may begin before the secret.
			at := max(strings.Index(line, f.Match), 0)
			if i := strings.Index(line[at:], f.Secret); i >= 0 && f.Secret != "" {
				out = append(out, leak{d.name, at + i, at + i + len(f.Secret)})
			}
		}
	}
	return once(out), nil
}

// generic is the rule that knows no service: a name that speaks of a
// credential, and a value with enough entropy.
const generic = "generic-api-key"

// once leaves out what two rules see in the same text, the generic one first.
func once(all []leak) []leak {
	slices.SortStableFunc(all, func(a, b leak) int {
		return cmp.Compare(strings.Index(a.rule, generic), strings.Index(b.rule, generic))
	})
	var out []leak
	for _, l := range all {
		if !slices.ContainsFunc(out, func(o leak) bool { return l.start < o.end && o.start < l.end }) {
			out = append(out, l)
		}
	}
	return out
}

func (d detector) wanted(lower string) bool {
	for _, w := range d.words {
		if strings.Contains(lower, w) {
			return true
		}
	}
	return len(d.words) == 0
}
