package dockerfile

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"unicode"

	"github.com/moby/buildkit/frontend/dockerfile/parser"

	"github.com/whittle-oci/whittle/lint/source"
)

// What is read of a file that was made to hurt its reader. BuildKit's parser
// recurses for ONBUILD and for variables in variables, and a goroutine that runs
// out of stack cannot be recovered; an instruction costs about a kilobyte, a word
// some hundred bytes.
const (
	maxInstructions = 250_000
	maxWords        = 4_000_000
	maxTriggers     = 100      // ONBUILD ONBUILD …
	maxVariables    = 1000     // of one word: ${a:-${b:-…
	maxValue        = 16 << 10 // bytes that a variable stands for; A=$B$B, B=$C$C, …
	maxGrowth       = 64 << 20 // bytes that words of one file grow by, in all
	maxInstruction  = 1 << 20  // bytes of one instruction, without heredocs
	// maxScript is the most text, in bytes, that is read as shell. The shell
	// parser recurses too.
	maxScript = 256 << 10
)

var errNested = fmt.Errorf("there are more than %d variables in one word", maxVariables)

// expandable reports whether filling variables into a word is within bounds.
func (f *File) expandable(word string) bool {
	return strings.Count(word, "$") <= maxVariables && f.growth <= maxGrowth
}

// grown takes into account what became of a word.
func (f *File) grown(word, value string) {
	f.growth += max(len(value)-len(word), 0)
}

// bounds refuses files beyond the limits. It takes lines apart roughly, without
// the parser that it protects, and counts the lines of heredocs as if they were
// instructions: where a heredoc ends is the parser's to say.
func bounds(src *source.File) error {
	escape := byte('\\')
	if e, _, _, ok := parser.ParseDirective("escape", src.Bytes); ok && e == "`" {
		escape = '`'
	}
	var b budget
	continued := false
	for n := 1; n <= src.Lines(); n++ {
		text := bytes.TrimLeftFunc(src.Line(n), unicode.IsSpace)
		if len(text) == 0 || text[0] == '#' {
			continue
		}
		if !continued {
			b.next(text)
		}
		text, continued = source.CutContinuation(text, escape)
		if err := b.spend(text); err != nil {
			return &SyntaxError{Name: src.Name, Line: n, Err: err}
		}
	}
	return nil
}

// A budget is what a file may still cost.
type budget struct {
	instructions, words int
	// Of the instruction at hand:
	size, triggers, variables int
	onbuild, heredoc          bool
}

// next begins an instruction.
func (b *budget) next(text []byte) {
	b.instructions++
	b.size, b.triggers, b.variables, b.heredoc = 0, 0, 0, false
	b.onbuild = len(text) > 7 && bytes.EqualFold(text[:7], []byte("onbuild"))
}

// spend takes a line of the instruction into account.
func (b *budget) spend(text []byte) error {
	b.size += len(text)
	b.words += words(text)
	b.variables += bytes.Count(text, []byte("${"))
	b.heredoc = b.heredoc || bytes.Contains(text, []byte("<<"))
	if b.onbuild {
		b.triggers += bytes.Count(bytes.ToLower(text), []byte("onbuild"))
	}
	switch {
	case b.instructions > maxInstructions:
		return fmt.Errorf("there are more than %d instructions; whittle reads no more", maxInstructions)
	case b.words > maxWords:
		return fmt.Errorf("there are more than %d words; whittle reads no more", maxWords)
	case b.size > maxInstruction:
		return fmt.Errorf("the instruction is longer than %d bytes; whittle reads no more", maxInstruction)
	case b.triggers > maxTriggers:
		return errors.New("ONBUILD cannot be triggered by ONBUILD")
	case b.heredoc && b.variables > maxVariables:
		return fmt.Errorf("there are more than %d variables beside a heredoc; whittle reads no more", maxVariables)
	}
	return nil
}

func words(text []byte) (n int) {
	blank := true
	for _, c := range text {
		is := c == ' ' || c == '\t'
		if blank && !is {
			n++
		}
		blank = is
	}
	return n
}
