package decide

import (
	"context"
	"errors"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"
	"sync"

	dockerspec "github.com/moby/docker-image-spec/specs-go/v1"

	"github.com/whittle-oci/whittle/builder/image"
	"github.com/whittle-oci/whittle/builder/need"
	"github.com/whittle-oci/whittle/builder/need/asbuilt"
	"github.com/whittle-oci/whittle/builder/need/entrypoint"
	"github.com/whittle-oci/whittle/builder/need/shell"
	"github.com/whittle-oci/whittle/builder/probe"
)

// launched is what the image starts.
type launched struct {
	config   dockerspec.DockerOCIImageConfig // with command lines that need no shell
	commands []need.Launched                 // what scripts are given to run, one a command line
	found    need.Found
	changes  []image.Change
	mains    []string // real paths of the programs that ENTRYPOINT and CMD start
	vars     []string // variables that the command lines need, NAME=VALUE
	refused  []error  // faults of single command lines
	probed   bool     // the health check starts the probe
}

// launch is phase 1: it turns what the image says into what really starts.
func launch(ctx context.Context, env *need.Env, in Input, launchers []need.Launcher) (launched, error) {
	out := launched{config: cloneConfig(in.Config)}
	if triggers := in.Config.OnBuild; len(triggers) > 0 {
		out.changes = append(out.changes, image.Change{Kind: "command", Name: "ONBUILD", From: strings.Join(triggers, "; "), Why: "images that are built on this one have no package manager"})
	}
	for _, name := range in.Programs {
		out.found.Needs = append(out.found.Needs, need.Need{Kind: need.Program, Path: name, By: "pack", Reason: "packed as a program", Strength: need.Required})
	}
	for _, f := range []func(context.Context, *need.Env, Input, []need.Launcher, *launched) error{launchEntrypoint, launchHealthcheck, launchCommands} {
		if err := f(ctx, env, in, launchers, &out); err != nil {
			return out, err
		}
	}
	var err error
	out.mains, err = mainPrograms(ctx, env, out)
	return out, err
}

// mainPrograms follows what starts through all scripts to the programs that
// the image is for. What is refused already, or runs on a runtime that is not
// known, ends the decision here, before anything else is read.
func mainPrograms(ctx context.Context, env *need.Env, l launched) ([]string, error) {
	inside := *env
	inside.Commands = l.commands
	inside.Admit = nil // what exclude: says of them is for the closure
	set, err := need.Close(ctx, &inside, l.found, []need.Provider{shell.New(), asbuilt.Provider{}})
	if err := need.First(append(slices.Clone(l.refused), err)...); err != nil {
		return nil, err
	}
	var out []string
	for _, f := range set.Files() {
		if f.Program && f.Serves(need.Starts...) {
			out = append(out, f.Path)
		}
	}
	return out, nil
}

// handed launches the command line that a script is started with as arguments
// and does not run itself: a script that it runs may do so. more is appended to
// those arguments. Words that are no command, which is the ordinary case, are
// none.
func (l *launched) handed(ctx context.Context, env *need.Env, c need.Command, more []string, launchers []need.Launcher) error {
	argv := c.Args()
	if _, args, ok := shell.Form(c.Argv); ok {
		argv = args[min(1, len(args)):] // the first is $0
	} else if script, err := shell.IsScript(ctx, env, c.Program); !script || err != nil {
		return err
	}
	next := need.Command{Argv: append(slices.Clone(argv), more...), Instruction: c.Instruction, Lenient: true, Fixed: true}
	if len(argv) == 0 && len(more) > 0 {
		next.Instruction = "CMD"
	}
	if len(next.Argv) == 0 {
		return nil
	}
	next.Reason = next.Instruction + " through " + path.Base(c.Argv[0])
	got, err := need.Launch(ctx, env, next, launchers)
	if errors.As(err, new(*image.RefusedError)) || errors.As(err, new(*image.UnsupportedError)) {
		return nil
	}
	l.commands = append(l.commands, got)
	return err
}

// run launches one command line, to which the container appends more: CMD,
// behind an ENTRYPOINT. A refusal is kept for later: another instruction may
// show that the image is built as written.
func (l *launched) run(ctx context.Context, env *need.Env, c need.Command, more []string, launchers []need.Launcher) (need.Launched, error) {
	got, err := need.Launch(ctx, env, c, launchers)
	if err != nil {
		if !errors.As(err, new(*image.RefusedError)) && !errors.As(err, new(*image.UnsupportedError)) {
			return got, err
		}
		l.refused = append(l.refused, err)
	}
	l.found.Needs = append(l.found.Needs, got.Needs...)
	l.found.Facts = append(l.found.Facts, got.Facts...)
	l.found.Shells = append(l.found.Shells, got.Shells...)
	l.found.Warnings = append(l.found.Warnings, got.Warnings...)
	l.changes = append(l.changes, got.Changes...)
	l.vars = append(l.vars, got.Env...)
	if len(got.Changes) > 0 {
		more = nil // see launchEntrypoint
	}
	if !got.Final.Open && len(got.Final.Argv) > 0 {
		return got, l.handed(ctx, env, got.Final, more, launchers)
	}
	return got, nil
}

