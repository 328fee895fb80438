package node

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/whittle-oci/whittle/builder/image"
	"github.com/whittle-oci/whittle/builder/need"
	"github.com/whittle-oci/whittle/builder/tree"
)

// Resolve implements need.Launcher: node starts a file, a package manager a
// script or program of a package, a shim the file that it is for.
func (r *Runtime) Resolve(ctx context.Context, env *need.Env, c need.Command) (need.Step, bool, error) {
	if c.Program == "" || len(c.Argv) == 0 {
		return need.Step{}, false, nil
	}
	is, err := isNode(ctx, env, c.Program)
	if err != nil {
		return need.Step{}, false, err
	}
	if is {
		return r.node(ctx, env, c)
	}
	res, ok, err := tree.FindFile(ctx, env.Tree, c.Program)
	if err != nil || !ok {
		return need.Step{}, false, err
	}
	head, err := env.Head(ctx, res.Path)
	if err != nil || !bytes.HasPrefix(head, []byte("#!")) {
		return need.Step{}, false, err
	}
	if slices.Contains(managers, path.Base(c.Argv[0])) || slices.Contains(managers, path.Base(c.Program)) {
		return r.manager(ctx, env, c)
	}
	if options, ok := interpreted(head); ok {
		return r.script(ctx, env, c, res, options)
	}
	return r.shim(ctx, env, c, res)
}

// refuse is the error for a command line that cannot start.
func refuse(c need.Command, hint, format string, args ...any) error {
	return &image.RefusedError{Instruction: c.Instruction, Message: fmt.Sprintf(format, args...), Hint: hint}
}

// bad makes a refusal of a package.json that is no JSON.
func bad(c need.Command, err error) error {
	if b, ok := errors.AsType[*badManifest](err); ok {
		return refuse(c, "correct it: node and npm do not start with it either", "%s", b.Error())
	}
	return err
}

// program is the need for what a command starts.
func program(c need.Command, name string) need.Need {
	return need.Need{Kind: need.Program, Path: name, By: c.Instruction, Reason: c.Reason, Strength: need.Required, Instruction: c.Instruction}
}

// node follows a command line of node to the file that it runs.
func (r *Runtime) node(ctx context.Context, env *need.Env, c need.Command) (need.Step, bool, error) {
	words := c.Line()[1:]
	line := parse(words)
	step := need.Step{}
	step.Needs = []need.Need{program(c, c.Program)}
	if line.run != "" {
		t := task{manager: "node", script: line.run, args: line.rest, words: "node --run " + line.run}
		return r.run(ctx, env, c, t)
	}
	if err := r.preload(ctx, env, c, line, &step.Found); err != nil {
		return step, false, bad(c, err)
	}
	if line.watch {
		step.Warnings = append(step.Warnings, image.NewWarning(c.Instruction, "node --watch is for development: it starts the program anew when a file changes", "leave --watch out"))
	}
	if line.script == "" {
		step.Needs = append(step.Needs, need.Arguments(c)...)
		return step, true, nil
	}
	if line.script == "inspect" || line.script == "debug" {
		step.Warnings = append(step.Warnings, image.NewWarning(c.Instruction, "node "+line.script+" is for debugging", "start the program itself"))
		return step, true, nil
	}
	main, ok, err := r.file(ctx, env, absolute(env, line.script))
	if err != nil {
		return step, false, bad(c, err)
	}
	if !ok {
		return step, false, refuse(c, "copy or build it in the final stage, or correct the path or WORKDIR", "%s starts %s, which is not in the built image", path.Base(c.Argv[0]), absolute(env, line.script))
	}
	res, err := tree.Resolve(ctx, env.Tree, main)
	if err != nil {
		return step, false, err
	}
	if slices.Contains(need.AccountFiles, res.Path) || has(need.Mounted, res.Path) {
		return step, false, refuse(c, "correct the path", "%s starts %s, which is no program", path.Base(c.Argv[0]), res.Path)
	}
	step.Needs = append(step.Needs, need.Need{Kind: need.Config, Path: main, By: c.Instruction, Reason: "main file of " + c.Instruction, Strength: need.Required, Instruction: c.Instruction})
	args := words[line.at+1:]
	step.Needs = append(step.Needs, need.Arguments(need.Command{Argv: append([]string{main}, args...), Instruction: c.Instruction})...)
	if err := r.started(ctx, env, res.Path); err != nil {
		return step, false, err
	}
	r.mains = append(r.mains, res.Path)
	r.preloads = r.preloads || len(line.modules)+len(line.loaders) > 0
	step.Warnings = append(step.Warnings, development(c, res.Path)...)
	if inner, ok := starts(res.Path, args); ok {
		step.Next = further(c, inner, toolOf(res.Path))
	}
	return step, true, nil
}

