// Package decide decides what a minimal image holds and why.
//
// A decision is a pipeline of eight phases, each a function in a file of its
// name that says in its signature what it takes and what it gives. It is pure:
// the same input gives the same plan, byte for byte. Nothing here reaches
// BuildKit or a registry; what becomes of a plan is the sinks' affair.
package decide

import (
	"context"
	"errors"

	dockerspec "github.com/moby/docker-image-spec/specs-go/v1"

	"github.com/whittle-oci/whittle/builder/image"
	"github.com/whittle-oci/whittle/builder/need"
	"github.com/whittle-oci/whittle/builder/need/distribution"
	"github.com/whittle-oci/whittle/builder/need/elf"
	"github.com/whittle-oci/whittle/builder/packages"
	"github.com/whittle-oci/whittle/builder/tree"
)

// Options are the settings that shape a plan. The zero value is the ordinary
// case.
type Options struct {
	Include  []string // further paths and globs to include
	Exclude  []string // paths and globs to exclude
	Writable []string // directories that the user may write to
	// Commands are further command lines that the image is started with.
	Commands [][]string
	// User is "", "keep", "UID", "UID:GID" or a name in the tree's passwd.
	User       string
	NoShell    bool // a shell that would be needed is an error
	NoLicences bool // copyright files are left out
	// StrictPackages follows files alone, and no relations of packages.
	StrictPackages bool
	NoIdentity     bool // the user gets no line in passwd and group and no HOME
	// OneLayer puts all files of an image into one layer.
	OneLayer bool
	// Probe is the program that stands for curl, wget and nc in a HEALTHCHECK,
	// for the platform of the image; nil leaves the check as it is.
	Probe []byte
	// NoEvidence turns off what evidence would add: certificates, zones,
	// users, temp. Tests and the smallest of images use it.
	NoEvidence bool
}

// An Input is what a plan is made from.
type Input struct {
	// Tree is the root filesystem of the final stage as it was built.
	Tree tree.Tree
	// Changed holds only the files in which Tree differs from Base. Nil means
	// that only programs and what they need are carried.
	Changed tree.Tree
	// Base is the root filesystem of the final stage's base image. Nil when
	// the stage began from scratch.
	Base tree.Tree
	// BaseEnv is the environment that the base image sets.
	BaseEnv []string
	// Trust is the tree whose certificate authorities may be carried. Nil
	// stands for Tree; pack gives the files that it was told to pack, since
	// the machine it runs on may have an interception authority of its own.
	Trust tree.Tree
	// Config is the configuration of the built image.
	Config dockerspec.DockerOCIImageConfig
	// Compiles names the languages that the final stage itself compiles, such
	// as "go"; their sources are not kept.
	Compiles []string
	// Programs are real paths to carry as programs although the configuration
	// does not name them: pack uses it.
	Programs []string
	Options  Options
}

// Decide makes the plan of a minimal image.
//
// Errors are *image.RefusedError when the tree cannot run or may not be
// shipped, *image.UnsupportedError when a program's runtime is not known or
// its package database cannot be read, and
// whatever reading the tree gave otherwise.
func Decide(ctx context.Context, in Input) (*image.Plan, error) { return decide(ctx, in, nil) }

// settled are the files of an image, with owner and mode, and how they came
// about.
type settled struct {
	in    Input // with the environment that what starts asks for
	dist  *distribution.Provider
	files *drafts
	of    phases
}

// settle runs the phases that decide on files, all but the last one.
func settle(ctx context.Context, in Input, elves *elf.Files, next func(waiting int) int, further ...runtime) (settled, error) {
	var none settled
	db := Packages(in.Tree)
	gate, err := newGate(in.Tree, in.Options.Exclude)
	if err != nil {
		return none, err
	}
	env := &need.Env{Tree: in.Tree, Vars: in.Config.Env, Dir: in.Config.WorkingDir, Lines: commandLines(in.Config, in.Options.Commands), Admit: gate.admit, NoShell: in.Options.NoShell, NoEvidence: in.Options.NoEvidence, Next: next}
	var baseDB *packages.DB
	if in.Base != nil {
		baseDB = Packages(in.Base)
	}
	dist := distribution.New(db, baseDB, in.Changed != nil, in.Options.StrictPackages)
	known := append(further, runtimes(db, dist, elves, in.Changed != nil, in.Trust != nil)...)

	launched, err := launch(ctx, env, in, launchers(known)) // 1
	if err != nil {
		return none, err
	}
	if !launched.probed {
		in.Options.Probe = nil
	}
	in.Config.Env = setVars(in.Config.Env, launched.vars)
	env.Vars, env.Lines = in.Config.Env, commandLines(launched.config, in.Options.Commands)
	pruned, err := prunes(ctx, env, providers(known), launched.mains)
	if err != nil {
		return none, err
	}
	kept, err := keep(ctx, env, in, db, dist, gate, launched.mains, pruned) // 2
	if err != nil {
		return none, err
	}
	closed, err := closure(ctx, env, launched, kept, providers(known)) // 3
	if err != nil {
		return none, err
	}
	files := fromSet(closed)
	identified, err := identify(ctx, in, closed) // 4
	if err != nil {
		return none, err
	}
	generated, err := generate(ctx, env, in, closed, identified.user, files, gate) // 5
	if err != nil {
		return none, err
	}
	files.add(generated.files, gate)
	recorded, err := record(ctx, in, db, files) // 6
	if err != nil {
		return none, err
	}
	files.add(recorded.files, gate)
	if err := own(ctx, env, in, files, ownership{identified.user, generated.home, closed, kept, gate}); err != nil { // 7
		return none, err
	}
	return settled{in, dist, files, phases{launched, kept, closed, identified, generated, recorded, gate}}, nil
}

// decide is Decide with the order in which needs are looked at, and with
// further runtimes.
func decide(ctx context.Context, in Input, next func(waiting int) int, further ...runtime) (*image.Plan, error) {
	elves := elf.NewFiles()
	s, err := settle(ctx, in, elves, next, further...)
	if unreadable, ok := errors.AsType[*packages.UnreadableError](err); ok {
		return nil, &image.UnsupportedError{Why: unreadable.Error()}
	}
	if err != nil {
		return nil, err
	}
	base, err := shared(ctx, in, elves, s.of.launched.mains)
	if err != nil {
		return nil, err
	}
	return explain(ctx, s.in, s.dist, s.files, s.of, base) // 8
}
