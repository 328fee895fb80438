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

// maxScript is the largest script that is read for its commands, in bytes.
const maxScript = 1 << 20

// interpreters are the runtimes that are known to need more than their ELF
// closure. Their images are shipped as they were built.
var interpreters = []string{"python", "node", "java", "ruby", "perl", "php", "dotnet", "rscript", "r", "erl", "elixir", "lua", "deno", "bun", "tclsh", "julia", "guile", "pwsh"}

// runtimeName gives the interpreter that a program name stands for, such as
// "python" for python3.11, or "".
func runtimeName(program string) string {
	base := strings.ToLower(path.Base(program))
	stem := strings.TrimRight(base, "0123456789.-")
	if slices.Contains(interpreters, base) || slices.Contains(interpreters, stem) {
		return base
	}
	return ""
}

// script carries a #! script's interpreter and, for a shell script, the
// commands it is seen to run.
func (m *maker) script(ctx context.Context, x executable, res tree.Resolved, s runtimes.Script) error {
	interpreter := executable{instruction: x.instruction, name: s.Interpreter, reason: "interpreter of " + res.Path}
	if _, err := tree.Resolve(ctx, m.t, s.Interpreter); errors.Is(err, fs.ErrNotExist) {
		return &RefusedError{
			Instruction: x.instruction,
			Message:     fmt.Sprintf("%s begins with #!%s, which is not in the built image", res.Path, s.Interpreter),
			Hint:        "install that interpreter in the final stage, or rewrite the script for one that is there",
		}
	}
	if err := m.program(ctx, interpreter); err != nil {
		return err
	}
	command := s.Interpreter
	if s.Env != "" {
		name, ok, err := m.lookPath(ctx, s.Env)
		if err != nil {
			return err
		}
		if !ok {
			return &RefusedError{
				Instruction: x.instruction,
				Message:     fmt.Sprintf("%s asks env for %s, which is not along PATH (%s)", res.Path, s.Env, strings.Join(m.pathVar, ":")),
				Hint:        "install that interpreter in the final stage",
			}
		}
		command = name
		if runtimeName(s.Env) != "" {
			return &UnsupportedError{x.instruction, res.Path, s.Env}
		}
		if err := m.program(ctx, executable{instruction: x.instruction, name: name, reason: "interpreter of " + res.Path}); err != nil {
			return err
		}
	}
	if rt := runtimeName(command); rt != "" {
		return &UnsupportedError{x.instruction, res.Path, rt}
	}
	if !isShell(command) {
		return nil
	}
	src, err := tree.ReadFile(ctx, m.t, res.Path, maxScript)
	if err != nil {
		return fmt.Errorf("reading the script %s: %w", res.Path, err)
	}
	return m.shellScript(ctx, x.instruction, res.Path, command, src)
}

// shellCommand carries the shell that a command line needs and the commands in
// it.
func (m *maker) shellCommand(ctx context.Context, instruction string, argv []string, script string) error {
	name, ok, err := m.lookPath(ctx, argv[0])
	if err != nil {
		return err
	}
	if !ok {
		return &RefusedError{
			Instruction: instruction,
			Message:     fmt.Sprintf("the shell form needs %s, which is not in the built image", argv[0]),
			Hint:        `use the exec form: ["program", "argument"]`,
		}
	}
	if err := m.program(ctx, executable{instruction: instruction, name: name, reason: "shell of " + instruction}); err != nil {
		return err
	}
	return m.shellScript(ctx, instruction, instruction, name, []byte(script))
}

// shellScript carries what a shell script is seen to run. where names the
// script in reasons and warnings.
func (m *maker) shellScript(ctx context.Context, instruction, where, shell string, src []byte) error {
	if m.opts.NoShell {
		return &RefusedError{
			Instruction: instruction,
			Message:     fmt.Sprintf("%s needs the shell %s, and no-shell is set", where, shell),
			Hint:        `use the exec form: ["program", "argument"]`,
		}
	}
	m.plan.Shell = shell
	m.evidence.set(&m.evidence.temp, "a shell keeps here-documents in /tmp")
	cmds, err := runtimes.ShellCommands(src, path.Base(shell))
	if err != nil {
		m.warn(instruction, fmt.Sprintf("%s could not be parsed, so its commands are not known: %v", where, err), "name them with include:")
		return nil
	}
	m.execArgs = m.execArgs || cmds.ExecArgs
	for _, name := range cmds.Names {
		if err := m.shellWord(ctx, instruction, where, name); err != nil {
			return err
		}
	}
	for _, name := range slices.Concat(cmds.Sourced, cmds.Paths) {
		if err := m.shellFile(ctx, where, name); err != nil {
			return err
		}
	}
	for _, place := range cmds.Unknown {
		m.warn(instruction, fmt.Sprintf("%s computes the name of a command, %s", where, place), "name it with include: when it must be in the image")
	}
	if len(cmds.Root) > 0 {
		m.needRoot = fmt.Sprintf("%s runs %s", where, strings.Join(cmds.Root, ", "))
	}
	m.warn(instruction, fmt.Sprintf("%s needs a shell, so the image has %s", where, shell), `use the exec form with a program that needs none, or set no-shell to make this an error`)
	return nil
}

// shellWord carries one command of a script. A command that is nowhere is a
// warning: it may stand on a path that is never taken.
func (m *maker) shellWord(ctx context.Context, instruction, where, name string) error {
	found, ok, err := m.lookPath(ctx, name)
	if err != nil {
		return err
	}
	if !ok {
		m.warn(instruction, fmt.Sprintf("%s runs %s, which is not in the built image", where, name), "")
		return nil
	}
	if runtimeName(name) != "" {
		return &UnsupportedError{instruction, where, path.Base(name)}
	}
	return m.program(ctx, executable{name: found, reason: "command of " + where, serves: instruction == "ENTRYPOINT" || instruction == "CMD"})
}

// shellFile carries a file that a script reads or names, when it is there.
func (m *maker) shellFile(ctx context.Context, where, name string) error {
	if !path.IsAbs(name) {
		name = path.Join("/", m.config.WorkingDir, name)
	}
	res, err := tree.Resolve(ctx, m.t, name)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, tree.ErrLoop) || err == nil && !res.Entry.IsRegular() {
		return nil
	}
	if err != nil {
		return err
	}
	if res.Entry.Mode&0o111 != 0 {
		return m.program(ctx, executable{name: name, reason: "named in " + where})
	}
	_, _, err = m.carry(ctx, name, "named in "+where)
	return err
}
