package shell

import (
	"context"
	"fmt"
	"strings"

	"github.com/whittle-oci/whittle/builder/image"
	"github.com/whittle-oci/whittle/builder/need"
	"github.com/whittle-oci/whittle/builder/tree"
	"github.com/whittle-oci/whittle/lint/command"
)

// Form takes the script out of what a shell form becomes in an image
// configuration: a shell, its flags ending in c, one string. args are the
// words after it, which the script sees as $0, $1 and so on.
func Form(argv []string) (script string, args []string, ok bool) {
	if len(argv) < 3 || !command.IsShell(argv[0]) {
		return "", nil, false
	}
	for i := 1; i+1 < len(argv); i++ {
		word := argv[i]
		if strings.HasPrefix(word, "-") && !strings.HasPrefix(word, "--") && strings.HasSuffix(word, "c") {
			return argv[i+1], argv[i+2:], true
		}
		if !strings.HasPrefix(word, "-") && argv[i-1] != "-o" {
			return "", nil, false // the name of a script
		}
	}
	return "", nil, false
}

// IsScript reports whether the program at a path begins with a #! line.
func IsScript(ctx context.Context, env *need.Env, name string) (bool, error) {
	res, err := tree.Resolve(ctx, env.Tree, name)
	if need.Missing(err) || err == nil && !res.Entry.IsRegular() {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	head, err := env.Head(ctx, res.Path)
	return strings.HasPrefix(string(head), "#!"), err
}

// Plain gives a script as one command that needs no shell. What only a shell
// has, because no program of that name is there, is not one.
func Plain(ctx context.Context, env *need.Env, script string) ([]string, bool, error) {
	words, ok := command.Plain(script)
	if !ok {
		return nil, false, nil
	}
	argv := command.Argv(words)
	if !command.IsBuiltin(argv[0], "bash") {
		return argv, true, nil
	}
	_, found, err := env.LookPath(ctx, argv[0])
	return argv, found, err
}

// PlainReason is why a shell form becomes an exec form.
const PlainReason = "a plain command needs no shell"

// Resolve implements need.Launcher: a shell form of one plain command is that
// command, any other brings the shell and what its script runs. A script that
// ends by exec "$@" starts its arguments.
func (p *Provider) Resolve(ctx context.Context, env *need.Env, c need.Command) (need.Step, bool, error) {
	if c.Program != "" {
		return p.resolveScript(ctx, env, c)
	}
	script, args, ok := Form(c.Argv)
	if !ok {
		return need.Step{}, false, nil
	}
	if len(args) == 0 && !c.Fixed {
		plain, ok, err := Plain(ctx, env, script)
		if err != nil {
			return need.Step{}, false, err
		}
		if ok {
			next := c
			next.Argv, next.More = plain, nil // a script reads what is appended as $0 and does nothing with it
			return need.Step{Next: next, Rewritten: plain, From: script, Why: PlainReason}, true, nil
		}
	}
	name, ok, err := env.LookPath(ctx, c.Argv[0])
	if err != nil {
		return need.Step{}, false, err
	}
	if !ok {
		return need.Step{}, false, &image.RefusedError{
			Instruction: c.Instruction,
			Message:     fmt.Sprintf("the shell form needs %s, which is not in the built image", c.Argv[0]),
			Hint:        `use the exec form: ["program", "argument"]`,
		}
	}
	found, execArgs, err := p.commands(ctx, env, c.Instruction, name, []byte(script))
	if err != nil {
		return need.Step{}, false, err
	}
	for i := range found.Needs {
		found.Needs[i].Instruction, found.Needs[i].Shell = c.Instruction, true
	}
	for i := range found.Warnings {
		found.Warnings[i].Instruction = c.Instruction
	}
	found.Needs = append(found.Needs, need.Need{
		Kind: need.Program, Path: name, By: c.Instruction, Reason: "shell of " + c.Instruction, Strength: need.Required, Instruction: c.Instruction, Shell: true,
	})
	return need.Step{Found: found, Next: rest(c, args[min(1, len(args)):], execArgs)}, true, nil
}

// resolveScript follows a shell script that runs its arguments. What the
// script itself needs is the closure's affair.
func (p *Provider) resolveScript(ctx context.Context, env *need.Env, c need.Command) (need.Step, bool, error) {
	s, err := p.read(ctx, env, c.Program)
	if err != nil || s == nil {
		return need.Step{}, false, err
	}
	self := need.Need{Kind: need.Program, Path: c.Program, By: c.Instruction, Reason: c.Reason, Strength: need.Required, Instruction: c.Instruction}
	next := rest(c, c.Args(), s.execArgs)
	step := need.Step{Next: next, Found: need.Found{Needs: []need.Need{self}}}
	if len(next.Argv) == 0 {
		step.Needs = append(step.Needs, need.Arguments(c)...)
	}
	return step, true, nil
}

// rest is what a script makes of its arguments.
func rest(c need.Command, args []string, execArgs bool) need.Command {
	if !execArgs {
		return need.Command{}
	}
	if len(args) == 0 {
		return need.Command{Open: true, Fixed: true}
	}
	return need.Command{Argv: args, Reason: c.Reason, Lenient: true, Fixed: true}
}
