package source

import (
	"context"

	"github.com/whittle-oci/whittle/builder/need"
	"github.com/whittle-oci/whittle/builder/tree"
	"github.com/whittle-oci/whittle/lint/command"
)

// A Script is a program whose first line names its interpreter.
type Script struct {
	Interpreter string   // as a command: a name that env looks for, or a path
	Options     []string // that the line gives to it
	ByEnv       bool     // env looks the interpreter up along PATH
}

// ReadScript reads the first line of a program. It is nil for what is no script.
func ReadScript(ctx context.Context, env *need.Env, name string) (*Script, error) {
	res, ok, err := tree.FindFile(ctx, env.Tree, name)
	if err != nil || !ok {
		return nil, err
	}
	head, err := env.Head(ctx, res.Path)
	if err != nil {
		return nil, err
	}
	s, ok := command.Shebang(head)
	if !ok {
		return nil, nil
	}
	words := s.Command()
	if len(words) == 0 {
		return nil, nil
	}
	return &Script{words[0], words[1:], s.Env != ""}, nil
}

// ScriptOf is the script at a path when its interpreter has one of a language's
// names, with the path of that interpreter. It is nil for others, and for one
// whose interpreter is not there, of which the closure says so.
func ScriptOf(ctx context.Context, env *need.Env, name string, is func(name string) bool) (*Script, string, error) {
	s, err := ReadScript(ctx, env, name)
	if err != nil || s == nil || !is(s.Interpreter) {
		return nil, "", err
	}
	at, ok, err := env.LookPath(ctx, s.Interpreter)
	if err != nil || !ok {
		return nil, "", err
	}
	return s, at, nil
}

// Launch takes a script to its interpreter: the command line that starts it
// without env where that is the image's own, else what the script needs.
func (s *Script) Launch(c need.Command, interpreter, language string) need.Step {
	if s.ByEnv && !c.Fixed && !c.Open && len(c.More) == 0 {
		argv := append(append([]string{interpreter}, s.Options...), c.Program)
		argv = append(argv, c.Args()...)
		return need.Step{Next: need.Command{Argv: argv, Reason: c.Reason}, Rewritten: argv, From: need.Quote(c.Line()), Why: "it is a script of " + language + ", which needs no env to be started"}
	}
	step := need.Step{Found: need.Found{Needs: []need.Need{
		{Kind: need.Program, Path: c.Program, By: c.Instruction, Reason: c.Reason, Strength: need.Required, Instruction: c.Instruction},
		{Kind: need.Program, Path: interpreter, By: c.Program, Reason: "interpreter of " + c.Program, Strength: need.Required, Instruction: c.Instruction},
	}}}
	step.Needs = append(step.Needs, need.Arguments(need.Command{Argv: c.Line(), Instruction: c.Instruction})...)
	return step
}
