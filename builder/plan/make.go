package plan

import (
	"context"
	"slices"
	"strings"

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
	NoIdentity bool // the user gets no line in passwd and group and no HOME
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

// maker holds the state of one Make.
type maker struct {
	in       Input
	opts     Options
	t        tree.Tree
	config   dockerspec.DockerOCIImageConfig
	entries  map[string]*Entry
	occupied map[string]bool       // directories below which something is carried
	walked   map[string]bool       // directories of which every file was looked at
	changed  map[string]tree.Entry // files in which the tree differs from its base
	db       *packages.DB
	plan     Plan

	pathVar []string // PATH of the image
	libPath []string // LD_LIBRARY_PATH of the image
	preload []string // LD_PRELOAD of the image

	done        map[string]bool  // programs already carried, by real path
	mains       []string         // real paths of what ENTRYPOINT and CMD run
	configured  map[string]bool  // configuration files that were read
	application string           // a program that the base image brought outside of packages
	states      []string         // where packaged programs keep what they write
	unneeded    map[string]*Left // by package, what was installed and stays behind

	user     identity // who the image runs as
	needRoot string   // why the image must stay root, "" when it need not
	evidence evidence

	passes      map[string]bool // scripts that run their arguments
	scriptDirs  []string        // directories that scripts name, and may run what is in
	shells      []shellUse
	inShell     int      // what is carried now is for a shell
	forShell    []string // files that were
	shellWanted []string // programs that call system(3) or popen(3)
	shellReason string

	excludes map[string]bool // patterns of exclude: that matched something

	globbed   [][]string        // what each pattern of include: matches
	named     map[string]bool   // the files among it, also by their real paths
	namedDirs []string          // the directories of credentials among it
	secrets   map[string]string // by path, what was looked at and what it holds

	asks    string   // which program may ask who it is, "" when none does
	homeDir string   // real path of the home of a user that the image got, "" for none
	loads   []string // directories in which programs look for libraries
}

// Make decides what the image holds.
//
// Errors are *RefusedError when the tree cannot run or may not be shipped,
// *UnsupportedError when a program's runtime is not known, and whatever
// reading the tree gave otherwise.
func Make(ctx context.Context, in Input) (*Plan, error) {
	m := &maker{
		in: in, opts: in.Options, t: in.Tree, config: cloneConfig(in.Config),
		entries: map[string]*Entry{}, occupied: map[string]bool{}, walked: map[string]bool{}, changed: map[string]tree.Entry{},
		done: map[string]bool{}, passes: map[string]bool{}, excludes: map[string]bool{}, unneeded: map[string]*Left{}, configured: map[string]bool{},
		named: map[string]bool{}, secrets: map[string]string{},
	}
	db, err := packages.Open(ctx, in.Tree)
	if err != nil {
		return nil, err
	}
	m.db = db
	m.readEnvironment()
	if triggers := in.Config.OnBuild; len(triggers) > 0 {
		m.change("command", "ONBUILD", strings.Join(triggers, "; "), "", "images that are built on this one have no package manager")
	}
	for _, step := range []func(context.Context) error{
		// What is in it.
		m.findIncluded,
		m.programs,
		m.provided,
		m.kept,
		m.included,
		m.identities,
		m.evidenced,
		m.excluded,
		m.userDirs,
		m.variableLinks,
		m.records,
		m.excludedLast,
		// Whose it is.
		m.parents,
		m.owners,
		m.readable,
		m.setIDs,
		// What is said of it.
		m.environment,
		m.ports,
		m.unused,
		m.shellCosts,
		m.differences,
		m.copies,
	} {
		if err := step(ctx); err != nil {
			return nil, err
		}
	}
	return m.finish(), nil
}

func (m *maker) warn(instruction, message, hint string) {
	w := Warning{Instruction: instruction, Message: Printable(message), Hint: Printable(hint)}
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
