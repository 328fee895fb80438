package need

import (
	"context"
	"fmt"
	"path"
	"strings"

	"github.com/whittle-oci/whittle/builder/image"
)

// Lookup is the launcher that finds a command along PATH, as execvp(3) does.
type Lookup struct{}

// Resolve implements Launcher.
func (Lookup) Resolve(ctx context.Context, env *Env, c Command) (Step, bool, error) {
	if c.Program != "" || len(c.Argv) == 0 {
		return Step{}, false, nil
	}
	name, ok, err := env.LookPath(ctx, c.Argv[0])
	if err != nil {
		return Step{}, false, err
	}
	if !ok && c.Lenient {
		return Step{Found: Found{Needs: arguments(c.Instruction, c.Argv)}}, true, nil
	}
	if !ok {
		where := "along PATH (" + strings.Join(env.SearchPath(), ":") + ")"
		if strings.Contains(c.Argv[0], "/") {
			where = "in the built image"
		}
		return Step{}, false, &image.RefusedError{
			Instruction: c.Instruction,
			Message:     fmt.Sprintf("%s is not %s", c.Argv[0], where),
			Hint:        "copy or build it in the final stage, or correct the path",
		}
	}
	next := c
	next.Program = name
	return Step{Next: next}, true, nil
}

// Execute is the launcher that comes last: what was looked up is a program of
// which nothing is known but that it is run, by root or not. Its arguments may name files.
type Execute struct{}

// Resolve implements Launcher.
func (Execute) Resolve(_ context.Context, _ *Env, c Command) (Step, bool, error) {
	if c.Program == "" {
		return Step{}, false, nil
	}
	self := Need{Kind: Program, Path: c.Program, By: c.Instruction, Reason: c.Reason, Strength: Required, Instruction: c.Instruction}
	found := Found{Needs: append([]Need{self}, Arguments(c)...)}
	if name := c.Argv[0]; NeedsRoot(name) {
		found.Facts = []Fact{{Kind: Root, Reason: fmt.Sprintf("%s runs %s", c.Instruction, name)}}
	}
	return Step{Found: found}, true, nil
}

// Arguments gives the files that the arguments of a command name, alone, after
// an equals sign or after a colon, as socat's EXEC:/srv/answer.sh,pty has it: a
// configuration file, a helper.
func Arguments(c Command) []Need { return arguments(c.Instruction, c.Args()) }

func arguments(instruction string, args []string) []Need {
	var out []Need
	for _, arg := range args {
		if _, value, ok := strings.Cut(arg, "="); ok && !path.IsAbs(arg) {
			arg = value
		}
		if _, value, ok := strings.Cut(arg, ":"); ok && strings.HasPrefix(value, "/") && !strings.HasPrefix(value, "//") && !path.IsAbs(arg) {
			arg = value
			if i := strings.IndexAny(arg, ", "); i >= 0 {
				arg = arg[:i]
			}
		}
		if path.IsAbs(arg) {
			out = append(out, Need{Kind: Named, Path: path.Clean(arg), By: instruction, Reason: "argument of " + instruction, Strength: Expected, Instruction: instruction})
		}
	}
	return out
}
