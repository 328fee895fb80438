package plan

import (
	"context"
	"errors"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/whittle-oci/whittle/builder/runtimes"
	"github.com/whittle-oci/whittle/builder/tree"
)

// programs carries what ENTRYPOINT, CMD and HEALTHCHECK run.
func (m *maker) programs(ctx context.Context) error {
	for _, name := range m.in.Programs {
		if err := m.program(ctx, executable{name: name, reason: "packed as a program"}); err != nil {
			return err
		}
	}
	if err := m.entrypoint(ctx); err != nil {
		return err
	}
	return m.healthcheck(ctx)
}

// entrypoint carries what the container starts with.
func (m *maker) entrypoint(ctx context.Context) error {
	entry, cmd := m.config.Entrypoint, m.config.Cmd
	if len(entry) == 0 && len(cmd) == 0 {
		if len(m.in.Programs) > 0 {
			return nil
		}
		return &RefusedError{
			Message: "nothing to run: the final stage has neither ENTRYPOINT nor CMD",
			Hint:    `add ENTRYPOINT ["/path/of/the/program"]`,
		}
	}
	if len(entry) == 0 {
		argv, err := m.command(ctx, "CMD", cmd)
		m.config.Cmd = argv
		return err
	}
	argv, err := m.command(ctx, "ENTRYPOINT", entry)
	if err != nil {
		return err
	}
	m.config.Entrypoint = argv
	if len(cmd) == 0 {
		return nil
	}
	if len(argv) != len(entry) || argv[0] != entry[0] {
		// The shell took CMD for its own arguments and did nothing with them;
		// the program would read them.
		m.config.Cmd = nil
		m.change("command", "CMD", quoteArgv(cmd), "", "an ENTRYPOINT in shell form does not read it")
		return nil
	}
	runs, err := m.runsArguments(ctx, argv)
	switch {
	case err != nil:
		return err
	case runs:
		m.config.Cmd, err = m.passedOn(ctx, "CMD", cmd)
		return err
	}
	return m.arguments(ctx, "CMD", cmd)
}

// runsArguments reports whether a command line starts what is appended to it:
// a script that ends by exec "$@", an init such as tini.
func (m *maker) runsArguments(ctx context.Context, argv []string) (bool, error) {
	if inner, ok := runtimes.Wrapped(argv); ok {
		if len(inner) == 0 {
			return true, nil
		}
		return m.runsArguments(ctx, inner)
	}
	if script, _, ok := shellForm(argv); ok {
		return m.passes[script], nil
	}
	name, ok, err := m.lookPath(ctx, argv[0])
	if err != nil || !ok {
		return false, err
	}
	res, err := tree.Resolve(ctx, m.t, name)
	return err == nil && len(argv) == 1 && m.passes[res.Path], err
}

// passedOn carries the command that an entrypoint is given as arguments, and
// returns how the image gives it. A script may give the first word a meaning
// of its own, so one that names nothing is taken for an argument.
func (m *maker) passedOn(ctx context.Context, instruction string, argv []string) ([]string, error) {
	_, _, script := shellForm(argv)
	if !script {
		if _, found, err := m.lookPath(ctx, argv[0]); err != nil || !found {
			return argv, errors.Join(err, m.arguments(ctx, instruction, argv))
		}
	}
	if script && m.plan.Shell != "" {
		// The shell is there anyway, and the entrypoint sees what it saw.
		return argv, m.run(ctx, instruction, argv, instruction)
	}
	return m.command(ctx, instruction, argv)
}

// command carries one command line and returns the one the image gets, which
// differs where a shell form became an exec form.
func (m *maker) command(ctx context.Context, instruction string, argv []string) ([]string, error) {
	script, args, ok := shellForm(argv)
	if !ok || len(args) > 0 {
		return argv, m.run(ctx, instruction, argv, instruction)
	}
	plain, ok, err := m.plain(ctx, script)
	if err != nil {
		return nil, err
	}
	if ok {
		m.change("command", instruction, script, quoteArgv(plain), "a plain command needs no shell")
		argv = plain
	}
	return argv, m.run(ctx, instruction, argv, instruction)
}

// plain gives a script as one command that needs no shell. What only a shell
// has, because no program of that name is there, is not one.
func (m *maker) plain(ctx context.Context, script string) ([]string, bool, error) {
	argv, ok := runtimes.PlainCommand(script)
	if !ok || !runtimes.IsBuiltin(argv[0]) {
		return argv, ok, nil
	}
	_, found, err := m.lookPath(ctx, argv[0])
	return argv, found, err
}

