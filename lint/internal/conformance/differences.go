package main

import (
	"bufio"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/whittle-oci/whittle/lint/dockerfile"
)

// A difference is one line of the list: the rule, the kind of case, why.
type difference struct {
	rule, kind, why string
	used            bool
}

// maxDifferences bounds the list: with enough lines everything agrees.
const maxDifferences = 25

// readDifferences reads lines of the form "RULE KIND: why". Lines that begin
// with # are remarks.
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
			return nil, fmt.Errorf("%s:%d: a line is RULE KIND: why", name, n)
		}
		if kinds[words[1]] == nil {
			return nil, fmt.Errorf("%s:%d: there is no kind %q", name, n, words[1])
		}
		out = append(out, &difference{rule: words[0], kind: words[1], why: strings.TrimSpace(why)})
	}
	if len(out) > maxDifferences {
		return nil, fmt.Errorf("%s lists %d differences, more than %d", name, len(out), maxDifferences)
	}
	return out, lines.Err()
}

// covers reports whether the difference explains a disagreement.
func (k *difference) covers(d disagreement) bool { return k.rule == d.rule && kinds[k.kind](d) }

// kinds decide from a case alone whether it is of a kind.
var kinds = map[string]func(disagreement) bool{
	// BuildKit cannot build the file at all, which is what we say of it.
	"refused-by-buildkit": func(d disagreement) bool { return d.file == nil && !d.extra },
	// The instruction's stage is not in the image.
	"stage-not-shipped": missed(func(f *dockerfile.File, in dockerfile.Instruction) bool {
		return in.Stage >= 0 && !f.Shipped(in.Stage)
	}),
}

// missed is a kind of what they report and we do not, decided by instruction.
func missed(is func(*dockerfile.File, dockerfile.Instruction) bool) func(disagreement) bool {
	return func(d disagreement) bool { return !d.extra && d.about(is) }
}

// about reports whether one of the instructions is of a kind.
func (d disagreement) about(is func(*dockerfile.File, dockerfile.Instruction) bool) bool {
	return d.file != nil && slices.ContainsFunc(d.in, func(in dockerfile.Instruction) bool { return is(d.file, in) })
}
