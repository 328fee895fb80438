package python

import (
	"context"
	"errors"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/whittle-oci/whittle/builder/image"
	"github.com/whittle-oci/whittle/builder/need"
	"github.com/whittle-oci/whittle/builder/tree"
	"github.com/whittle-oci/whittle/lint/command"
)

// Resolve implements need.Launcher: "python FILE", "python -m MODULE", console
// scripts, and what starts one of them in an environment of its own.
func (r *Runtime) Resolve(ctx context.Context, env *need.Env, c need.Command) (need.Step, bool, error) {
	if c.Program == "" {
		return need.Step{}, false, dangling(ctx, env, c)
	}
	if IsProgram(c.Program) {
		return r.interpreter(ctx, env, c)
	}
	if step, ok, err := managed(ctx, env, c); ok || err != nil {
		return step, ok, err
	}
	s, err := readScript(ctx, env, c.Program)
	if err != nil || s == nil {
		return need.Step{}, false, err
	}
	return r.script(ctx, env, c, s)
}

// dangling says why an interpreter that a command line names by its path is not
// there, where a virtual environment is the reason.
func dangling(ctx context.Context, env *need.Env, c need.Command) error {
	if len(c.Argv) == 0 || !strings.Contains(c.Argv[0], "/") || !IsProgram(c.Argv[0]) {
		return nil
	}
	_, err := find(ctx, env.Tree, env.Abs(c.Argv[0]))
	return blame(err, c.Instruction)
}

// options are the arguments of an interpreter up to what it starts
// (python(1)).
type options struct {
	file, module, code string
	rest               []string // arguments of the program
}

// parse reads the arguments of an interpreter.
func parse(args []string) options {
	for i := 0; i < len(args); i++ {
		a := args[i]
		if a == "-" || !strings.HasPrefix(a, "-") {
			if a == "-" {
				a = ""
			}
			return options{file: a, rest: args[i+1:]}
		}
		if strings.HasPrefix(a, "--") {
			if a == "--check-hash-based-pycs" {
				i++
			}
			continue
		}
		for j := 1; j < len(a); j++ {
			value, next := a[j+1:], args[i+1:]
			switch a[j] {
			case 'c', 'm':
				if value == "" && len(next) > 0 {
					value, next = next[0], next[1:]
				}
				if a[j] == 'c' {
					return options{code: value, rest: next}
				}
				return options{module: value, rest: next}
			case 'W', 'X':
				if value == "" {
					i++
				}
			default:
				continue
			}
			break
		}
	}
	return options{}
}

// interpreter follows "python …".
func (r *Runtime) interpreter(ctx context.Context, env *need.Env, c need.Command) (need.Step, bool, error) {
	step := need.Step{Found: need.Found{Needs: []need.Need{{Kind: need.Program, Path: c.Program, By: c.Instruction, Reason: c.Reason, Strength: need.Required, Instruction: c.Instruction}}}}
	in, err := find(ctx, env.Tree, c.Program)
	if err != nil {
		return need.Step{}, false, blame(err, c.Instruction)
	}
	if in == nil {
		return need.Step{}, false, nil // the provider says why
	}
	o := parse(c.Line()[1:])
	switch {
	case o.code != "":
		if err := r.uses(ctx, env, c.Instruction, scan(o.code), &step.Found); err != nil {
			return need.Step{}, false, err
		}
	case o.module != "":
		search, err := in.path(ctx, env, env.Abs("."))
		if err != nil {
			return need.Step{}, false, err
		}
		needs, err := r.module(ctx, env, in, search, c.Instruction, o.module, fmt.Sprintf("%s starts %s", c.Instruction, need.Quote(shorten(c.Line()))))
		if err != nil {
			return need.Step{}, false, err
		}
		step.Needs = append(step.Needs, needs...)
		more, err := r.application(ctx, env, in, c.Instruction, o.module, o.rest)
		if err != nil {
			return need.Step{}, false, err
		}
		step.Needs = append(step.Needs, more...)
	case o.file != "":
		n, err := r.mainFile(ctx, env, c.Instruction, o.file)
		if err != nil {
			return need.Step{}, false, err
		}
		r.mains[n.Path] = c.Instruction
		step.Needs = append(step.Needs, n)
		if s, err := readScript(ctx, env, n.Path); err != nil {
			return need.Step{}, false, err
		} else if s != nil {
			more, err := r.application(ctx, env, in, c.Instruction, path.Base(n.Path), o.rest)
			if err != nil {
				return need.Step{}, false, err
			}
			step.Needs = append(step.Needs, more...)
		}
	}
	step.Needs = append(step.Needs, need.Arguments(need.Command{Argv: append([]string{""}, o.rest...), Instruction: c.Instruction})...)
	return step, true, nil
}

