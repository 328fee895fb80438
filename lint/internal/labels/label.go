package main

import (
	"cmp"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
)

// A label is what somebody said who read a place.
type label struct {
	place
	rule   string // that reports it, or silent
	name   string
	secret bool
	why    string // a sentence
}

// A place is where a name begins in a file of the archive, counted from 1.
type place struct {
	file         string
	line, column int
}

func (p place) String() string { return fmt.Sprintf("%s:%d:%d", p.file, p.line, p.column) }

func (p place) compare(q place) int {
	return cmp.Or(cmp.Compare(p.file, q.file), cmp.Compare(p.line, q.line), cmp.Compare(p.column, q.column))
}

// silent stands for the rule where none reports a place.
const silent = "-"

const header = "file\tline\tcolumn\trule\tname\tlabel\twhy"

// read reads a file of labels, in which every place has one line.
func read(name string) ([]label, error) {
	data, err := os.ReadFile(name)
	if err != nil {
		return nil, fmt.Errorf("reading the labels: %w", err)
	}
	first, rest, _ := strings.Cut(string(data), "\n")
	if first != header {
		return nil, fmt.Errorf("%s:1: the first line is %q", name, header)
	}
	var out []label
	n := 1
	for line := range strings.Lines(rest) {
		n++
		l, err := parse(strings.TrimSuffix(line, "\n"))
		if err != nil {
			return nil, fmt.Errorf("%s:%d: %w", name, n, err)
		}
		if len(out) > 0 && out[len(out)-1].compare(l.place) >= 0 {
			return nil, fmt.Errorf("%s:%d: %v is not behind %v", name, n, l.place, out[len(out)-1].place)
		}
		out = append(out, l)
	}
	return out, nil
}

func parse(line string) (l label, err error) {
	fields := strings.Split(line, "\t")
	if len(fields) != strings.Count(header, "\t")+1 || slices.Contains(fields, "") {
		return l, fmt.Errorf("a line is %q, divided by tabs", strings.ReplaceAll(header, "\t", " "))
	}
	l = label{place: place{file: fields[0]}, rule: fields[3], name: fields[4], secret: fields[5] == "secret", why: fields[6]}
	if l.line, err = strconv.Atoi(fields[1]); err != nil {
		return l, fmt.Errorf("the line: %w", err)
	}
	if l.column, err = strconv.Atoi(fields[2]); err != nil {
		return l, fmt.Errorf("the column: %w", err)
	}
	switch {
	case l.rule != silent && !slices.Contains(byName, l.rule):
		return l, fmt.Errorf("%s is no rule that goes by names", l.rule)
	case !l.secret && fields[5] != "not":
		return l, fmt.Errorf("a label is secret or not, and no %q", fields[5])
	case !strings.HasSuffix(l.why, ".") || len(strings.Fields(l.why)) < 3:
		return l, fmt.Errorf("%q is no sentence that says why", l.why)
	}
	return l, nil
}

// maxWrong is how many of a hundred findings may be no credentials.
const maxWrong = 5

// A count is what labels come to.
type count struct {
	secrets, found, wrong int
	lost                  []label // credentials that are not found
}

func tally(labels []label) (c count) {
	for _, l := range labels {
		if l.secret {
			c.secrets++
		}
		switch {
		case l.rule == silent && l.secret:
			c.lost = append(c.lost, l)
		case l.rule != silent:
			c.found++
			if !l.secret {
				c.wrong++
			}
		}
	}
	return c
}

// faults lists what is over a bar.
func (c count) faults() (out []string) {
	for _, l := range c.lost {
		out = append(out, fmt.Sprintf("%v %s: a credential that is not found: %s", l.place, l.name, l.why))
	}
	if c.secrets == 0 || c.found == 0 || 100*c.wrong > maxWrong*c.found {
		out = append(out, fmt.Sprintf("%d of %d findings by name are no credentials", c.wrong, c.found))
	}
	return out
}

func percent(part, all int) float64 {
	if all == 0 {
		return 0
	}
	return 100 * float64(part) / float64(all)
}
