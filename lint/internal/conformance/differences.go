package main

import (
	"bufio"
	"fmt"
	"os"
	"slices"
	"strings"
)

// A difference is one line of the list: the rules, the kind of case, why.
type difference struct {
	rules     []string
	kind, why string
	used      map[string]bool // by rule
}

// maxDifferences bounds the list: with enough lines everything agrees.
const maxDifferences = 25

// readDifferences reads lines of the form "RULE[,RULE] KIND: why". Lines that
// begin with # are remarks.
func readDifferences(name string) ([]*difference, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, fmt.Errorf("reading the list of differences: %w", err)
	}
	defer f.Close()
	var out []*difference
	lines := bufio.NewScanner(f)
	for n := 1; lines.Scan(); n++ {
		text := strings.TrimSpace(lines.Text())
		if text == "" || strings.HasPrefix(text, "#") {
			continue
		}
		head, why, _ := strings.Cut(text, ":")
		words := strings.Fields(head)
		if len(words) != 2 || strings.TrimSpace(why) == "" {
			return nil, fmt.Errorf("%s:%d: a line is RULE[,RULE] KIND: why", name, n)
		}
		if kinds[words[1]] == nil {
			return nil, fmt.Errorf("%s:%d: there is no kind %q", name, n, words[1])
		}
		out = append(out, &difference{strings.Split(words[0], ","), words[1], strings.TrimSpace(why), map[string]bool{}})
	}
	if len(out) > maxDifferences {
		return nil, fmt.Errorf("%s lists %d differences, more than %d", name, len(out), maxDifferences)
	}
	return out, lines.Err()
}

// covers reports whether the difference explains a disagreement.
func (k *difference) covers(d disagreement) bool {
	return slices.Contains(k.rules, d.rule) && kinds[k.kind](d)
}
