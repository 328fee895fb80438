// Package source knows how to read, in the text of a program of a scripting
// language, what it starts: programs, and command lines for a shell. It reads
// names and literals, runs nothing, and asks for what the built tree has of it.
package source

import (
	"context"
	"fmt"
	"strings"

	"github.com/whittle-oci/whittle/builder/image"
	"github.com/whittle-oci/whittle/builder/need"
	"github.com/whittle-oci/whittle/builder/need/shell"
	"github.com/whittle-oci/whittle/builder/tree"
)

// Limits on what is read of one application.
const (
	MaxFiles = 400     // files, each of which may be a request to a builder
	MaxFile  = 1 << 20 // bytes of one
	MaxTotal = 8 << 20 // bytes of all
)

// A Kind says what is started.
type Kind uint8

// The kinds of uses.
const (
	Starts Kind = iota // Text is the name of a program
	Shell              // Text is a command line that a shell runs, "" when it is computed
)

// A Use is one thing that a source is seen to start.
type Use struct {
	Kind Kind
	Text string
	Line int
	// Partial says that Text is but the beginning of what is started: the rest
	// is computed.
	Partial bool
}

// Needs asks for what a source at a path starts.
func Needs(ctx context.Context, env *need.Env, where string, uses []Use, out *need.Found) error {
	for _, u := range uses {
		at := fmt.Sprintf("%s:%d", where, u.Line)
		var err error
		switch {
		case u.Kind == Starts:
			err = Start(ctx, env, where, at, u.Text, out)
		case u.Partial:
			first, _, ok := strings.Cut(strings.TrimLeft(u.Text, " \t"), " ")
			if !ok || strings.ContainsAny(first, "'\"$`\\|&;()<>=*?[]{}!#~") {
				first = ""
			}
			err = RunShell(ctx, env, where, at, first, out)
		default:
			err = RunShell(ctx, env, where, at, u.Text, out)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// Start asks for a program that a source starts by its name. by is the source,
// where its line, for people.
func Start(ctx context.Context, env *need.Env, by, where, name string, out *need.Found) error {
	if name == "" || strings.ContainsAny(name, " \n{%") {
		return nil
	}
	found, ok, err := env.LookPath(ctx, name)
	if err != nil {
		return err
	}
	if !ok {
		out.Warnings = append(out.Warnings, image.NewWarning("", fmt.Sprintf("%s starts %s, which is not in the built image", where, name), "install it in the final stage, or leave it when that line is never reached"))
		return nil
	}
	out.Needs = append(out.Needs, need.Need{Kind: need.Program, Path: found, By: by, Reason: where + " starts " + name, Strength: need.Expected})
	return nil
}

// RunShell asks for the shell that a source starts commands with, and for the
// commands, where they can be read. An empty script is one that is computed.
func RunShell(ctx context.Context, env *need.Env, by, where, script string, out *need.Found) error {
	const sh = "/bin/sh"
	_, err := tree.Resolve(ctx, env.Tree, sh)
	if need.Missing(err) {
		out.Warnings = append(out.Warnings, image.NewWarning("", where+" runs commands by a shell, and the built image has no "+sh, "start the program itself, from a list of words"))
		return nil
	}
	if err != nil {
		return err
	}
	reason := by + " runs commands by a shell"
	if where != by {
		reason = by + " runs commands by a shell, first in line " + strings.TrimPrefix(where, by+":")
	}
	if env.NoShell {
		out.Warnings = append(out.Warnings, image.NewWarning("", where+" runs commands by a shell, which no-shell leaves out", "start the program itself, from a list of words"))
		return nil
	}
	out.Needs = append(out.Needs, need.Need{Kind: need.Program, Path: sh, By: by, Reason: reason, Strength: need.Optional, Shell: true})
	if script == "" {
		if where != by {
			out.Warnings = append(out.Warnings, image.NewWarning("", where+" runs a command by a shell that is computed, so its programs are not known", "include: them"))
		}
		return nil
	}
	commands, err := shell.ReadCommands([]byte(script), "sh", shell.Place{})
	if err != nil {
		return nil // a format string, say
	}
	for _, name := range commands.Names {
		found, ok, err := env.LookPath(ctx, name)
		if err != nil {
			return err
		}
		if ok {
			out.Needs = append(out.Needs, need.Need{Kind: need.Program, Path: found, By: by, Reason: where + " starts " + name + " by a shell", Strength: need.Expected, Shell: true})
		}
	}
	return nil
}