// further is the command that a tool starts, whose words end the command line
// of the tool.
func further(c need.Command, argv []string, tool string) need.Command {
	return need.Command{Argv: argv, Reason: c.Instruction + " through " + tool, Fixed: c.Fixed || len(c.More) > 0, Lenient: true}
}

// absolute gives a path as node in WORKDIR means it. A slash at its end stays,
// since it says that a directory is meant.
func absolute(env *need.Env, name string) string {
	out := env.Abs(name)
	if strings.HasSuffix(name, "/") && out != "/" {
		out += "/"
	}
	return out
}

// started notes the application that a file belongs to. A tool of a package
// starts that of WORKDIR.
func (r *Runtime) started(ctx context.Context, env *need.Env, real string) error {
	root, err := r.root(ctx, env, real)
	if err != nil {
		return err
	}
	r.roots[root] = true
	if tool := toolOf(real); tool != "" {
		r.tools[tool] = true
		r.workdir(env)
	}
	return nil
}

// workdir notes that the application is that of WORKDIR.
func (r *Runtime) workdir(env *need.Env) {
	if dir := env.Abs("."); !systemDir(dir) {
		r.roots[dir] = true
	}
}

// preload asks for what node reads before the program: the modules and files
// that options name.
func (r *Runtime) preload(ctx context.Context, env *need.Env, c need.Command, line commandLine, out *need.Found) error {
	for _, list := range []struct {
		names []string
		what  string
	}{{line.modules, "--require or --import"}, {line.loaders, "--loader"}} {
		for _, name := range list.names {
			found, ok, err := r.module(ctx, env, env.Abs("."), name)
			if err != nil {
				return err
			}
			if !ok {
				return refuse(c, "install or copy it in the final stage, or leave the option out", "%s names the module %s by %s, which is not in the built image", orElse(c.Instruction, "NODE_OPTIONS"), name, list.what)
			}
			if found != "" {
				out.Needs = append(out.Needs, need.Need{Kind: need.Config, Path: found, By: c.Instruction, Reason: "loaded by " + list.what + " of " + orElse(c.Instruction, "NODE_OPTIONS"), Strength: need.Required, Instruction: c.Instruction})
			}
		}
	}
	for _, name := range line.config {
		out.Needs = append(out.Needs, need.Need{Kind: need.Config, Path: env.Abs(name), By: c.Instruction, Reason: "named by an option of node", Strength: need.Expected, Instruction: c.Instruction})
	}
	for _, name := range line.envFiles {
		out.Warnings = append(out.Warnings, image.NewWarning(c.Instruction, fmt.Sprintf("node does not start without %s, which --env-file names; a file of variables is left out where it may hold secrets", env.Abs(name)), "use --env-file-if-exists, or set the variables where the container is started"))
	}
	if line.icu != "" {
		if err := below(ctx, env, env.Abs(line.icu), "data of ICU that --icu-data-dir names", out); err != nil {
			return err
		}
	}
	if line.system {
		out.Facts = append(out.Facts, need.Fact{Kind: need.Certificates, Reason: "node is told to read the system's certificate authorities"})
	}
	return nil
}

