package decide

import (
	"context"
	"slices"

	dockerspec "github.com/moby/docker-image-spec/specs-go/v1"

	"github.com/whittle-oci/whittle/builder/image"
	"github.com/whittle-oci/whittle/builder/need"
	"github.com/whittle-oci/whittle/builder/need/asbuilt"
	"github.com/whittle-oci/whittle/builder/need/distribution"
	"github.com/whittle-oci/whittle/builder/need/elf"
	"github.com/whittle-oci/whittle/builder/need/java"
	"github.com/whittle-oci/whittle/builder/need/node"
	"github.com/whittle-oci/whittle/builder/need/perl"
	"github.com/whittle-oci/whittle/builder/need/php"
	"github.com/whittle-oci/whittle/builder/need/python"
	"github.com/whittle-oci/whittle/builder/need/ruby"
	"github.com/whittle-oci/whittle/builder/need/shell"
)

// A Start is what an image starts, as the first phase sees it.
type Start struct {
	Config   dockerspec.DockerOCIImageConfig // with the command lines that the image gets
	Programs []string                        // real paths of what ENTRYPOINT and CMD come to
	Shells   []need.ShellUse                 // why there is a shell, none where there is not
	Changes  []image.Change
}

// Starts is the first phase alone: what the command lines of an image come to,
// by the same launchers as [Decide], and of the files behind them no more than
// the scripts. Errors are as those of Decide.
func Starts(ctx context.Context, in Input) (Start, error) {
	db := Packages(in.Tree)
	known := runtimes(db, distribution.New(db, nil, false, false), elf.NewFiles(), false, false)
	env := &need.Env{Tree: in.Tree, Vars: in.Config.Env, Dir: in.Config.WorkingDir, Lines: commandLines(in.Config, in.Options.Commands)}
	l, err := launch(ctx, env, in, launchers(known))
	if err != nil {
		return Start{}, err
	}
	env.Commands = l.commands
	set, err := need.Close(ctx, env, l.found, []need.Provider{shell.New(), asbuilt.Provider{}})
	if err != nil {
		return Start{}, err
	}
	return Start{Config: l.config, Programs: l.mains, Shells: append(slices.Clone(l.found.Shells), set.Shells...), Changes: l.changes}, nil
}

// Language names the language whose runtime a program is, "" for a program of
// none that is known by name.
func Language(program string) string {
	switch {
	case python.Interprets(program):
		return "Python"
	case node.Interprets(program):
		return "Node.js"
	case php.Interprets(program):
		return "PHP"
	case java.Interprets(program):
		return "Java"
	case ruby.Interprets(program):
		return "Ruby"
	case perl.Interprets(program):
		return "Perl"
	}
	return ""
}
