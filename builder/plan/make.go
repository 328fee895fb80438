package plan

import (
	"context"
	"slices"

	dockerspec "github.com/moby/docker-image-spec/specs-go/v1"

	"github.com/whittle-oci/whittle/builder/packages"
	"github.com/whittle-oci/whittle/builder/tree"
)

// Options are the settings that shape a plan. The zero value is the ordinary
// case.
type Options struct {
	Include  []string // paths and globs to carry besides
	Exclude  []string // paths and globs to leave out
	Writable []string // directories that the user may write to
	// User is "", "keep", "UID", "UID:GID" or a name in the tree's passwd.
	User       string
	NoShell    bool // a shell that would be needed is an error
	NoLicences bool // copyright files are left out
	// Evidence turns off what evidence would add: certificates, zones,
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

// maker holds the state of one Make.
type maker struct {
	in      Input
	opts    Options
	t       tree.Tree
	config  dockerspec.DockerOCIImageConfig
	entries map[string]*Entry
	walked  map[string]*walked
	db      *packages.DB
	plan    Plan

	user        identity // who the image runs as
	needRoot    string   // why the image must stay root, "" when it need not
	libPath     []string // LD_LIBRARY_PATH of the image
	pathVar     []string // PATH of the image
	evidence    evidence
	done        map[string]bool // programs already carried, by real path
	execArgs    bool            // the entrypoint runs its arguments
	shellWanted []string        // programs that call system(3) or popen(3)
	shellReason string
	changed     map[string]tree.Entry
	mains       []string // real paths of what ENTRYPOINT and CMD run
	dataDirs    []string // where the packages of these keep their data
}

// walked is a directory of which every file was looked at.
type walked struct {
	seen    []string // everything but directories
	dirs    []string // directories that were entered
	skipped []string // directories that were not entered
}

// Make decides what the image holds.
//
// Errors are *RefusedError when the tree cannot run or may not be shipped,
// *UnsupportedError when a program's runtime is not known, and whatever
// reading the tree gave otherwise.
func Make(ctx context.Context, in Input) (*Plan, error) {
	m := &maker{
		in: in, opts: in.Options, t: in.Tree, config: cloneConfig(in.Config),
		entries: map[string]*Entry{}, walked: map[string]*walked{},
		done: map[string]bool{}, changed: map[string]tree.Entry{},
	}
	db, err := packages.Open(ctx, in.Tree)
	if err != nil {
		return nil, err
	}
	m.db = db
	m.readEnvironment()
	for _, step := range []func(context.Context) error{
		m.programs,
		m.kept,
		m.included,
		m.excluded,
		m.identities,
		m.evidenced,
		m.owners,
		m.workdir,
		m.records,
		m.environment,
		m.ports,
	} {
		if err := step(ctx); err != nil {
			return nil, err
		}
	}
	return m.finish(), nil
}

func (m *maker) warn(instruction, message, hint string) {
	w := Warning{Instruction: instruction, Message: message, Hint: hint}
	if !slices.Contains(m.plan.Warnings, w) {
		m.plan.Warnings = append(m.plan.Warnings, w)
	}
}

func (m *maker) change(kind, name, from, to, why string) {
	m.plan.Changes = append(m.plan.Changes, Change{kind, name, from, to, why})
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