// run carries a command line as it stands.
func (m *maker) run(ctx context.Context, instruction string, argv []string, reason string) error {
	if script, args, ok := shellForm(argv); ok {
		if err := m.shellCommand(ctx, instruction, argv[0], script); err != nil || len(args) < 2 {
			return err
		}
		return m.afterScript(ctx, instruction, script, args[1:])
	}
	name, ok, err := m.lookPath(ctx, argv[0])
	if err != nil {
		return err
	}
	if !ok {
		return m.notFound(instruction, argv[0])
	}
	if err := m.program(ctx, executable{instruction, name, reason}); err != nil {
		return err
	}
	if runtimes.NeedsRoot(argv[0]) {
		m.needRoot = fmt.Sprintf("%s runs %s", instruction, argv[0])
	}
	if inner, ok := runtimes.Wrapped(argv); ok {
		return m.wrapped(ctx, instruction, argv[0], inner)
	}
	res, err := tree.Resolve(ctx, m.t, name)
	if err != nil {
		return err
	}
	return m.afterScript(ctx, instruction, res.Path, argv[1:])
}

// afterScript carries what the arguments of a program mean: a command where
// the program is a script that runs its arguments, files otherwise.
func (m *maker) afterScript(ctx context.Context, instruction, script string, args []string) error {
	if len(args) > 0 && m.passes[script] {
		_, err := m.passedOn(ctx, instruction, args)
		return err
	}
	return m.arguments(ctx, instruction, args)
}

// wrapped carries the command that an init or a wrapper such as gosu starts.
func (m *maker) wrapped(ctx context.Context, instruction, wrapper string, inner []string) error {
	if len(inner) == 0 {
		return nil
	}
	if _, ok, err := m.lookPath(ctx, inner[0]); err != nil {
		return err
	} else if !ok {
		m.warn(instruction, fmt.Sprintf("%s starts %s, which is not in the built image", wrapper, inner[0]), "include: it when it is the program")
		return nil
	}
	return m.run(ctx, instruction, inner, instruction+" through "+path.Base(wrapper))
}

// notFound explains a command that is not along PATH.
func (m *maker) notFound(instruction, name string) error {
	where := "along PATH (" + strings.Join(m.pathVar, ":") + ")"
	if strings.Contains(name, "/") {
		where = "in the built image"
	}
	return &RefusedError{
		Instruction: instruction,
		Message:     fmt.Sprintf("%s is not %s", name, where),
		Hint:        "copy or build it in the final stage, or correct the path",
	}
}

// arguments carries files that arguments name, alone or after an equals sign:
// a configuration file, a helper.
func (m *maker) arguments(ctx context.Context, instruction string, args []string) error {
	for _, arg := range args {
		if _, value, ok := strings.Cut(arg, "="); ok && !path.IsAbs(arg) {
			arg = value
		}
		if !path.IsAbs(arg) {
			continue
		}
		if err := m.mention(ctx, instruction, path.Clean(arg), "argument of "+instruction); err != nil {
			return err
		}
	}
	return nil
}

// orExit matches the end of a health check that names one of several codes
// which all mean unhealthy.
var orExit = regexp.MustCompile(`\s*\|\|\s*exit\s+[1-9][0-9]*\s*$`)

// healthcheck carries what HEALTHCHECK runs.
func (m *maker) healthcheck(ctx context.Context) error {
	const instruction = "HEALTHCHECK"
	h := m.config.Healthcheck
	if h == nil || len(h.Test) < 2 {
		return nil
	}
	switch h.Test[0] {
	case "CMD":
		argv, err := m.command(ctx, instruction, h.Test[1:])
		if err == nil {
			h.Test = append([]string{"CMD"}, argv...)
		}
		return err
	case "CMD-SHELL":
		text := h.Test[1]
		argv, ok, err := m.plain(ctx, orExit.ReplaceAllString(text, ""))
		if err != nil {
			return err
		}
		if ok {
			m.change("command", instruction, text, quoteArgv(argv), "a plain command needs no shell")
			h.Test = append([]string{"CMD"}, argv...)
			return m.run(ctx, instruction, argv, instruction)
		}
		shell := []string{"/bin/sh", "-c"}
		if len(m.in.Config.Shell) > 1 {
			// SHELL does not travel, so the check names its shell itself.
			shell = m.in.Config.Shell
			h.Test = append(append([]string{"CMD"}, shell...), text)
		}
		return m.run(ctx, instruction, append(slices.Clone(shell), text), instruction)
	}
	return nil
}

// shellForm takes the script out of what a shell form becomes in an image
// configuration: a shell, its flags ending in c, one string. args are the
// words after it, which the script sees as $0, $1 and so on.
func shellForm(argv []string) (script string, args []string, ok bool) {
	if len(argv) < 3 || !isShell(argv[0]) {
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

func isShell(name string) bool {
	return slices.Contains([]string{"sh", "bash", "ash", "dash", "ksh", "mksh", "zsh"}, path.Base(name))
}

func quoteArgv(argv []string) string {
	quoted := make([]string, len(argv))
	for i, a := range argv {
		quoted[i] = fmt.Sprintf("%q", a)
	}
	return "[" + strings.Join(quoted, ",") + "]"
}
