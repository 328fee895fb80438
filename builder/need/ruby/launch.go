package ruby

import (
	"context"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/whittle-oci/whittle/builder/image"
	"github.com/whittle-oci/whittle/builder/need"
	"github.com/whittle-oci/whittle/builder/need/installation"
	"github.com/whittle-oci/whittle/builder/need/source"
	"github.com/whittle-oci/whittle/builder/tree"
)

// options are the arguments of Ruby up to what it starts (ruby(1)).
type options struct {
	file, code string
	dir        string   // -C
	path       bool     // -S: the file is looked for along PATH
	required   []string // -r
	rest       []string
}

func parse(args []string) options {
	var o options
	for i := 0; i < len(args); i++ {
		a := args[i]
		if a == "--" {
			if o.code == "" && i+1 < len(args) {
				o.file, i = args[i+1], i+1
			}
			o.rest = args[min(i+1, len(args)):]
			return o
		}
		if !strings.HasPrefix(a, "-") || a == "-" {
			if o.code == "" && a != "-" {
				o.file = a
				i++
			}
			o.rest = args[min(i, len(args)):]
			return o
		}
		if strings.HasPrefix(a, "--") {
			if slices.Contains([]string{"--encoding", "--external-encoding", "--internal-encoding"}, a) {
				i++
			}
			continue
		}
		value := a[2:]
		next := func() string {
			if value == "" && i+1 < len(args) {
				i++
				return args[i]
			}
			return value
		}
		switch a[1] {
		case 'e':
			o.code += next() + "\n"
		case 'I', 'E':
			next()
		case 'r':
			o.required = append(o.required, next())
		case 'C', 'X':
			o.dir = next()
		case 'S':
			o.path = true
		}
	}
	return o
}

// servers are programs that serve config.ru of the working directory where they
// are given nothing else, and the file that may say otherwise.
var servers = map[string]string{"rackup": "", "puma": "config/puma.rb", "unicorn": "", "thin": "", "falcon": "falcon.rb"}

// Resolve implements need.Launcher: "ruby FILE", scripts of Ruby, "bundle exec".
func (r *Runtime) Resolve(ctx context.Context, env *need.Env, c need.Command) (need.Step, bool, error) {
	if c.Program == "" {
		return need.Step{}, false, nil
	}
	if IsProgram(c.Program) {
		return r.start(ctx, env, c)
	}
	script, at, err := source.ScriptOf(ctx, env, c.Program, IsProgram)
	if err != nil || script == nil {
		return need.Step{}, false, err
	}
	p, err := r.place(ctx, env, at, at)
	if err != nil || p == nil {
		return need.Step{}, false, err // the provider says why
	}
	r.mains[c.Program] = c.Instruction
	tool := strings.TrimRight(path.Base(c.Program), "0123456789.")
	switch tool {
	case "bundle", "bundler":
		return r.bundle(ctx, env, c, p, at)
	case "foreman":
		return need.Step{}, false, &image.UnsupportedError{Instruction: c.Instruction, Why: fmt.Sprintf("%s starts foreman, which starts the command lines of Procfile by a shell; start one of them in each container instead", c.Instruction)}
	}
	if err := r.rack(ctx, env, c, tool); err != nil {
		return need.Step{}, false, err
	}
	return script.Launch(c, at, "Ruby"), true, nil
}

// rack refuses a server that finds no application: config.ru in WORKDIR.
func (r *Runtime) rack(ctx context.Context, env *need.Env, c need.Command, tool string) error {
	settings, ok := servers[tool]
	if !ok {
		return nil
	}
	for _, a := range c.Line()[1:] {
		if strings.HasSuffix(a, ".ru") {
			at := env.Abs(a)
			_, there, err := tree.FindFile(ctx, env.Tree, at)
			if err != nil || there {
				return err
			}
			return &image.RefusedError{Instruction: c.Instruction, Message: fmt.Sprintf("%s has %s serve %s, which is not in the built image", c.Instruction, tool, at), Hint: "copy it in the final stage, or correct the path; it is relative to WORKDIR"}
		}
		if slices.Contains([]string{"-C", "--config", "-c", "--chdir", "--dir", "-R", "--rackup", "-r", "-e", "--version", "-V", "--help", "-h"}, a) {
			return nil // it says where
		}
	}
	for _, name := range []string{settings, "config.ru"} {
		if name == "" {
			continue
		}
		_, there, err := tree.FindFile(ctx, env.Tree, env.Abs(name))
		if err != nil || there {
			return err
		}
	}
	return &image.RefusedError{Instruction: c.Instruction, Message: fmt.Sprintf("%s starts %s, and %s is not in the built image", c.Instruction, tool, env.Abs("config.ru")), Hint: "copy it in the final stage, or correct WORKDIR"}
}

