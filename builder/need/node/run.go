package node

import (
	"context"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/whittle-oci/whittle/builder/image"
	"github.com/whittle-oci/whittle/builder/need"
	"github.com/whittle-oci/whittle/builder/tree"
)

// manager takes a step from a package manager to what it runs. One that does
// something else is a program like any other.
func (r *Runtime) manager(ctx context.Context, env *need.Env, c need.Command) (need.Step, bool, error) {
	argv := c.Line()
	if !slices.Contains(managers, path.Base(argv[0])) {
		argv = append([]string{c.Program}, argv[1:]...)
	}
	t, ok := parseManager(argv)
	if !ok {
		why := fmt.Sprintf("what %s does is not known", need.Quote(c.Argv))
		return r.keep(ctx, env, c, t, nil, env.Abs("."), why)
	}
	return r.run(ctx, env, c, t)
}

// run takes a step to a script or program of a package: to its command line,
// where that needs no shell.
func (r *Runtime) run(ctx context.Context, env *need.Env, c need.Command, t task) (need.Step, bool, error) {
	workdir := env.Abs(".")
	dir, there, err := r.nearest(ctx, env, env.Abs(orElse(t.dir, ".")))
	if err != nil {
		return need.Step{}, false, err
	}
	if !there {
		if t.script != "" && t.program == "" {
			return need.Step{}, false, refuse(c, "copy it to the final stage, or correct WORKDIR", "%s reads package.json, which neither %s nor a directory above has in the built image", t.words, env.Abs(orElse(t.dir, ".")))
		}
		dir = env.Abs(orElse(t.dir, "."))
	}
	m, err := r.manifest(ctx, env, dir)
	if err != nil {
		return need.Step{}, false, bad(c, err)
	}
	text, vars, argv, why, err := r.command(ctx, env, c, t, m, dir)
	if err != nil {
		return need.Step{}, false, err
	}
	switch {
	case why == "" && c.Fixed:
		why = "it cannot be written otherwise there"
	case why == "" && dir != workdir:
		why = "it runs in " + dir + ", which is not WORKDIR"
	}
	if why != "" {
		return r.keep(ctx, env, c, t, m, dir, why)
	}
	if argv, why, err = r.pnp(ctx, env, t, dir, argv); err != nil || why != "" {
		if err != nil {
			return need.Step{}, false, err
		}
		return r.keep(ctx, env, c, t, m, dir, why)
	}
	more, err := r.lifecycle(ctx, env, t, m, dir, text)
	if err != nil {
		return need.Step{}, false, err
	}
	if more = append(more, vars...); len(more) > 0 && !slices.Contains(need.Starts, c.Instruction) {
		return r.keep(ctx, env, c, t, m, dir, "it sets variables for itself")
	}
	next := c
	next.Argv, next.Program, next.More = argv, "", nil
	if !strings.Contains(next.Reason, " through ") {
		next.Reason += " through " + t.words
	}
	return need.Step{Next: next, Rewritten: argv, WithMore: len(c.More) > 0, From: need.Quote(c.Line()), Why: fmt.Sprintf("%s runs %q, which needs neither %s nor a shell", t.words, text, t.manager), Env: more}, true, nil
}

// command finds the command line of a task, with the variables that it sets.
// why says what keeps the package manager in the image.
func (r *Runtime) command(ctx context.Context, env *need.Env, c need.Command, t task, m *manifest, dir string) (text string, vars, argv []string, why string, err error) {
	if t.script != "" && m != nil {
		if text = m.scripts[t.script]; text != "" {
			for _, hook := range []string{"pre" + t.script, "post" + t.script} {
				if t.hooks && m.scripts[hook] != "" {
					return text, nil, nil, fmt.Sprintf("%s has a script %s as well", m.path, hook), nil
				}
			}
			vars, argv, ok := plain(text)
			if !ok {
				return text, nil, nil, fmt.Sprintf("%q needs a shell", text), nil
			}
			argv, why, err := r.look(ctx, env, c, t, dir, append(argv, t.args...))
			return text, vars, argv, why, err
		}
	}
	if t.script == "start" && t.manager == "npm" {
		if _, ok, err := tree.FindFile(ctx, env.Tree, path.Join(dir, "server.js")); ok || err != nil { // npm's default
			return "node server.js", nil, append([]string{"node", "server.js"}, t.args...), "", err
		}
	}
	if t.program == "" {
		if t.present {
			return "", nil, nil, "there is no such script", nil
		}
		return "", nil, nil, "", refuse(c, "add it to scripts, or start the file itself: CMD [\"node\", \"FILE\"]", "%s has no script %s, which %s runs", path.Join(dir, "package.json"), t.script, t.words)
	}
	text = strings.Join(append([]string{t.program}, t.args...), " ")
	argv, why, err = r.look(ctx, env, c, t, dir, append([]string{t.program}, t.args...))
	return text, nil, argv, why, err
}

