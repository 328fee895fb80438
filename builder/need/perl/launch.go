package perl

import (
	"context"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/whittle-oci/whittle/builder/image"
	"github.com/whittle-oci/whittle/builder/need"
	"github.com/whittle-oci/whittle/builder/need/source"
	"github.com/whittle-oci/whittle/builder/tree"
)

// options are the arguments of Perl up to what it starts (perlrun).
type options struct {
	file, code string
	unsure     bool // -I, -M, -x: modules may come from elsewhere
	path       bool // -S
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
		for j := 1; j < len(a); j++ {
			value := a[j+1:]
			switch a[j] {
			case 'e', 'E', 'I':
				if value == "" && i+1 < len(args) {
					i++
					value = args[i]
				}
				if a[j] == 'I' {
					o.unsure = true
				} else {
					o.code += value + "\n"
				}
			case 'M', 'm', 'x':
				o.unsure = true
			case 'F', 'C', 'i', 'D', 'V', 'd':
			case 'S':
				o.path = true
				continue
			default:
				continue
			}
			break
		}
	}
	return o
}

// servers are programs that serve an application of PSGI: app.psgi of the
// working directory where they are given none (plackup(1), starman(1)).
var servers = []string{"plackup", "starman", "twiggy", "starlet", "feersum"}

// Resolve implements need.Launcher: "perl FILE" and scripts of Perl.
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
	if p, err := r.place(ctx, env, at); err != nil || p == nil {
		return need.Step{}, false, err // the provider says why
	}
	r.mains[c.Program] = main{c.Instruction, len(script.Options) > 0}
	step := script.Launch(c, at, "Perl")
	if slices.Contains(servers, path.Base(c.Program)) && step.Rewritten == nil {
		if err := r.application(ctx, env, c, &step.Found); err != nil {
			return need.Step{}, false, err
		}
	}
	return step, true, nil
}

// application asks for what a server is told to serve.
func (r *Runtime) application(ctx context.Context, env *need.Env, c need.Command, out *need.Found) error {
	name := ""
	for _, a := range c.Line()[1:] {
		if strings.HasSuffix(a, ".psgi") || strings.HasSuffix(a, ".pl") {
			_, value, ok := strings.Cut(a, "=")
			if name = a; ok {
				name = value
			}
		}
		if slices.Contains([]string{"-e", "-M", "-h", "--help", "-v", "--version"}, a) {
			return nil
		}
	}
	if name == "" {
		name = "app.psgi"
	}
	return r.mainFile(ctx, env, c.Instruction, name, true, out)
}

func (r *Runtime) mainFile(ctx context.Context, env *need.Env, instruction, name string, unsure bool, out *need.Found) error {
	at := env.Abs(name)
	res, ok, err := tree.FindFile(ctx, env.Tree, at)
	if err != nil {
		return err
	}
	if !ok {
		bad := &image.RefusedError{Instruction: instruction, Message: fmt.Sprintf("%s starts %s, which is not in the built image", instruction, at), Hint: "copy it in the final stage, or correct the path; it is relative to WORKDIR"}
		if name != at {
			bad.Message = fmt.Sprintf("%s starts %s, and %s is not in the built image", instruction, name, at)
		}
		return bad
	}
	r.mains[res.Path] = main{instruction, unsure}
	out.Needs = append(out.Needs, need.Need{Kind: need.Config, Path: at, By: instruction, Reason: "main file of " + instruction, Strength: need.Required, Instruction: instruction})
	return nil
}

// start follows "perl …".
func (r *Runtime) start(ctx context.Context, env *need.Env, c need.Command) (need.Step, bool, error) {
	if s, err := source.ReadScript(ctx, env, c.Program); err != nil || s != nil {
		return need.Step{}, false, err // a wrapper of that name
	}
	step := need.Step{Found: need.Found{Needs: []need.Need{{Kind: need.Program, Path: c.Program, By: c.Instruction, Reason: c.Reason, Strength: need.Required, Instruction: c.Instruction}}}}
	o := parse(c.Line()[1:])
	if o.file != "" {
		name := o.file
		if o.path && !strings.Contains(name, "/") {
			found, ok, err := env.LookPath(ctx, name)
			if err != nil {
				return need.Step{}, false, err
			}
			if ok {
				name = found
			}
		}
		if err := r.mainFile(ctx, env, c.Instruction, name, o.unsure, &step.Found); err != nil {
			return need.Step{}, false, err
		}
		if inner := (need.Command{Argv: append([]string{name}, o.rest...), Instruction: c.Instruction}); slices.Contains(servers, path.Base(name)) {
			if err := r.application(ctx, env, inner, &step.Found); err != nil {
				return need.Step{}, false, err
			}
		}
	}
	if o.code != "" {
		if err := r.uses(ctx, env, c.Instruction, o.code, &step.Found); err != nil {
			return need.Step{}, false, err
		}
	}
	step.Needs = append(step.Needs, need.Arguments(need.Command{Argv: append([]string{""}, o.rest...), Instruction: c.Instruction})...)
	return step, true, nil
}
