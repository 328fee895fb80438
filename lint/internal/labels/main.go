// Labels holds what the linter says of credentials by their names to what people
// found who read the places: testdata/labels/secrets.tsv has a line for every
// such finding in an archive of Dockerfiles, and for every variable with a word
// of a credential in its name about which the linter is silent, with a sentence
// that says why it is a credential or none. The archive is not part of the
// project:
//
//	realworld.tar.gz  realworld/NAME
//
// What fails the run: a finding or a variable without a label, a label whose
// place says something else now, a credential that is not found, and more than
// 5 % of findings that are none.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/whittle-oci/whittle/lint"
	"github.com/whittle-oci/whittle/lint/dockerfile"
	"github.com/whittle-oci/whittle/lint/internal/archive"
	"github.com/whittle-oci/whittle/lint/rule"
	"github.com/whittle-oci/whittle/lint/rules"
	"github.com/whittle-oci/whittle/lint/source"
)

var errFailed = errors.New("the labels and the findings differ")

func main() {
	corpus := flag.String("corpus", "", "directory with "+archive.Name+", or the archive itself")
	list := flag.String("labels", "testdata/labels/secrets.tsv", "file with the labels")
	flag.Parse()
	if *corpus == "" {
		fmt.Fprintln(os.Stderr, "labels needs the directory that holds "+archive.Name+": make labels CORPUS=DIR")
		os.Exit(2)
	}
	err := run(context.Background(), os.Stdout, *corpus, *list)
	if err != nil {
		fmt.Fprintln(os.Stderr, "labels:", err)
	}
	switch {
	case errors.Is(err, errFailed):
		os.Exit(1)
	case err != nil:
		os.Exit(3)
	}
}

func run(ctx context.Context, w io.Writer, corpus, list string) error {
	labels, err := read(list)
	if err != nil {
		return err
	}
	a, err := look(ctx, corpus)
	if err != nil {
		return err
	}
	faults := a.compare(labels)
	c := tally(labels)
	faults = append(faults, c.faults()...)
	fmt.Fprintf(w, "%d places with a name for a credential, %d of which are credentials and %d are found\n", len(labels), c.secrets, c.found)
	fmt.Fprintf(w, "%d findings by name, %d of which are no credentials: %.1f %% (at most %d %%)\n", c.found, c.wrong, percent(c.wrong, c.found), maxWrong)
	for _, f := range faults {
		fmt.Fprintln(w, "FAIL", f)
	}
	if len(faults) > 0 {
		return errFailed
	}
	return nil
}

// byName are the rules that go by the names of variables, flags, labels and
// files. secret-value goes by the text alone and account-password by the command.
var byName = []string{"secret-in-variable", "secret-placeholder", "secret-arg-used", "secret-in-command", "secret-in-label", "secret-in-heredoc", "secret-file-copied"}

// word is a word for a credential anywhere in a name: more than the rules know.
var word = regexp.MustCompile(`(?i)key|token|secret|pass|pwd|psw|cred|auth`)

// An answer is what the rules say of an archive.
type answer struct {
	files     map[string]*source.File
	said      map[place]string // the rule of each finding
	variables map[place]string // names with a word for a credential
}

// look asks the rules of every file of an archive.
func look(ctx context.Context, corpus string) (answer, error) {
	all := slices.DeleteFunc(rules.All(), func(r rule.Rule) bool { return !slices.Contains(byName, r.Name) })
	a := answer{map[string]*source.File{}, map[place]string{}, map[place]string{}}
	for f, err := range archive.Files(corpus) {
		if err != nil {
			return a, err
		}
		src := source.NewFile(path.Base(f.Name), f.Data)
		a.files[src.Name] = src
		diags, err := lint.Run(ctx, src, lint.Options{Rules: all, Suppressed: true, Gather: true})
		if err != nil {
			return a, fmt.Errorf("%s: %w", f.Name, err)
		}
		for _, d := range diags {
			if slices.Contains(byName, d.Rule.Name) {
				a.said[at(src, d.Span.Start)] = d.Rule.Name
			}
		}
		df, err := dockerfile.Parse(src)
		if err != nil {
			continue // one of the findings
		}
		for _, in := range df.Instructions {
			if in.Keyword != "env" && in.Keyword != "arg" {
				continue
			}
			for _, p := range in.Pairs() {
				if name := strings.Trim(p.Key, `"'`); word.MatchString(name) {
					a.variables[at(src, p.Span.Start)] = name
				}
			}
		}
	}
	return a, nil
}

func at(src *source.File, off int) place {
	pos := src.Pos(off)
	return place{src.Name, pos.Line, pos.Col}
}

// stands reports whether a name stands where its label says.
func (a answer) stands(l label) bool {
	src := a.files[l.file]
	if src == nil || l.line < 1 || l.line > src.Lines() {
		return false
	}
	line := src.Line(l.line)
	return l.column >= 1 && l.column <= len(line) && strings.HasPrefix(strings.TrimLeft(string(line[l.column-1:]), `"'`), l.name)
}

// compare lists where labels and places are not of one kind.
func (a answer) compare(labels []label) (faults []string) {
	known := map[place]bool{}
	for _, l := range labels {
		known[l.place] = true
		is := a.said[l.place]
		if is == "" {
			is = silent
		}
		switch {
		case !a.stands(l):
			faults = append(faults, fmt.Sprintf("%v: no %s stands there", l.place, l.name))
		case is != l.rule:
			faults = append(faults, fmt.Sprintf("%v %s: the label says %s, the linter %s", l.place, l.name, l.rule, is))
		}
	}
	for _, p := range slices.SortedFunc(maps.Keys(a.said), place.compare) {
		if !known[p] {
			faults = append(faults, fmt.Sprintf("%v: %s has no label", p, a.said[p]))
		}
	}
	for _, p := range slices.SortedFunc(maps.Keys(a.variables), place.compare) {
		if !known[p] && a.said[p] == "" {
			faults = append(faults, fmt.Sprintf("%v: the variable %s has no label", p, a.variables[p]))
		}
	}
	return faults
}