// launchEntrypoint launches ENTRYPOINT and CMD.
func launchEntrypoint(ctx context.Context, env *need.Env, in Input, launchers []need.Launcher, out *launched) error {
	entry, cmd := out.config.Entrypoint, out.config.Cmd
	switch {
	case len(entry) == 0 && len(cmd) == 0:
		if len(in.Programs) == 0 {
			out.refused = append(out.refused, &image.RefusedError{
				Message: "nothing to run: the final stage has neither ENTRYPOINT nor CMD",
				Hint:    `add ENTRYPOINT ["/path/of/the/program"]`,
			})
		}
		return nil
	case len(entry) == 0:
		got, err := out.run(ctx, env, need.Command{Argv: cmd, Instruction: "CMD", Reason: "CMD"}, nil, launchers)
		out.config.Cmd = got.Argv
		return err
	}
	argv, official, err := entrypoint.Evaluate(ctx, env, entry, cmd)
	if err != nil {
		return err
	}
	if official {
		out.config.Entrypoint = nil
		out.changes = append(out.changes, image.Change{Kind: "command", Name: "ENTRYPOINT", From: need.Quote(append(slices.Clone(entry), cmd...)), To: need.Quote(argv), Why: entrypoint.Why})
		got, err := out.run(ctx, env, need.Command{Argv: argv, Instruction: "CMD", Reason: "CMD"}, nil, launchers)
		out.config.Cmd = got.Argv
		return err
	}
	got, err := out.run(ctx, env, need.Command{Argv: entry, Instruction: "ENTRYPOINT", Reason: "ENTRYPOINT", More: cmd}, cmd, launchers)
	if err != nil {
		return err
	}
	out.config.Entrypoint = got.Argv
	switch {
	case len(cmd) == 0:
	case got.WithMore:
		out.config.Cmd = nil
	case got.Appends:
		out.found.Needs = append(out.found.Needs, need.Arguments(need.Command{Argv: append([]string{""}, cmd...), Instruction: "CMD"})...)
	case len(got.Changes) > 0:
		// The shell took CMD for its own arguments and did nothing with them;
		// the program would read them.
		out.config.Cmd = nil
		out.changes = append(out.changes, image.Change{Kind: "command", Name: "CMD", From: need.Quote(cmd), Why: "an ENTRYPOINT in shell form does not read it"})
	case got.Final.Open:
		_, _, script := shell.Form(cmd)
		got, err := out.run(ctx, env, need.Command{Argv: cmd, Instruction: "CMD", Reason: "CMD", Lenient: !script, Fixed: got.Final.Fixed}, nil, launchers)
		out.config.Cmd = got.Argv
		return err
	default:
		out.found.Needs = append(out.found.Needs, need.Arguments(need.Command{Argv: append([]string{""}, cmd...), Instruction: "CMD"})...)
	}
	return nil
}

// orExit matches the end of a health check that names one of several codes
// which all mean unhealthy.
var orExit = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`\s*\|\|\s*exit\s+[1-9][0-9]*\s*$`)
})

// launchHealthcheck launches HEALTHCHECK.
func launchHealthcheck(ctx context.Context, env *need.Env, in Input, launchers []need.Launcher, out *launched) error {
	h := out.config.Healthcheck
	if h == nil || len(h.Test) < 2 {
		return nil
	}
	if in.Options.Probe != nil {
		if done, err := probeHealth(ctx, env, h, out); done || err != nil {
			return err
		}
	}
	c := need.Command{Argv: h.Test[1:], Instruction: "HEALTHCHECK", Reason: "HEALTHCHECK"}
	if h.Test[0] == "CMD-SHELL" {
		text := h.Test[1]
		argv, plain, err := shell.Plain(ctx, env, orExit().ReplaceAllString(text, ""))
		if err != nil {
			return err
		}
		sh := []string{"/bin/sh", "-c"}
		switch {
		case plain:
			out.changes = append(out.changes, image.Change{Kind: "command", Name: c.Instruction, From: text, To: need.Quote(argv), Why: shell.PlainReason})
			c.Argv = argv
			h.Test = append([]string{"CMD"}, argv...)
		case len(in.Config.Shell) > 1:
			// SHELL does not travel, so the check names its shell itself.
			sh = in.Config.Shell
			h.Test = append(append([]string{"CMD"}, sh...), text)
			fallthrough
		default:
			c.Argv = append(slices.Clone(sh), text)
		}
		c.Fixed = !plain
		got, err := out.run(ctx, env, c, nil, launchers)
		if plain {
			h.Test = append([]string{"CMD"}, got.Argv...)
		}
		return err
	}
	if h.Test[0] != "CMD" {
		return nil
	}
	got, err := out.run(ctx, env, c, nil, launchers)
	h.Test = append([]string{"CMD"}, got.Argv...)
	return err
}