// start follows "ruby …".
func (r *Runtime) start(ctx context.Context, env *need.Env, c need.Command) (need.Step, bool, error) {
	if s, err := source.ReadScript(ctx, env, c.Program); err != nil || s != nil {
		return need.Step{}, false, err // a wrapper of that name
	}
	step := need.Step{Found: need.Found{Needs: []need.Need{{Kind: need.Program, Path: c.Program, By: c.Instruction, Reason: c.Reason, Strength: need.Required, Instruction: c.Instruction}}}}
	o := parse(c.Line()[1:])
	if o.file != "" {
		at := env.Abs(path.Join(o.dir, o.file))
		if o.path && !strings.Contains(o.file, "/") {
			if found, ok, err := env.LookPath(ctx, o.file); err != nil {
				return need.Step{}, false, err
			} else if ok {
				at = found
			}
		}
		res, ok, err := tree.FindFile(ctx, env.Tree, at)
		if err != nil {
			return need.Step{}, false, err
		}
		if !ok {
			bad := &image.RefusedError{Instruction: c.Instruction, Message: fmt.Sprintf("%s starts %s, which is not in the built image", c.Instruction, at), Hint: "copy it in the final stage, or correct the path; it is relative to WORKDIR"}
			if o.file != at {
				bad.Message = fmt.Sprintf("%s starts %s, and %s is not in the built image", c.Instruction, o.file, at)
			}
			return need.Step{}, false, bad
		}
		r.mains[res.Path] = c.Instruction
		step.Needs = append(step.Needs, need.Need{Kind: need.Config, Path: at, By: c.Instruction, Reason: "main file of " + c.Instruction, Strength: need.Required, Instruction: c.Instruction})
	}
	if o.code != "" {
		if err := r.uses(ctx, env, c.Instruction, o.code, &step.Found); err != nil {
			return need.Step{}, false, err
		}
	}
	if slices.Contains(o.required, "bundler/setup") {
		if p, err := r.place(ctx, env, c.Program, c.Program); err != nil {
			return need.Step{}, false, err
		} else if p != nil {
			if err := r.checkLock(ctx, env, c.Instruction, p); err != nil {
				return need.Step{}, false, err
			}
		}
	}
	step.Needs = append(step.Needs, need.Arguments(need.Command{Argv: append([]string{""}, o.rest...), Instruction: c.Instruction})...)
	return step, true, nil
}

// bundle follows "bundle exec COMMAND", which looks the command up along PATH
// and among the programs of the gems.
func (r *Runtime) bundle(ctx context.Context, env *need.Env, c need.Command, p *place, interpreter string) (need.Step, bool, error) {
	fixed := c
	fixed.Fixed = true // its #! line is of no account, and stays
	script := &source.Script{Interpreter: interpreter}
	step := script.Launch(fixed, interpreter, "Ruby")
	line := c.Line()[1:]
	i := 0
	for i < len(line) && strings.HasPrefix(line[i], "-") {
		i++
	}
	if i >= len(line) || line[i] != "exec" {
		return step, true, nil
	}
	for i++; i < len(line) && strings.HasPrefix(line[i], "-"); i++ {
		if line[i] == "--" {
			i++
			break
		}
	}
	if err := r.checkLock(ctx, env, c.Instruction, p); err != nil {
		return need.Step{}, false, err
	}
	if i >= len(line) {
		step.Next = need.Command{Open: true, Fixed: true}
		return step, true, nil
	}
	command := line[i:]
	_, ok, err := env.LookPath(ctx, command[0])
	if err != nil {
		return need.Step{}, false, err
	}
	if ok {
		step.Next = need.Command{Argv: command, Reason: c.Instruction + " through Bundler", Fixed: true}
		return step, true, nil
	}
	for _, dir := range p.gems {
		for _, pattern := range []string{"bin/" + command[0], "gems/*/exe/" + command[0], "gems/*/bin/" + command[0]} {
			if strings.ContainsAny(command[0], "*?[\\/") {
				continue
			}
			found, err := installation.Glob(ctx, env.Tree, dir, pattern)
			if err != nil {
				return need.Step{}, false, err
			}
			if len(found) > 0 {
				r.mains[found[0]] = c.Instruction
				step.Needs = append(step.Needs, need.Need{Kind: need.Config, Path: found[0], By: c.Instruction, Reason: "program of a gem that " + c.Instruction + " runs", Strength: need.Required, Instruction: c.Instruction})
				tool := need.Command{Argv: command, Instruction: c.Instruction}
				return step, true, r.rack(ctx, env, tool, command[0])
			}
		}
	}
	if len(p.gems) == 0 {
		return step, true, nil
	}
	return need.Step{}, false, &image.RefusedError{
		Instruction: c.Instruction,
		Message:     fmt.Sprintf("%s has Bundler run %s, which is neither along PATH nor a program of a gem in %s", c.Instruction, command[0], strings.Join(p.gems, ", ")),
		Hint:        "install its gem in the final stage, in no group that is left out",
	}
}
