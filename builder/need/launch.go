package need

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/whittle-oci/whittle/builder/image"
)

// A Command is a command line as an image configuration or a program gives it
// to the kernel.
type Command struct {
	Argv []string
	// Program is the path of the program, once it was looked up; "" before.
	Program string
	// Instruction is where the command line comes from: ENTRYPOINT, CMD,
	// HEALTHCHECK, or a setting.
	Instruction string
	Reason      string // why the program is in the image
	// Open reports that a further command line, such as CMD after an
	// ENTRYPOINT, is run as a command by what this one starts.
	Open bool
	// Lenient says that a command that cannot be found is no fault: its first
	// word may mean something else to who starts it.
	Lenient bool
	// Fixed says that the command line stays as it is written: what starts it
	// is a shell anyway, or the image does not hold it.
	Fixed bool
	// More are the words that the container appends: CMD behind an ENTRYPOINT.
	More []string
}

// Line is the command line with what the container appends.
func (c Command) Line() []string { return slices.Concat(c.Argv, c.More) }

// A Step is what a launcher makes of a command.
type Step struct {
	// Next is what the command starts in turn. An empty Argv ends the launch.
	Next Command
	// Rewritten is the command line that the image gets instead of From, nil
	// when it stays; Why says why. WithMore says that it holds what the
	// container would have appended.
	Rewritten []string
	WithMore  bool
	// Appends says that the rewritten command line takes what the container
	// appends as the one that was written did.
	Appends   bool
	From, Why string
	// Env are variables, NAME=VALUE, that the image has to set for the
	// rewritten command line.
	Env []string
	Found
}

// A Launcher knows one way in which a command starts another.
type Launcher interface {
	// Resolve takes one step. ok is false for a command that is not the
	// launcher's. Errors are as those of [Provider].
	Resolve(ctx context.Context, env *Env, c Command) (s Step, ok bool, err error)
}

// maxSteps bounds a launch: a command that starts itself never settles.
const maxSteps = 128

// A Launched is one command line with what really starts.
type Launched struct {
	Argv     []string // of the image
	WithMore bool     // Argv holds what the container would have appended
	Appends  bool     // Argv takes what the container appends as the one that was written did
	Env      []string // variables that Argv needs, NAME=VALUE
	// Final is the last command of the chain. It is open when what it starts
	// is a further command line, and fixed when that stays as it is written.
	Final Command
	Found
	Changes []image.Change
}

// Launch follows one command line to what really starts, a step of the first
// launcher that knows it at a time, until none does. A command that is left
// over is a program with arguments, which may name files.
//
// Errors are *image.RefusedError for a command that cannot be found or never
// settles, and as those of [Provider].
func Launch(ctx context.Context, env *Env, c Command, launchers []Launcher) (Launched, error) {
	out := Launched{Argv: c.Argv}
	written := c.Argv
	// own says that c is the end of the image's own command line, before are
	// the words in front of it. What starts further down, in a script, is not
	// the image's to say.
	own, before := true, 0
	for range maxSteps {
		step, ok, err := resolve(ctx, env, c, launchers)
		if err != nil {
			return out, err
		}
		if !ok {
			out.Final = c
			return out, nil
		}
		out.add(step.Found)
		if own && step.Rewritten != nil {
			out.rewrite(before, c.Instruction, step)
		}
		if len(step.Next.Argv) == 0 {
			out.Final = c
			out.Final.Open, out.Final.Fixed = step.Next.Open, step.Next.Fixed
			return out, nil
		}
		step.Next.Instruction = c.Instruction
		if own {
			own = endsWith(out.Argv, step.Next.Argv)
			before = len(out.Argv) - len(step.Next.Argv)
		}
		c = step.Next
	}
	return out, &image.RefusedError{
		Instruction: c.Instruction,
		Message:     fmt.Sprintf("%s does not settle: after %d steps it still starts another command", Quote(written[:min(len(written), 8)]), maxSteps),
		Hint:        "name the program itself",
	}
}

// rewrite replaces the command line behind the first words.
func (l *Launched) rewrite(before int, instruction string, s Step) {
	l.Argv = slices.Concat(l.Argv[:before], s.Rewritten)
	l.WithMore = l.WithMore || s.WithMore
	l.Appends = s.Appends && (l.Appends || len(l.Changes) == 0)
	l.Changes = append(l.Changes, image.Change{Kind: "command", Name: instruction, From: s.From, To: Quote(l.Argv), Why: s.Why})
	for _, kv := range s.Env {
		name, value, _ := strings.Cut(kv, "=")
		l.Env = append(l.Env, kv)
		l.Changes = append(l.Changes, image.Change{Kind: "environment", Name: name, To: value, Why: s.Why})
	}
}

// endsWith reports whether a command line ends with another.
func endsWith(argv, end []string) bool {
	return len(end) <= len(argv) && slices.Equal(argv[len(argv)-len(end):], end)
}

func resolve(ctx context.Context, env *Env, c Command, launchers []Launcher) (Step, bool, error) {
	for _, l := range launchers {
		if s, ok, err := l.Resolve(ctx, env, c); ok || err != nil {
			return s, ok, err
		}
	}
	return Step{}, false, nil
}

func (l *Launched) add(f Found) {
	l.Needs = append(l.Needs, f.Needs...)
	l.Facts = append(l.Facts, f.Facts...)
	l.Shells = append(l.Shells, f.Shells...)
	l.Warnings = append(l.Warnings, f.Warnings...)
}

// Quote writes a command line as the exec form of a Dockerfile.
func Quote(argv []string) string {
	out := []byte{'['}
	for i, a := range argv {
		if i > 0 {
			out = append(out, ',')
		}
		out = strconv.AppendQuote(out, a)
	}
	return string(append(out, ']'))
}

// Args gives the arguments of a command that was looked up.
func (c Command) Args() []string { return slices.Clone(c.Argv[min(1, len(c.Argv)):]) }