// mainFile asks for the file that an interpreter is given: a script, or a
// directory or archive with a __main__.py.
func (r *Runtime) mainFile(ctx context.Context, env *need.Env, instruction, name string) (need.Need, error) {
	at := env.Abs(name)
	n := need.Need{Kind: need.Config, Path: at, By: instruction, Reason: "main file of " + instruction, Strength: need.Required, Instruction: instruction}
	res, err := tree.Resolve(ctx, env.Tree, at)
	switch {
	case need.Missing(err):
		bad := &image.RefusedError{Instruction: instruction, Message: fmt.Sprintf("%s starts %s, which is not in the built image", instruction, at), Hint: "copy it in the final stage, or correct the path; it is relative to WORKDIR"}
		if name != at {
			bad.Message = fmt.Sprintf("%s starts %s, and %s is not in the built image", instruction, name, at)
		}
		return n, bad
	case err != nil:
		return n, err
	case res.Entry.IsDir():
		n.Path = path.Join(at, "__main__.py")
		_, ok, err := tree.FindFile(ctx, env.Tree, n.Path)
		if err != nil {
			return n, err
		}
		if !ok {
			return n, &image.RefusedError{Instruction: instruction, Message: fmt.Sprintf("%s starts the directory %s, which has no __main__.py", instruction, at), Hint: "name the file, or add __main__.py"}
		}
	}
	return n, nil
}

// module asks for a module that the start needs, and refuses when no directory
// of sys.path has it.
func (r *Runtime) module(ctx context.Context, env *need.Env, in *interpreter, search searchPath, instruction, name, starts string) ([]need.Need, error) {
	file, ok, err := search.module(ctx, env.Tree, name)
	if err != nil {
		return nil, err
	}
	if !ok {
		if search.unsure || builtin(name) {
			return nil, nil
		}
		return nil, &image.RefusedError{
			Instruction: instruction,
			Message:     fmt.Sprintf("%s, and Python %s finds no module %s in %s", starts, in.version, name, strings.Join(search.named(in), ", ")),
			Hint:        "install it for this interpreter in the final stage, copy it, or correct WORKDIR or PYTHONPATH",
		}
	}
	if file == "" || need.Below(file, in.library) && !strings.Contains(file, "-packages/") {
		return nil, nil
	}
	r.mains[file] = instruction
	out := []need.Need{{Kind: need.Config, Path: file, By: instruction, Reason: "main module of " + instruction, Strength: need.Required, Instruction: instruction}}
	if path.Base(file) == "__init__.py" {
		if main := path.Join(path.Dir(file), "__main__.py"); main != "" {
			if _, ok, err := tree.FindFile(ctx, env.Tree, main); err != nil {
				return nil, err
			} else if ok {
				out = append(out, need.Need{Kind: need.Config, Path: main, By: instruction, Reason: "main module of " + instruction, Strength: need.Required, Instruction: instruction})
			}
		}
	}
	return out, nil
}

// builtin reports whether a module is compiled into the interpreter
// (sys.builtin_module_names).
func builtin(name string) bool {
	return slices.Contains([]string{"sys", "builtins", "time", "marshal", "gc", "itertools", "posix", "errno", "signal", "faulthandler"}, name)
}

// named lists the directories of the path but for the standard library's own.
func (s searchPath) named(in *interpreter) []string {
	return slices.DeleteFunc(slices.Clone(s.dirs), func(dir string) bool { return dir == in.library || dir == path.Join(in.library, "lib-dynload") })
}

// servers are console scripts that are given MODULE:APP, with the option by
// which a directory is put in front of sys.path, and whether that of WORKDIR
// is (their documentation, 2026-11).
var servers = map[string]struct{ chdir []string }{
	"gunicorn":       {[]string{"--chdir"}},
	"uvicorn":        {[]string{"--app-dir"}},
	"hypercorn":      {nil},
	"daphne":         {nil},
	"granian":        {[]string{"--working-dir"}},
	"waitress-serve": {nil},
}