// look finds the first word of a command as package managers do: in the
// directories node_modules/.bin from that of the package upwards, then along
// PATH.
func (r *Runtime) look(ctx context.Context, env *need.Env, c need.Command, t task, dir string, argv []string) ([]string, string, error) {
	name := argv[0]
	if strings.Contains(name, "/") {
		return argv, "", nil
	}
	found, ok, err := r.bin(ctx, env, dir, name)
	if err != nil {
		return nil, "", err
	}
	if ok {
		if rel, below := strings.CutPrefix(found, strings.TrimSuffix(env.Abs("."), "/")+"/"); below {
			found = rel
		}
		return append([]string{found}, argv[1:]...), "", nil
	}
	if _, ok, err = env.LookPath(ctx, name); ok || err != nil {
		return argv, "", err
	}
	if t.fetch {
		return nil, fmt.Sprintf("%s is not installed, so it is fetched when the container starts", name), nil
	}
	return nil, "", refuse(c, "install it in the final stage; what devDependencies have is left out by npm ci --omit=dev", "%s runs %s, which is neither in %s nor along PATH (%s)", t.words, name, path.Join(dir, "node_modules/.bin"), strings.Join(env.SearchPath(), ":"))
}

// bin finds a program in the directories node_modules/.bin.
func (r *Runtime) bin(ctx context.Context, env *need.Env, dir, name string) (string, bool, error) {
	for ; ; dir = path.Dir(dir) {
		at := path.Join(dir, "node_modules/.bin", name)
		if _, ok, err := tree.FindFile(ctx, env.Tree, at); ok || err != nil {
			return at, ok, err
		}
		if dir == "/" {
			return "", false, nil
		}
	}
}

// pnp makes a command line of Yarn's Plug'n'Play one that loads the map of the
// packages by itself (yarnpkg.com/features/pnp).
func (r *Runtime) pnp(ctx context.Context, env *need.Env, t task, dir string, argv []string) ([]string, string, error) {
	if t.manager != "yarn" {
		return argv, "", nil
	}
	_, ok, err := tree.FindFile(ctx, env.Tree, path.Join(dir, ".pnp.cjs"))
	if err != nil || !ok {
		return argv, "", err
	}
	if !isName(argv[0]) {
		return nil, fmt.Sprintf("%s comes out of an archive of Plug'n'Play", argv[0]), nil
	}
	load := []string{argv[0], "-r", "./.pnp.cjs"}
	if _, ok, err = tree.FindFile(ctx, env.Tree, path.Join(dir, ".pnp.loader.mjs")); err != nil {
		return nil, "", err
	} else if ok {
		load = append(load, "--experimental-loader", "./.pnp.loader.mjs")
	}
	return append(load, argv[1:]...), "", nil
}

// lifecycle gives the variables that a package manager sets for a script and
// that the application's own files name.
func (r *Runtime) lifecycle(ctx context.Context, env *need.Env, t task, m *manifest, dir, text string) ([]string, error) {
	if m == nil || t.manager == "node" {
		return nil, nil
	}
	names, err := r.variables(ctx, env, dir)
	if err != nil || len(names) == 0 {
		return nil, err
	}
	values := m.variables()
	values["npm_lifecycle_event"], values["npm_lifecycle_script"], values["INIT_CWD"] = t.script, text, env.Abs(".")
	values["npm_command"] = "run-script"
	if t.script == "start" || t.script == "stop" || t.script == "test" {
		values["npm_command"] = t.script
	}
	var out []string
	for _, name := range names {
		if v, ok := values[name]; ok && !strings.ContainsAny(v, "\x00\n") {
			out = append(out, name+"="+v)
		}
	}
	return out, nil
}

// keep takes a package manager along, with the shell that it starts, since what
// it runs cannot be written as one command.
func (r *Runtime) keep(ctx context.Context, env *need.Env, c need.Command, t task, m *manifest, dir, why string) (need.Step, bool, error) {
	step := need.Step{}
	message := fmt.Sprintf("%s starts %s: %s", c.Instruction, t.words, why)
	if t.manager != "node" {
		res, ok, err := tree.FindFile(ctx, env.Tree, c.Program)
		if err != nil || !ok {
			return step, false, err
		}
		root, err := r.root(ctx, env, res.Path)
		if err != nil {
			return step, false, err
		}
		if path.Base(root) == "corepack" {
			return step, false, &image.UnsupportedError{Instruction: c.Instruction, Why: message + "; and corepack fetches it when it is first run"}
		}
		self := program(c, c.Program)
		self.Shell = true
		step.Needs = append(step.Needs, self)
	}
	node, found, err := env.LookPath(ctx, "node")
	if err != nil {
		return step, false, err
	}
	if found {
		step.Needs = append(step.Needs, program(c, node))
	}
	step.Needs = append(step.Needs, need.Need{Kind: need.Program, Path: "/bin/sh", By: c.Instruction, Reason: message, Strength: need.Required, Instruction: c.Instruction, Shell: true})
	r.roots[dir] = true
	if m == nil || t.script == "" {
		if t.program != "" {
			err = r.ask(ctx, env, c, dir, t.program, &step.Found)
		}
		return step, true, err
	}
	return step, true, r.follow(ctx, env, c, m, dir, []string{t.script}, &step.Found)
}
