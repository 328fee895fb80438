// Package dockerfile parses Dockerfiles with BuildKit's own parser and adds
// what it leaves out: where in the file every piece of text stands, the shell
// commands of RUN, and the variables in force at an instruction.
package dockerfile

import (
	"cmp"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/parser"

	"github.com/whittle-oci/whittle/lint/source"
)

// A File is a parsed Dockerfile.
type File struct {
	*source.File
	Escape       rune
	Instructions []Instruction
	Stages       []Stage
	// MetaArgs are the ARGs before the first FROM.
	MetaArgs []instructions.ArgCommand
	// Problems are the instructions that BuildKit does not take, in order.
	Problems []Problem

	build   Build
	target  int             // the stage that a build ends in, counted from 1; 0 for the last
	shipped []bool          // by stage
	shells  [][]string      // by instruction: the last SHELL before it
	vars    []settings      // by stage, filled when asked
	set     map[string]bool // variables that a stage sets, filled when asked
	global  global
	// defaults are the variables of FROM in a build without arguments, broken
	// when one of them cannot be read; filled when asked.
	defaults  global
	broken    bool
	growth    int              // see maxGrowth
	metaNames map[string]bool  // filled when asked
	scripts   map[int]*parsed  // by instruction, filled when asked
	names     map[string][]int // stages by name in lower case
	derived   map[any]any      // what callers made of the file
}

// An Instruction is one node of the tree and the text it was parsed from.
type Instruction struct {
	Node    *parser.Node
	Text    source.Joined
	Keyword string // lower case
	Stage   int    // index into Stages, -1 before the first FROM
	Index   int    // index into File.Instructions
	// Command is what BuildKit makes of it, nil for FROM, for what stands
	// before the first FROM and for what it does not take.
	Command instructions.Command
	// Trigger marks the instruction of an ONBUILD. Node, Text, Keyword and
	// Command are then those of the instruction that is triggered; it has no
	// effect on its own stage.
	Trigger bool

	escape rune
	view   *view
	first  string // the first word as it stands: of a trigger, ONBUILD
	at     int    // its offset in the file
}

// A Stage is one FROM with its instructions.
type Stage struct {
	instructions.Stage
	Index int
	From  int // index of the FROM instruction
	// Parent is the stage that this one is made from, -1 when its base is an
	// image or not known.
	Parent int
}

// stageNamed finds an earlier stage by name, -1 when there is none.
func (f *File) stageNamed(name string, before int) int {
	if name == "" {
		return -1
	}
	list := f.names[strings.ToLower(name)]
	if i, _ := slices.BinarySearch(list, before); i > 0 {
		return list[i-1]
	}
	return -1
}

// Derived is what make makes of the file, made once however often it is asked
// for. key, of a type of the caller's own, names it.
func (f *File) Derived(key any, make func() any) any {
	if x, ok := f.derived[key]; ok {
		return x
	}
	x := make()
	if f.derived == nil {
		f.derived = map[any]any{}
	}
	f.derived[key] = x
	return x
}

// StageNamed finds the stage that COPY --from or RUN --mount=from names.
func (f *File) StageNamed(name string, before int) int {
	if i := f.stageNamed(name, before); i >= 0 {
		return i
	}
	if n, err := strconv.Atoi(name); err == nil && n >= 0 && n < before {
		return n
	}
	return -1
}

// Choices are the earlier stages that a stage may be made from, when a variable
// without a known value is a part of its base's name, as in
// FROM base-${TARGETARCH}.
func (f *File) Choices(stage int) []int {
	name, known := f.expand(f.Stages[stage].BaseName, f.globals())
	if known {
		return nil
	}
	pattern := wildcard(f.Stages[stage].BaseName)
	if name == "" || strings.Trim(pattern, "*") == "" {
		return nil // an image as likely as a stage
	}
	var out []int
	for i := range stage {
		if ok, err := path.Match(pattern, f.Stages[i].Name); ok && err == nil {
			out = append(out, i)
		}
	}
	return out
}

// wildcard puts * in place of every variable of a word.
func wildcard(word string) string {
	var b strings.Builder
	for i := 0; i < len(word); i++ {
		if word[i] != '$' {
			b.WriteByte(word[i])
			continue
		}
		b.WriteByte('*')
		if i+1 < len(word) && word[i+1] == '{' {
			end := strings.IndexByte(word[i:], '}')
			if end < 0 {
				break
			}
			i += end
			continue
		}
		for i+1 < len(word) && (word[i+1] == '_' || word[i+1] >= '0' && word[i+1] <= '9' || word[i+1]|0x20 >= 'a' && word[i+1]|0x20 <= 'z') {
			i++
		}
	}
	return strings.ToLower(b.String())
}

// Shipped reports whether what a stage's instructions do is in the image: it
// is the final stage or one that the final stage is made from.
func (f *File) Shipped(stage int) bool {
	return stage >= 0 && stage < len(f.shipped) && f.shipped[stage]
}

// In lists the instructions of a stage after its FROM, the triggers of ONBUILD
// among them.
func (f *File) In(stage int) []Instruction {
	from, to := f.Stages[stage].From+1, len(f.Instructions)
	if stage+1 < len(f.Stages) {
		to = f.Stages[stage+1].From
	}
	return f.Instructions[from:to:to]
}

// At finds the instruction that a line of the file, counted from 1, belongs
// to. Comments and blank lines between instructions belong to none.
func (f *File) At(line int) (Instruction, bool) {
	i, _ := slices.BinarySearchFunc(f.Instructions, line, func(in Instruction, line int) int { return cmp.Compare(in.Node.EndLine, line) })
	if i < len(f.Instructions) && f.Instructions[i].Node.StartLine <= line {
		return f.Instructions[i], true
	}
	return Instruction{}, false
}

// Span is the whole instruction without the end of its last line.
func (in Instruction) Span() source.Span { return in.Text.Span(0, len(in.Text.Text)) }

// First is the first word of the line as it stands, and its place: that of
// ONBUILD where the instruction is its trigger.
func (in Instruction) First() (string, source.Span) {
	return in.first, source.Span{Start: in.at, End: in.at + len(in.first)}
}

// KeywordSpan is the instruction's first word.
func (in Instruction) KeywordSpan() source.Span { return in.Text.Span(0, len(in.Node.Value)) }

// Arguments is what follows the instruction's first word, without blanks around
// it.
func (in Instruction) Arguments() source.Span {
	text := strings.TrimRight(in.Text.Text, " \t")
	at := min(len(in.Node.Value), len(text))
	for at < len(text) && (text[at] == ' ' || text[at] == '\t') {
		at++
	}
	return in.Text.Span(at, len(text))
}

// Find gives the span of the first place where word stands in the arguments,
// bounded by characters that are not part of a word.
func (in Instruction) Find(word string) (source.Span, bool) {
	text := in.Text.Text
	for at := min(len(in.Node.Value), len(text)); word != ""; {
		i := strings.Index(text[at:], word)
		if i < 0 {
			break
		}
		start, end := at+i, at+i+len(word)
		if (start == 0 || boundary(text[start-1])) && (end == len(text) || boundary(text[end])) {
			return in.Text.Span(start, end), true
		}
		at = start + 1
	}
	return in.Span(), false
}

func boundary(c byte) bool {
	return strings.IndexByte(" \t\"'=[],\n\r", c) >= 0
}