// reference matches MODULE:APP, and MODULE:FACTORY(…).
var reference = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^([A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)*):([A-Za-z_][A-Za-z0-9_.]*)(?:\(.*\))?$`)
})

// application asks for the module that a server is told to serve.
func (r *Runtime) application(ctx context.Context, env *need.Env, in *interpreter, instruction, server string, args []string) ([]need.Need, error) {
	s, ok := servers[server]
	if !ok {
		return nil, nil
	}
	first, name, configured := []string{env.Abs(".")}, "", false
	for i, a := range args {
		option, value, attached := strings.Cut(a, "=")
		if slices.Contains(s.chdir, option) {
			if !attached && i+1 < len(args) {
				value = args[i+1]
			}
			first = append(first, env.Abs(value))
		}
		// A configuration in Python may change directory and path.
		configured = configured || a == "-c" || option == "--config" || option == "--pythonpath"
		if m := reference().FindStringSubmatch(a); m != nil && (i == 0 || !takesReference(args[i-1])) {
			name = m[1]
		}
	}
	if name == "" {
		return nil, nil
	}
	search, err := in.path(ctx, env, first...)
	if err != nil {
		return nil, err
	}
	search.unsure = search.unsure || configured
	return r.module(ctx, env, in, search, instruction, name, fmt.Sprintf("%s has %s serve %s", instruction, server, name))
}

// takesReference reports whether an option's value looks like MODULE:APP and
// is something else: a bind address, a class of workers or loggers.
func takesReference(option string) bool {
	return strings.HasPrefix(option, "-") && !strings.Contains(option, "=") && !slices.Contains([]string{"--factory", "--reload", "--preload", "--proxy-headers", "--no-access-log", "--interface"}, option)
}

// managed follows what starts a command in a project's environment: uv, Poetry,
// Pipenv, PDM, Rye and Hatch. They want a network and a writable home when they
// start, and do nothing else with a command whose environment is there.
func managed(ctx context.Context, env *need.Env, c need.Command) (need.Step, bool, error) {
	tool := path.Base(c.Program)
	if slices.Contains([]string{"conda", "mamba", "micromamba"}, tool) {
		return need.Step{}, false, &image.UnsupportedError{
			Instruction: c.Instruction,
			Why:         fmt.Sprintf("%s starts %s, which runs scripts that activate an environment; name the program of the environment instead, /opt/conda/envs/NAME/bin/python or the like", c.Instruction, tool),
		}
	}
	if !slices.Contains([]string{"uv", "poetry", "pipenv", "pdm", "rye", "hatch"}, tool) {
		return need.Step{}, false, nil
	}
	line := c.Line()
	unknown := func(why string) (need.Step, bool, error) {
		return need.Step{}, false, &image.UnsupportedError{Instruction: c.Instruction, Why: fmt.Sprintf("%s starts %s, %s", c.Instruction, need.Quote(shorten(line)), why)}
	}
	if c.Fixed {
		return unknown("which a script or setting fixes, so that " + tool + " itself would have to be in the image; name the program of the environment instead")
	}
	argv, module, ok := runArguments(line)
	if !ok {
		return unknown("and only \"" + tool + " run COMMAND\" with options that change no environment is known")
	}
	venv, err := environmentOf(ctx, env, tool)
	if err != nil {
		return need.Step{}, false, err
	}
	if venv == "" {
		return unknown("whose environment is not in the built image, so that it would be made when the container starts; run \"" + tool + " sync\" or install in the build, with the environment in the project (.venv)")
	}
	python := path.Join(venv, "bin", "python")
	if module || strings.HasSuffix(argv[0], ".py") {
		argv = append([]string{python}, argv...)
	} else if at := path.Join(venv, "bin", argv[0]); !strings.Contains(argv[0], "/") {
		if _, ok, err := tree.FindFile(ctx, env.Tree, at); err != nil {
			return need.Step{}, false, err
		} else if ok {
			argv = append([]string{at}, argv[1:]...)
		}
	}
	vars := []string{"VIRTUAL_ENV=" + venv, "PATH=" + strings.Join(append([]string{path.Join(venv, "bin")}, env.SearchPath()...), ":")}
	return need.Step{
		Next: need.Command{Argv: argv, Reason: c.Instruction + " through " + tool}, Rewritten: argv, WithMore: len(c.More) > 0, From: need.Quote(line), Env: vars,
		Why: tool + " does nothing else with this command, and would want a network and a writable home",
	}, true, nil
}

// runArguments takes the command out of "TOOL run [OPTIONS] COMMAND". module
// says that its first words are "-m MODULE".
func runArguments(line []string) (argv []string, module, ok bool) {
	i := 1
	for ; i < len(line) && line[i] != "run"; i++ {
		if !harmlessOption(line[i]) {
			return nil, false, false
		}
	}
	for i++; i < len(line); i++ {
		switch a := line[i]; {
		case a == "--":
			i++
			return line[min(i, len(line)):], false, i < len(line)
		case a == "-m" || a == "--module":
			return append([]string{"-m"}, line[i+1:]...), true, i+1 < len(line)
		case !strings.HasPrefix(a, "-"):
			return line[i:], false, true
		case !harmlessOption(a):
			return nil, false, false
		}
	}
	return nil, false, false
}

// harmlessOption reports whether an option of such a tool leaves the
// environment as it is: it says not to look for changes, or how much to print.
func harmlessOption(a string) bool {
	return slices.Contains([]string{"--no-sync", "--frozen", "--locked", "--offline", "--no-dev", "--no-cache", "-n", "--quiet", "-q", "--verbose", "-v", "--no-progress", "--no-env-file", "--all-extras", "--no-interaction", "--no-ansi", "--no-plugins"}, a)
}

// environmentOf finds the environment that a tool uses in WORKDIR. "" is for
// none, or more than one to choose from.
func environmentOf(ctx context.Context, env *need.Env, tool string) (string, error) {
	candidates := []string{env.Abs(".venv")}
	getenv := func(name string) string { v, _ := env.Getenv(name); return v }
	switch tool {
	case "uv":
		if v := getenv("UV_PROJECT_ENVIRONMENT"); v != "" {
			candidates = []string{env.Abs(v)}
		}
	default:
		if v := getenv("VIRTUAL_ENV"); v != "" {
			candidates = append([]string{v}, candidates...)
		}
	}
	home := orElse(getenv("HOME"), "/root")
	var below []string
	switch tool {
	case "poetry":
		below = append(below, orElse(getenv("POETRY_VIRTUALENVS_PATH"), path.Join(orElse(getenv("POETRY_CACHE_DIR"), path.Join(home, ".cache/pypoetry")), "virtualenvs")))
	case "pipenv":
		below = append(below, orElse(getenv("WORKON_HOME"), path.Join(home, ".local/share/virtualenvs")))
	}
	for _, dir := range below {
		entries, err := readDir(ctx, env.Tree, dir)
		if err != nil {
			return "", err
		}
		entries = slices.DeleteFunc(slices.Clone(entries), func(e tree.Entry) bool { return !e.IsDir() })
		if len(entries) == 1 {
			candidates = append(candidates, path.Join(dir, entries[0].Name))
		}
	}
	for _, dir := range candidates {
		if _, ok, err := tree.FindFile(ctx, env.Tree, path.Join(dir, "pyvenv.cfg")); ok || err != nil {
			return dir, err
		}
	}
	return "", nil
}

func orElse(s, other string) string {
	if s == "" {
		return other
	}
	return s
}

// A script is a program whose text an interpreter of Python reads.
type script struct {
	python   string   // the interpreter as its first lines name it, "" when env looks for it
	name     string   // what env looks for along PATH
	args     []string // further arguments of the #! line
	polyglot bool     // a shell starts it, which starts the interpreter
}

// execLine matches the second line of console scripts that pip and uv write
// where a #! line would be too long or has to be relative to the script.
var execLine = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^'''exec' (.*) "\$0" "\$@"\s*$`)
})

