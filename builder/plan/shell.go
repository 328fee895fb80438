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

// Limits on the scripts that are read for their commands.
const (
	maxScript  = 1 << 20 // bytes of one
	maxSourced = 64      // files that one script reads in, and those in turn
)

// script carries a #! script's interpreter and, for a shell script, the
// commands it is seen to run.
func (m *maker) script(ctx context.Context, x executable, res tree.Resolved, s runtimes.Script) error {
	if _, err := tree.Resolve(ctx, m.t, s.Interpreter); errors.Is(err, fs.ErrNotExist) {
		return &RefusedError{
			Instruction: x.instruction,
			Message:     fmt.Sprintf("%s begins with #!%s, which is not in the built image", res.Path, s.Interpreter),
			Hint:        "install that interpreter in the final stage, or rewrite the script for one that is there",
		}
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
	}
	if rt := runtimeName(command); rt != "" {
		return &UnsupportedError{x.instruction, res.Path, rt}
	}
	for _, name := range slices.Compact([]string{s.Interpreter, command}) {
		interpreter := executable{x.instruction, name, "interpreter of " + res.Path}
		if isShell(name) {
			if err := m.shell(ctx, interpreter, res.Path); err != nil {
				return err
			}
			continue
		}
		if err := m.program(ctx, interpreter); err != nil {
			return err
		}
	}
	if !isShell(command) {
		return nil
	}
	src, err := tree.ReadFile(ctx, m.t, res.Path, maxScript)
	if err != nil {
		return fmt.Errorf("reading the script %s: %w", res.Path, err)
	}
	return m.shellScript(ctx, x.instruction, res.Path, res.Path, command, src)
}

// shellCommand carries the shell that a command line needs and the commands in
// it.
func (m *maker) shellCommand(ctx context.Context, instruction, shell, script string) error {
	name, ok, err := m.lookPath(ctx, shell)
	if err != nil {
		return err
	}
	if !ok {
		return &RefusedError{
			Instruction: instruction,
			Message:     fmt.Sprintf("the shell form needs %s, which is not in the built image", shell),
			Hint:        `use the exec form: ["program", "argument"]`,
		}
	}
	if err := m.shell(ctx, executable{instruction, name, "shell of " + instruction}, instruction); err != nil {
		return err
	}
	return m.shellScript(ctx, instruction, instruction, script, name, []byte(script))
}

// shell carries a shell, which where needs.
func (m *maker) shell(ctx context.Context, x executable, where string) error {
	return m.shellFor(ctx, x, shellUse{x.instruction, where + " needs a shell", x.name, "use the exec form with a program that needs none, or set no-shell to make this an error"})
}

// shellFor carries a shell for a use. What it costs is known and said when
// everything is carried.
func (m *maker) shellFor(ctx context.Context, x executable, use shellUse) error {
	if m.opts.NoShell {
		return &RefusedError{
			Instruction: x.instruction,
			Message:     fmt.Sprintf("%s (%s), and no-shell is set", use.why, x.name),
			Hint:        `use the exec form with a program that needs none: ["program", "argument"]`,
		}
	}
	if m.plan.Shell == "" {
		m.plan.Shell = x.name
	}
	m.evidence.set(&m.evidence.temp, "a shell keeps here-documents in /tmp")
	if !slices.Contains(m.shells, use) {
		m.shells = append(m.shells, use)
	}
	return m.withShell(func() error { return m.carryProgram(ctx, x) })
}

// shellScript carries what a shell script is seen to run. where names the
// script in reasons and warnings, key in m.passes.
func (m *maker) shellScript(ctx context.Context, instruction, where, key, shell string, src []byte) error {
	scripts, err := m.sources(ctx, instruction, where, shell, src)
	if err != nil || len(scripts) == 0 {
		return err
	}
	m.passes[key] = scripts[0].ExecArgs
	functions := map[string]bool{}
	for _, s := range scripts {
		for _, f := range s.Functions {
			functions[f] = true
		}
	}
	return m.withShell(func() error {
		for _, s := range scripts {
			if err := m.shellCommands(ctx, instruction, s, functions); err != nil {
				return err
			}
		}
		return nil
	})
}

// sourced is a script, or a file that it reads in, and what it runs.
type sourced struct {
	runtimes.Commands
	where string
}

// sources reads a script and the files it reads in, which run and define what
// it would by itself.
func (m *maker) sources(ctx context.Context, instruction, where, shell string, src []byte) ([]sourced, error) {
	var out []sourced
	read := func(where string, src []byte) error {
		cmds, err := runtimes.ShellCommands(src, path.Base(shell), m.known)
		if err != nil {
			m.warn(instruction, fmt.Sprintf("%s could not be parsed, so its commands are not known: %v", where, err), "name them with include:")
			return nil
		}
		out = append(out, sourced{cmds, where})
		return nil
	}
	if err := read(where, src); err != nil {
		return nil, err
	}
	seen := map[string]bool{}
	for i := 0; i < len(out) && len(seen) < maxSourced; i++ {
		for _, name := range out[i].Sourced {
			name = m.fromWorkdir(name)
			if seen[name] {
				continue
			}
			seen[name] = true
			data, err := tree.ReadFile(ctx, m.t, name, maxScript)
			if err != nil {
				continue // it may be there at run time only
			}
			if err := m.mention(ctx, instruction, name, "read by "+out[i].where); err != nil {
				return nil, err
			}
			if err := read(name, data); err != nil {
				return nil, err
			}
		}
	}
	return out, nil
}

// known gives the variables of the image to scripts.
func (m *maker) known(name string) (string, bool) {
	v := m.env(name)
	return v, v != ""
}

func (m *maker) fromWorkdir(name string) string {
	if path.IsAbs(name) {
		return path.Clean(name)
	}
	return path.Join("/", m.config.WorkingDir, name)
}

// shellCommands carries the commands of one script.
func (m *maker) shellCommands(ctx context.Context, instruction string, s sourced, functions map[string]bool) error {
	for _, name := range slices.Concat(s.Names, s.Maybe) {
		if functions[name] {
			continue
		}
		if err := m.shellWord(ctx, instruction, s.where, name, !slices.Contains(s.Names, name)); err != nil {
			return err
		}
	}
	for _, name := range s.Paths {
		if i := strings.IndexAny(name, "*?["); i >= 0 {
			m.scriptDirs = append(m.scriptDirs, path.Dir(name[:i]+"x"))
			continue
		}
		m.scriptDirs = append(m.scriptDirs, name)
		if err := m.mention(ctx, instruction, name, "named in "+s.where); err != nil {
			return err
		}
	}
	for _, place := range s.Unknown {
		m.warn(instruction, fmt.Sprintf("%s computes the name of a command, %s", s.where, place), "name it with include: when it must be in the image")
	}
	if len(s.Root) > 0 {
		m.needRoot = fmt.Sprintf("%s runs %s", s.where, strings.Join(s.Root, ", "))
	}
	return nil
}

// shellWord carries one command of a script. A command that is nowhere, or
// cannot run, is a warning: it may stand on a path that is never taken.
func (m *maker) shellWord(ctx context.Context, instruction, where, name string, maybe bool) error {
	found, ok, err := m.lookPath(ctx, name)
	if err != nil {
		return err
	}
	if !ok {
		if !maybe {
			m.warn(instruction, fmt.Sprintf("%s runs %s, which is not in the built image", where, name), "")
		}
		return nil
	}
	if runtimeName(name) != "" {
		return &UnsupportedError{instruction, where, path.Base(name)}
	}
	return m.lenient(ctx, executable{instruction, found, "command of " + where})
}