// below asks for a directory with all that is in it.
func below(ctx context.Context, env *need.Env, dir, reason string, out *need.Found) error {
	res, ok, err := tree.Find(ctx, env.Tree, dir)
	if err != nil || !ok {
		return err
	}
	return tree.Walk(ctx, env.Tree, res.Path, func(name string, e tree.Entry) error {
		n := need.Need{Kind: need.Data, Path: name, By: dir, Reason: reason, Strength: need.Expected, Droppable: true, Entry: &e}
		switch {
		case e.IsSymlink():
			n.Kind, n.Entry = need.KeptLink, nil
		case !e.IsRegular():
			return nil
		}
		out.Needs = append(out.Needs, n)
		return nil
	})
}

// script starts a file whose #! line names Node.js. Where the line asks env for
// it, the command line does so instead, and env need not be in the image.
func (r *Runtime) script(ctx context.Context, env *need.Env, c need.Command, res tree.Resolved, options []string) (need.Step, bool, error) {
	interpreter, found, err := env.LookPath(ctx, "node")
	if err != nil || !found {
		return need.Step{}, false, err // the closure says what is missing
	}
	if err := r.started(ctx, env, res.Path); err != nil {
		return need.Step{}, false, err
	}
	if c.Fixed || len(c.More) > 0 { // what follows an ENTRYPOINT is for who runs the image to say
		step := need.Step{}
		step.Needs = append([]need.Need{program(c, c.Program)}, need.Arguments(c)...)
		step.Warnings = development(c, res.Path)
		if inner, ok := starts(res.Path, c.Line()[1:]); ok {
			step.Next = further(c, inner, toolOf(res.Path))
		}
		return step, true, nil
	}
	name := c.Argv[0]
	if !strings.Contains(name, "/") {
		name = c.Program
	}
	argv := slices.Concat([]string{"node"}, options, []string{name}, c.Args())
	next := c
	next.Argv, next.Program = argv, interpreter
	return need.Step{Next: next, Rewritten: argv, From: need.Quote(c.Argv), Why: fmt.Sprintf("%s is a script for node", c.Program)}, true, nil
}

// shim starts what a package manager's shim starts.
func (r *Runtime) shim(ctx context.Context, env *need.Env, c need.Command, res tree.Resolved) (need.Step, bool, error) {
	if res.Entry.Size > maxShim || c.Fixed || len(c.More) > 0 {
		return need.Step{}, false, nil
	}
	text, err := tree.ReadFile(ctx, env.Tree, res.Path, maxShim)
	if err != nil {
		return need.Step{}, false, fmt.Errorf("reading %s: %w", res.Path, err)
	}
	name := c.Program
	if !path.IsAbs(name) {
		name = env.Abs(name)
	}
	s, ok := parseShim(name, text)
	if !ok {
		return need.Step{}, false, nil
	}
	if _, ok, err := tree.FindFile(ctx, env.Tree, s.target); err != nil || !ok {
		if err != nil {
			return need.Step{}, false, err
		}
		return need.Step{}, false, refuse(c, "install it in the final stage, with the links that the package manager makes", "%s starts %s, which is not in the built image", c.Program, s.target)
	}
	argv := append([]string{s.target}, c.Args()...)
	if s.node {
		argv = slices.Concat([]string{"node"}, s.options, argv)
	}
	next := c
	next.Argv, next.Program = argv, ""
	step := need.Step{Next: next, Rewritten: argv, From: need.Quote(c.Argv), Why: fmt.Sprintf("%s is a shell script that does nothing else", c.Program)}
	if _, set := env.Getenv("NODE_PATH"); s.nodePath != "" && !set {
		step.Env = []string{"NODE_PATH=" + s.nodePath}
	}
	return step, true, nil
}

func orElse(s, other string) string {
	if s == "" {
		return other
	}
	return s
}