// maxConsole is how much of a script is read for the lines that start it, in
// bytes.
const maxConsole = 4 << 10

// readScript tells scripts of Python by their first lines. It is nil for
// anything else.
func readScript(ctx context.Context, env *need.Env, name string) (*script, error) {
	res, err := tree.Resolve(ctx, env.Tree, name)
	if err != nil || !res.Entry.IsRegular() {
		return nil, ignoreMissing(err)
	}
	head, err := env.Head(ctx, res.Path)
	if err != nil {
		return nil, err
	}
	s, ok := command.Shebang(head)
	if !ok {
		return nil, nil
	}
	if s.Env != "" && IsProgram(s.Env) {
		return &script{name: s.Env}, nil
	}
	if IsProgram(s.Interpreter) {
		return &script{python: s.Interpreter}, nil
	}
	if s.Env != "" || path.Base(s.Interpreter) != "sh" || !strings.Contains(string(head), "\n'''exec' ") {
		return nil, nil
	}
	text, err := readSome(ctx, env.Tree, res.Path, maxConsole)
	if err != nil {
		return nil, err
	}
	_, second, _ := strings.Cut(string(text), "\n")
	second, _, _ = strings.Cut(second, "\n")
	m := execLine().FindStringSubmatch(second)
	if m == nil {
		return nil, nil
	}
	python := strings.Trim(m[1], `"'`)
	if rest, ok := strings.CutPrefix(m[1], `"$(dirname -- "$(realpath -- "$0")")"/`); ok {
		python = path.Join(path.Dir(res.Path), strings.Trim(rest, `"'`))
	}
	if !path.IsAbs(python) || strings.ContainsAny(python, "$`") || !IsProgram(python) {
		return nil, nil
	}
	return &script{python: python, polyglot: true}, nil
}

