// Package suppress reads the comments that suppress findings, in the form of
// every tool whose comments a Dockerfile may hold already.
//
//	# whittle ignore=RULE[,RULE] -- why     the next instruction
//	# whittle stage ignore=RULE             the stage that the next FROM begins
//	# whittle global ignore=RULE            the whole file
//	# hadolint …, # tally …                 the same three
//	# check=skip=RULE[,RULE];error=true     at the head the whole file, else the next instruction
//	# trivy:ignore:RULE[:exp:YYYY-MM-DD]    the next instruction
//	# checkov:skip=RULE:why                 the whole file
//	# kics-scan ignore, disable=RULE        the whole file
//	# kics-scan ignore-line, ignore-block   the next instruction
//
// Between a comment and its instruction further comments and blank lines may
// stand. A comment inside a continued instruction is about that instruction. In
// the script of RUN <<EOF, one in the form of whittle, hadolint or tally is about
// the command below it; what looks like one in another heredoc is the heredoc's.
package suppress

import (
	"strings"

	"github.com/whittle-oci/whittle/lint/source"
)

// A Scope says how far a comment reaches.
type Scope int

// The scopes.
const (
	Instruction Scope = iota
	Stage
	File
)

// A Comment suppresses rules.
type Comment struct {
	Span   source.Span // from the # to the end of the line
	Tool   string      // whittle, hadolint, tally, check, trivy, checkov or kics
	Names  []Name
	Scope  Scope
	First  int    // the first line that it is about, counted from 1; 0 for none
	Last   int    // the last
	Reason string // why, "" where the comment does not say
	Until  string // the last day it holds, as 2006-01-02; "" for ever
}

// A Name is a rule in a comment.
type Name struct {
	Text string // the rule's name or an alias; "all" is every rule
	Span source.Span
}

// Covers reports whether a comment is about a line.
func (c Comment) Covers(line int) bool { return c.First <= line && line <= c.Last }

// Has reports whether one of a comment's names means a rule, known by is. i is
// its index.
func (c Comment) Has(is func(name string) bool) (i int, ok bool) {
	for i, n := range c.Names {
		if strings.EqualFold(n.Text, "all") || is(n.Text) {
			return i, true
		}
	}
	return 0, false
}

// A Set is the comments of one file.
type Set struct {
	Comments []Comment // in the order of the file
	// Fail is check=error=true: a warning fails the run, whatever else is
	// asked for.
	Fail bool
}

// An Extent is the lines of an instruction, counted from 1. What follows Code
// up to Last is the text of heredocs.
type Extent struct {
	First, Code, Last int
	From              bool // begins a stage
	Script            bool // the heredocs are a script
}

// Read finds the comments of a file whose instructions stand at the given
// lines.
func Read(f *source.File, in []Extent) Set {
	var s Set
	r := reader{file: f, in: in}
	head := true // still among the parser directives that begin a file
	for n := 1; n <= f.Lines(); n++ {
		for len(r.in) > 0 && r.in[0].Last < n {
			r.in = r.in[1:]
		}
		if len(r.in) > 0 && n > r.in[0].Code { // in a heredoc
			if r.in[0].Script {
				for ; n < r.in[0].Last; n++ {
					s.Comments = append(s.Comments, r.within(n)...)
				}
			}
			n = r.in[0].Last
			continue
		}
		start, text := comment(f, n)
		if text == "" {
			head = false
			continue
		}
		if n == 1 && text[0] == '!' { // #!, which BuildKit passes over
			continue
		}
		directive, fail, isDirective := r.directive(n, start, text, head)
		head = isDirective
		if isDirective {
			s.Fail = s.Fail || fail
			s.Comments = append(s.Comments, directive...)
			continue
		}
		s.Comments = append(s.Comments, r.comments(n, start, text)...)
	}
	return s
}

// within gives the comments of a line of a script, which are about the command
// below: the next line that is no comment, and those that it goes on in.
func (r reader) within(n int) []Comment {
	start, text := comment(r.file, n)
	if text == "" {
		return nil
	}
	var out []Comment
	for _, c := range r.comments(n, start, text) {
		if c.Scope != Instruction || c.Tool != "whittle" && c.Tool != "hadolint" && c.Tool != "tally" {
			continue
		}
		c.First, c.Last = 0, -1
		for next := n + 1; next < r.in[0].Last; next++ {
			line := strings.TrimSpace(string(r.file.Line(next)))
			if c.First == 0 && (line == "" || line[0] == '#') {
				continue
			}
			if c.First == 0 {
				c.First = next
			}
			if c.Last = next; !strings.HasSuffix(line, `\\`) {
				break
			}
		}
		out = append(out, c)
	}
	return out
}

// comment gives what follows the # of line n and its offset, "" where the line
// is no comment.
func comment(f *source.File, n int) (offset int, text string) {
	line := f.Line(n)
	at := 0
	for at < len(line) && (line[at] == ' ' || line[at] == '\t') {
		at++
	}
	if at >= len(line) || line[at] != '#' {
		return 0, ""
	}
	return f.LineStart(n) + at + 1, string(line[at+1:])
}

// A reader goes through the comments of a file.
type reader struct {
	file *source.File
	in   []Extent // those that have not ended yet
}

// about gives the lines that a comment in line n is about.
func (r reader) about(n int, scope Scope) (first, last int) {
	if scope == File {
		return 1, r.file.Lines()
	}
	if len(r.in) == 0 {
		return 0, -1
	}
	if scope == Instruction {
		return r.in[0].First, r.in[0].Last
	}
	if !r.in[0].From || r.in[0].First < n {
		return 0, -1 // no FROM follows: the comment is about nothing
	}
	last = r.in[0].Last
	for _, x := range r.in[1:] {
		if x.From {
			break
		}
		last = x.Last
	}
	return r.in[0].First, last
}
