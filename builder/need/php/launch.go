package php

import (
	"context"
	"fmt"
	"path"
	"strings"

	"github.com/whittle-oci/whittle/builder/image"
	"github.com/whittle-oci/whittle/builder/need"
	"github.com/whittle-oci/whittle/builder/need/source"
	"github.com/whittle-oci/whittle/builder/tree"
)

// options are the arguments of a PHP up to what it starts (php(1), php-fpm(8)).
type options struct {
	none    bool     // -n: no settings but -d
	ini     string   // -c
	defines []string // -d, and -z as zend_extension=
	file    string   // that is run; "" for none
	code    string   // -r and its kind
	serve   bool     // -S
	root    string   // -t
	conf    string   // -y of PHP-FPM
	prefix  string   // -p of PHP-FPM
	rest    []string // arguments of the program
}

// long are the names of options in full, by their letters.
var long = map[string]byte{
	"no-php-ini": 'n', "php-ini": 'c', "define": 'd', "file": 'f', "run": 'r', "process-begin": 'B', "process-code": 'R', "process-file": 'F', "process-end": 'E',
	"server": 'S', "docroot": 't', "zend-extension": 'z', "fpm-config": 'y', "prefix": 'p', "pid": 'g', "rf": 'k', "rc": 'k', "re": 'k', "rz": 'k', "ri": 'k', "bindpath": 'b',
}

// parse reads the arguments of the command line, or of PHP-FPM, where no file
// follows and -t, -F, -R and -p mean something else.
func parse(args []string, server string) options {
	values := "cdfrBRFEStzkb"
	if server == "fpm" {
		values = "cdypgz"
	}
	var o options
	for i := 0; i < len(args); i++ {
		a := args[i]
		if a == "--" {
			o.rest = args[i+1:]
			if o.file == "" && o.code == "" && len(o.rest) > 0 && server != "fpm" && !o.serve {
				o.file, o.rest = o.rest[0], o.rest[1:]
			}
			return o
		}
		if !strings.HasPrefix(a, "-") || a == "-" {
			if server == "fpm" {
				continue
			}
			if o.code == "" && o.file == "" && a != "-" {
				o.file, o.rest = a, args[i+1:]
			} else {
				o.rest = args[i:]
			}
			return o
		}
		letter, value, has := a[1], a[2:], len(a) > 2
		if letter == '-' {
			var name string
			name, value, has = strings.Cut(a[2:], "=")
			letter = long[name]
		}
		if letter == 'n' {
			o.none = true
		}
		if letter == 0 || strings.IndexByte(values, letter) < 0 {
			continue
		}
		if !has && i+1 < len(args) {
			i++
			value = args[i]
		}
		value = strings.TrimPrefix(value, "=")
		switch letter {
		case 'c':
			o.ini = value
		case 'd':
			o.defines = append(o.defines, value)
		case 'z':
			o.defines = append(o.defines, "zend_extension="+value)
		case 'f', 'F':
			o.file = value
		case 'r', 'B', 'R', 'E':
			o.code += value + "\n"
		case 'S':
			o.serve = true
		case 't':
			o.root = value
		case 'y':
			o.conf = value
		case 'p':
			o.prefix = value
		}
	}
	return o
}

// Resolve implements need.Launcher: "php FILE", "php -S", "php-fpm", and scripts
// of PHP.
func (r *Runtime) Resolve(ctx context.Context, env *need.Env, c need.Command) (need.Step, bool, error) {
	if c.Program == "" {
		return need.Step{}, false, nil
	}
	if IsProgram(c.Program) {
		return r.start(ctx, env, c)
	}
	script, by, err := source.ScriptOf(ctx, env, c.Program, IsProgram)
	if err != nil || script == nil {
		return need.Step{}, false, err
	}
	r.mains[c.Program] = c.Instruction
	return script.Launch(c, by, "PHP"), true, nil
}

// start follows a program of PHP.
func (r *Runtime) start(ctx context.Context, env *need.Env, c need.Command) (need.Step, bool, error) {
	if s, err := source.ReadScript(ctx, env, c.Program); err != nil || s != nil {
		return need.Step{}, false, err // a wrapper of that name
	}
	step := need.Step{Found: need.Found{Needs: []need.Need{{Kind: need.Program, Path: c.Program, By: c.Instruction, Reason: c.Reason, Strength: need.Required, Instruction: c.Instruction}}}}
	p, err := r.place(ctx, env, c.Program, c.Program)
	if err != nil {
		return need.Step{}, false, err
	}
	if path.Base(c.Program) == "frankenphp" {
		step.Needs = append(step.Needs, need.Arguments(need.Command{Argv: c.Line(), Instruction: c.Instruction})...)
		for _, arg := range c.Line()[1:] {
			if strings.HasSuffix(arg, ".php") {
				r.mains[env.Abs(arg)] = c.Instruction
			}
		}
		return step, true, nil
	}
	o := parse(c.Line()[1:], p.server)
	s, err := p.settings(ctx, env, o)
	if err != nil {
		return need.Step{}, false, fmt.Errorf("reading the settings of %s: %w", c.Program, err)
	}
	if err := r.configured(ctx, env, p, s, &step.Found); err != nil {
		return need.Step{}, false, err
	}
	switch {
	case p.server == "fpm":
		err = r.manager(ctx, env, c, p, o, &step.Found)
	case o.serve:
		err = r.server(ctx, env, c, o, &step.Found)
	default:
		if o.file != "" {
			err = r.mainFile(ctx, env, c.Instruction, o.file, &step.Found)
		}
		if o.code != "" && err == nil {
			err = r.uses(ctx, env, c.Instruction, "<?php "+o.code, &step.Found)
		}
	}
	if err != nil {
		return need.Step{}, false, err
	}
	step.Needs = append(step.Needs, need.Arguments(need.Command{Argv: append([]string{""}, o.rest...), Instruction: c.Instruction})...)
	return step, true, nil
}

// server follows "php -S ADDRESS [-t DIRECTORY] [ROUTER]".
func (r *Runtime) server(ctx context.Context, env *need.Env, c need.Command, o options, out *need.Found) error {
	if o.root != "" {
		is, err := isDir(ctx, env.Tree, env.Abs(o.root))
		if err != nil {
			return err
		}
		if !is {
			return &image.RefusedError{Instruction: c.Instruction, Message: fmt.Sprintf("%s serves the directory %s, which is not in the built image", c.Instruction, env.Abs(o.root)), Hint: "copy it in the final stage, or correct -t; it is relative to WORKDIR"}
		}
	}
	if o.file == "" {
		return nil
	}
	at := env.Abs(o.file)
	is, err := isDir(ctx, env.Tree, at)
	if err != nil || is { // the directory to serve
		return err
	}
	if _, ok, err := tree.FindFile(ctx, env.Tree, at); err != nil {
		return err
	} else if !ok && o.root != "" { // the router is looked for there as well
		if _, ok, err := tree.FindFile(ctx, env.Tree, path.Join(env.Abs(o.root), o.file)); err != nil || ok {
			return err
		}
	}
	return r.mainFile(ctx, env, c.Instruction, o.file, out)
}

// mainFile asks for the file that PHP is given.
func (r *Runtime) mainFile(ctx context.Context, env *need.Env, instruction, name string, out *need.Found) error {
	at := env.Abs(name)
	if strings.Contains(name, "://") {
		return nil // a stream
	}
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
	r.mains[res.Path] = instruction
	out.Needs = append(out.Needs, need.Need{Kind: need.Config, Path: at, By: instruction, Reason: "main file of " + instruction, Strength: need.Required, Instruction: instruction})
	return nil
}