// readSome reads the beginning of a file.
func readSome(ctx context.Context, t tree.Tree, real string, limit int) ([]byte, error) {
	r, err := t.Open(ctx, real)
	if err != nil {
		return nil, err
	}
	b := make([]byte, limit)
	n, err := r.ReadAt(b, 0)
	if n > 0 {
		err = nil
	}
	return b[:n], ignoreEOF(err)
}

// wrapping are console scripts that start a further command.
var wrapping = map[string][]string{
	"ddtrace-run": nil, "opentelemetry-instrument": nil, "newrelic-admin": {"run-program"}, "sentry-run": nil, "dotenv": {"run"}, "coverage": nil,
}

// script follows a console script.
func (r *Runtime) script(ctx context.Context, env *need.Env, c need.Command, s *script) (need.Step, bool, error) {
	python := s.python
	if python == "" {
		name, ok, err := env.LookPath(ctx, s.name)
		if err != nil || !ok {
			return need.Step{}, false, err // the closure says that it is missing
		}
		python = name
	}
	if _, err := tree.Resolve(ctx, env.Tree, python); need.Missing(err) {
		return need.Step{}, false, &image.RefusedError{
			Instruction: c.Instruction,
			Message:     fmt.Sprintf("%s is a script of %s, which is not in the built image", c.Program, python),
			Hint:        "make the environment at the same path in the final stage as in the stage that it is copied from",
		}
	} else if err != nil {
		return need.Step{}, false, err
	}
	in, err := find(ctx, env.Tree, python)
	if err != nil {
		return need.Step{}, false, blame(err, c.Instruction)
	}
	if in == nil {
		return need.Step{}, false, nil
	}
	if s.polyglot && !c.Fixed {
		argv := append([]string{python, c.Program}, c.Line()[1:]...)
		return need.Step{Next: need.Command{Argv: argv, Reason: c.Reason}, Rewritten: argv, WithMore: len(c.More) > 0, From: need.Quote(c.Line()), Why: "a shell would start the interpreter and do nothing else"}, true, nil
	}
	step := need.Step{Found: need.Found{Needs: []need.Need{{Kind: need.Program, Path: c.Program, By: c.Instruction, Reason: c.Reason, Strength: need.Required, Instruction: c.Instruction}}}}
	step.Needs = append(step.Needs, need.Need{Kind: need.Program, Path: python, By: c.Program, Reason: "interpreter of " + c.Program, Strength: need.Required, Instruction: c.Instruction})
	args := c.Line()[1:]
	base := path.Base(c.Program)
	needs, err := r.application(ctx, env, in, c.Instruction, base, args)
	if err != nil {
		return need.Step{}, false, err
	}
	step.Needs = append(step.Needs, needs...)
	if before, ok := wrapping[base]; ok {
		rest := slices.Clone(args)
		for len(rest) > 0 && (strings.HasPrefix(rest[0], "-") || slices.Contains(before, rest[0])) {
			rest = rest[1:]
		}
		if len(rest) > 0 && len(c.More) == 0 {
			if _, found, err := env.LookPath(ctx, rest[0]); err != nil {
				return need.Step{}, false, err
			} else if found {
				step.Next = need.Command{Argv: rest, Reason: c.Instruction + " through " + base, Fixed: c.Fixed}
				return step, true, nil
			}
		}
	}
	step.Needs = append(step.Needs, need.Arguments(need.Command{Argv: append([]string{""}, args...), Instruction: c.Instruction})...)
	return step, true, nil
}

// blame names the instruction that a refusal is about.
func blame(err error, instruction string) error {
	if bad, ok := errors.AsType[*image.RefusedError](err); ok && bad.Instruction == "" {
		c := *bad
		c.Instruction = instruction
		return &c
	}
	return err
}

// shorten cuts a command line for a message.
func shorten(line []string) []string { return line[:min(len(line), 8)] }
