package plan

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/whittle-oci/whittle/builder/runtimes"
	"github.com/whittle-oci/whittle/builder/tree"
)

// wrappers are programs that start the program named by their arguments, so
// that names among those are looked up like the first word.
var wrappers = []string{"tini", "tini-static", "dumb-init", "catatonit", "env", "gosu", "su-exec", "setpriv", "nice", "stdbuf", "exec", "runuser", "s6-setuidgid", "chpst"}

// needsRoot are the programs that change who runs or who owns, which only
// root can.
var needsRoot = []string{"gosu", "su-exec", "setpriv", "runuser", "chpst", "s6-setuidgid", "chown", "chroot"}

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
	if m.runsArguments(argv) {
		return m.passedOn(ctx, cmd)
	}
	return m.arguments(ctx, "CMD", cmd)
}

// runsArguments reports whether an entrypoint starts what it is given: a
// script that ends by exec "$@", an init such as tini.
func (m *maker) runsArguments(argv []string) bool {
	if m.execArgs {
		return true
	}
	if !slices.Contains(wrappers, path.Base(argv[0])) {
		return false
	}
	return !slices.ContainsFunc(argv[1:], func(a string) bool { return !strings.HasPrefix(a, "-") })
}

// passedOn carries the command that an entrypoint is given by CMD. A script
// may give the word a meaning of its own, so one that names nothing is taken
// for an argument.
func (m *maker) passedOn(ctx context.Context, cmd []string) error {
	if _, ok := shellForm(cmd); !ok {
		if _, found, err := m.lookPath(ctx, cmd[0]); err != nil || !found {
			return errors.Join(err, m.arguments(ctx, "CMD", cmd))
		}
	}
	var err error
	m.config.Cmd, err = m.command(ctx, "CMD", cmd)
	return err
}

// command carries one command line and returns the one the image gets, which
// differs where a shell form became an exec form.
func (m *maker) command(ctx context.Context, instruction string, argv []string) ([]string, error) {
	if script, ok := shellForm(argv); ok {
		plain, ok := runtimes.PlainCommand(script)
		if !ok {
			return argv, m.shellCommand(ctx, instruction, argv, script)
		}
		m.change("command", instruction, script, quoteArgv(plain), "a plain command needs no shell")
		argv = plain
	}
	name, ok, err := m.lookPath(ctx, argv[0])
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, m.notFound(instruction, argv[0])
	}
	if err := m.program(ctx, executable{instruction: instruction, name: name, reason: instruction}); err != nil {
		return nil, err
	}
	if slices.Contains(needsRoot, path.Base(argv[0])) {
		m.needRoot = fmt.Sprintf("%s runs %s", instruction, argv[0])
	}
	return argv, m.arguments(ctx, instruction, argv[1:])
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

// arguments carries files that arguments name: the program behind an init, a
// configuration file.
func (m *maker) arguments(ctx context.Context, instruction string, args []string) error {
	for _, arg := range args {
		if !path.IsAbs(arg) {
			continue
		}
		res, err := tree.Resolve(ctx, m.t, arg)
		if errors.Is(err, fs.ErrNotExist) || err == nil && !res.Entry.IsRegular() {
			continue
		}
		if err != nil {
			return err
		}
		reason := "argument of " + instruction
		if res.Entry.Mode&0o111 != 0 {
			if err := m.program(ctx, executable{instruction: instruction, name: arg, reason: reason}); err != nil {
				return err
			}
			continue
		}
		if _, _, err := m.carry(ctx, arg, reason); err != nil {
			return err
		}
	}
	return m.wrapped(ctx, instruction, args)
}

// wrapped carries the program that an init or a wrapper such as tini starts.
func (m *maker) wrapped(ctx context.Context, instruction string, args []string) error {
	line := m.config.Entrypoint
	if instruction != "ENTRYPOINT" {
		line = m.config.Cmd
	}
	if len(line) == 0 || !slices.Contains(wrappers, path.Base(line[0])) {
		return nil
	}
	for _, arg := range args {
		if strings.HasPrefix(arg, "-") || strings.Contains(arg, "=") {
			continue
		}
		name, ok, err := m.lookPath(ctx, arg)
		if err != nil {
			return err
		}
		if ok {
			return m.program(ctx, executable{instruction: instruction, name: name, reason: instruction + " through " + path.Base(line[0])})
		}
	}
	return nil
}

// healthcheck carries what HEALTHCHECK runs.
func (m *maker) healthcheck(ctx context.Context) error {
	h := m.config.Healthcheck
	if h == nil || len(h.Test) < 2 {
		return nil
	}
	switch h.Test[0] {
	case "CMD":
		argv, err := m.command(ctx, "HEALTHCHECK", h.Test[1:])
		if err == nil {
			h.Test = append([]string{"CMD"}, argv...)
		}
		return err
	case "CMD-SHELL":
		// A check is healthy or it is not: "|| exit 1" only names one of
		// several codes that all mean unhealthy.
		text := strings.TrimSpace(h.Test[1])
		text = strings.TrimSpace(strings.TrimSuffix(text, "|| exit 1"))
		if plain, ok := runtimes.PlainCommand(text); ok {
			argv, err := m.command(ctx, "HEALTHCHECK", plain)
			if err != nil {
				return err
			}
			m.change("command", "HEALTHCHECK", h.Test[1], quoteArgv(argv), "a plain command needs no shell")
			h.Test = append([]string{"CMD"}, argv...)
			return nil
		}
		return m.shellCommand(ctx, "HEALTHCHECK", []string{"/bin/sh", "-c", h.Test[1]}, h.Test[1])
	}
	return nil
}

// shellForm takes the script out of what a shell form becomes in an image
// configuration: a shell, its flags ending in c, one string.
func shellForm(argv []string) (script string, ok bool) {
	if len(argv) < 3 || !isShell(argv[0]) {
		return "", false
	}
	flags := argv[1 : len(argv)-1]
	last := flags[len(flags)-1]
	return argv[len(argv)-1], strings.HasPrefix(last, "-") && strings.HasSuffix(last, "c")
}

func isShell(name string) bool {
	return slices.Contains([]string{"sh", "bash", "ash", "dash", "ksh", "zsh"}, path.Base(name))
}

func quoteArgv(argv []string) string {
	quoted := make([]string, len(argv))
	for i, a := range argv {
		quoted[i] = fmt.Sprintf("%q", a)
	}
	return "[" + strings.Join(quoted, ",") + "]"
}
