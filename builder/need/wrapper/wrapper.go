// Package wrapper launches commands through programs that are there to start
// another: an init such as tini, a wrapper such as env or gosu.
package wrapper

import (
	"context"
	"fmt"
	"path"

	"github.com/whittle-oci/whittle/builder/image"
	"github.com/whittle-oci/whittle/builder/need"
	"github.com/whittle-oci/whittle/lint/command"
)

// A Launcher takes a wrapper's own words off a command line.
type Launcher struct{}

// Resolve implements need.Launcher. A wrapper that is given no command runs
// whatever is appended to its command line.
func (Launcher) Resolve(ctx context.Context, env *need.Env, c need.Command) (need.Step, bool, error) {
	if c.Program == "" {
		return need.Step{}, false, nil
	}
	inner, ok := command.Wrapped(c.Argv)
	if !ok || command.IsMulticall(c.Argv[0]) {
		return need.Step{}, false, nil
	}
	var s need.Step
	s.Needs = []need.Need{{Kind: need.Program, Path: c.Program, By: c.Instruction, Reason: c.Reason, Strength: need.Required, Instruction: c.Instruction}}
	if need.NeedsRoot(c.Argv[0]) {
		s.Facts = []need.Fact{{Kind: need.Root, Reason: fmt.Sprintf("%s runs %s", c.Instruction, c.Argv[0])}}
	}
	if len(inner) == 0 {
		s.Next = need.Command{Open: true}
		return s, true, nil
	}
	_, found, err := env.LookPath(ctx, inner[0])
	if err != nil {
		return need.Step{}, false, err
	}
	if !found {
		s.Warnings = []image.Warning{image.NewWarning(c.Instruction, fmt.Sprintf("%s starts %s, which is not in the built image", c.Argv[0], inner[0]), "include: it when it is the program")}
		return s, true, nil
	}
	s.Next = need.Command{Argv: inner, Reason: c.Instruction + " through " + path.Base(c.Argv[0]), Fixed: c.Fixed, More: c.More}
	return s, true, nil
}