// toNothing matches redirections of output to nowhere at the end of a command.
var toNothing = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`(\s*([12&]?>>?\s*/dev/null|2>&1))+\s*$`)
})

// probeHealth lets the probe stand for curl, wget or nc in a HEALTHCHECK. done
// is false for a check that starts none of them, which is left as it is. One
// that does more than the probe can is refused: it was asked for.
func probeHealth(ctx context.Context, env *need.Env, h *dockerspec.HealthcheckConfig, out *launched) (done bool, err error) {
	argv := h.Test[1:]
	from := need.Quote(argv)
	script, args, scripted := shell.Form(argv)
	if h.Test[0] == "CMD-SHELL" {
		script, args, scripted, from = h.Test[1], nil, true, h.Test[1]
	}
	if scripted {
		plain := false
		if len(args) == 0 {
			argv, plain, err = shell.Plain(ctx, env, toNothing().ReplaceAllString(orExit().ReplaceAllString(script, ""), ""))
			if err != nil {
				return false, err
			}
		}
		if !plain && !slices.ContainsFunc(strings.FieldsFunc(script, func(r rune) bool { return strings.ContainsRune(" \t\n;&|()`\"'", r) }), func(w string) bool { return probe.IsTool([]string{w}) }) {
			return false, nil
		}
		if !plain {
			return true, refuseProbe(from, "it is more than one plain command")
		}
	}
	if !probe.IsTool(argv) {
		return false, nil
	}
	translated, err := probe.Translate(argv)
	if err != nil {
		return true, refuseProbe(from, err.Error())
	}
	h.Test = slices.Concat([]string{"CMD", probe.Path}, translated)
	out.probed = true
	out.changes = append(out.changes, image.Change{Kind: "command", Name: "HEALTHCHECK", From: from, To: need.Quote(h.Test[1:]), Why: "probe: true; a redirection counts as an answer"})
	return true, nil
}

func refuseProbe(check, why string) error {
	return &image.RefusedError{
		Instruction: "HEALTHCHECK", Message: fmt.Sprintf("probe: nothing can stand for %s: %s", check, why),
		Hint: "write the check as curl -f URL, wget -q --spider URL or nc -z HOST PORT of this machine, or leave probe out",
	}
}

// launchCommands launches the further command lines that the image is started
// with. They stand where CMD does, behind ENTRYPOINT. The image does not hold
// them, so none of them is rewritten, and an ENTRYPOINT in shell form reads
// none.
func launchCommands(ctx context.Context, env *need.Env, in Input, launchers []need.Launcher, out *launched) error {
	entry := in.Config.Entrypoint
	if _, _, shellForm := shell.Form(entry); shellForm && len(in.Options.Commands) > 0 {
		out.found.Warnings = append(out.found.Warnings, image.NewWarning("ENTRYPOINT", "commands: are not looked at, since an ENTRYPOINT in shell form does not read them", "write ENTRYPOINT in exec form"))
		return nil
	}
	for _, argv := range in.Options.Commands {
		reason := "commands: " + need.Quote(argv)
		rest, official, err := entrypoint.Evaluate(ctx, env, entry, argv)
		if err != nil {
			return err
		}
		if !official {
			rest = slices.Concat(entry, argv)
		}
		if _, err := out.run(ctx, env, need.Command{Argv: rest, Instruction: "commands", Reason: reason, Fixed: true}, nil, launchers); err != nil {
			return err
		}
	}
	return nil
}

// commandLines lists the command lines of an image as its configuration has
// them, and the further ones, those in shell form cut into words at blanks.
func commandLines(config dockerspec.DockerOCIImageConfig, commands [][]string) [][]string {
	lines := [][]string{slices.Concat(config.Entrypoint, config.Cmd)}
	for _, argv := range commands {
		lines = append(lines, slices.Concat(config.Entrypoint, argv))
	}
	if h := config.Healthcheck; h != nil && len(h.Test) > 1 {
		lines = append(lines, h.Test[1:])
	}
	for i, argv := range lines {
		if script, _, ok := shell.Form(argv); ok {
			lines[i] = strings.Fields(script)
		} else if len(argv) == 1 {
			lines[i] = strings.Fields(argv[0]) // of CMD-SHELL
		}
	}
	return lines
}

func cloneConfig(c dockerspec.DockerOCIImageConfig) dockerspec.DockerOCIImageConfig {
	c.Env = slices.Clone(c.Env)
	c.Entrypoint = slices.Clone(c.Entrypoint)
	c.Cmd = slices.Clone(c.Cmd)
	if c.Healthcheck != nil {
		h := *c.Healthcheck
		h.Test = slices.Clone(h.Test)
		c.Healthcheck = &h
	}
	// ONBUILD triggers and the RUN shell are for images that build on this
	// one, which has neither a shell nor a package manager.
	c.OnBuild = nil
	c.Shell = nil
	return c
}
