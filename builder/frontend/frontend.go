// Package frontend is the one build path of whittle: a BuildKit gateway
// function that builds a Dockerfile as it is, decides what of the result the
// program needs, and returns that alone as the image.
//
// The same function runs as a frontend image, from a client against any
// BuildKit, and in the process of the command.
package frontend

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/moby/buildkit/frontend/dockerfile/parser"
	"github.com/moby/buildkit/frontend/dockerui"
	gateway "github.com/moby/buildkit/frontend/gateway/client"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/whittle-oci/whittle/builder/image"
	"github.com/whittle-oci/whittle/builder/report"
	"github.com/whittle-oci/whittle/builder/tree"
)

// Options are what the caller adds to a build. The zero value builds as the
// frontend image does, without lint findings.
type Options struct {
	// Args are settings that win over build arguments and the configuration
	// file, by name as in Settings: the flags of a command.
	Args map[string][]string
	// Config is the content of the configuration file when the caller has
	// read it, with the name it goes by in messages. When ConfigName is "",
	// the frontend looks for .whittle.yaml itself. ReadConfig reads what that
	// file extends, nil when it is not of the caller.
	ConfigName string
	Config     []byte
	ReadConfig func(ctx context.Context, path string) ([]byte, error)
	// Local holds the directories that the caller shares with BuildKit, by
	// the name under which it does, where it has them on this machine. Single
	// files are read there.
	Local map[string]tree.Tree
	// Commands are further command lines that the caller knows the image to be
	// started with, as Compose files say.
	Commands [][]string
	// DryRun stops after the plan: the result is empty.
	DryRun bool
	// Check lints the Dockerfile; nil for no findings.
	Check Check
	// OnReport is called with the report of every platform that was made
	// minimal, from several goroutines.
	OnReport func(*report.Report, *image.Plan)
	// OnSource is called with the Dockerfile before anything is built.
	OnSource func(dockerfile []byte)
	// Measures remembers the size of base images; nil for no memory.
	Measures Measures
	// Program finds this program for BuildKit, which runs it beside an image
	// that is tried; nil where it cannot be found, so that nothing is tried.
	Program func(gateway.BuildOpts) (Program, error)
	// VerifyImage judges an image that is built on, by its name and digest,
	// where one of the patterns is for it. nil where it cannot be judged: then
	// a build whose settings ask for it is refused.
	VerifyImage func(ctx context.Context, patterns []string, name, digest string) error
	// Version is the version of whittle, for attestations.
	Version string
}

// A Check lints a Dockerfile.
type Check func(ctx context.Context, c Checked) ([]Finding, error)

// A Checked is what a Check looks at: a Dockerfile, and how it is built.
type Checked struct {
	Name       string
	Dockerfile []byte
	Target     string // "" for the last stage
	Args       map[string]string
	Platforms  []string // that the image is for
	Contexts   []string // names of further contexts
	About      About    // answers what the Dockerfile alone does not say
	// Config is the content of .whittle.yaml, nil when there is none, and
	// ConfigName where it stands. Read and Fetch read what it extends: paths
	// as seen from there, and addresses with the digest of their content.
	ConfigName string
	Config     []byte
	Read       func(ctx context.Context, path string) ([]byte, error)
	Fetch      func(ctx context.Context, address, digest string) ([]byte, error)
	// Skip names rules that the build switches off; "all" is every one.
	Skip []string
	// IgnoreFile is the name of the ignore file of the context, and Ignore its
	// content, nil when there is none or it is not asked about.
	IgnoreFile string
	Ignore     []byte
}

// A Finding is one result of a Check.
type Finding struct {
	Rule        string
	Description string
	URL         string
	Message     string
	Severity    string // style, info, warning, error
	Line, End   int    // lines of the Dockerfile, counted from 1
	InIgnore    bool   // they are of the ignore file
	// Aliases are BuildKit's names for the rule, so that nothing is said
	// twice.
	Aliases []string
	// Fails marks what the configuration counts as a failure of the check.
	Fails bool
	// Fatal makes the finding fail a build: the Dockerfile asks for it with
	// check=error=true.
	Fatal bool
}

// Measures remembers what a base image holds, by its digest.
type Measures interface {
	Get(digest string) (Measure, bool)
	Put(digest string, m Measure)
}

// A Measure is the size of a root filesystem.
type Measure struct {
	Bytes    int64 `json:"bytes"`
	Files    int   `json:"files"`
	Packages int   `json:"packages"`
}

// New returns the build function.
func New(o Options) gateway.BuildFunc {
	return func(ctx context.Context, c gateway.Client) (res *gateway.Result, err error) {
		defer recovered(&err)
		return run(ctx, c, o)
	}
}

// recovered turns a panic into an error: a panic would close the connection to
// BuildKit without a word.
func recovered(err *error) {
	if r := recover(); r != nil {
		*err = fmt.Errorf("whittle failed inside: %v\n%s", r, debug.Stack())
	}
}

func run(ctx context.Context, c gateway.Client, o Options) (_ *gateway.Result, err error) {
	cache := newResolveCache(newLocalFiles(c, o.Local))
	c = cache
	ui, err := dockerui.NewClient(c)
	if err != nil {
		return nil, err
	}
	b := &build{Options: o, client: c, ui: ui}
	args, err := FromArgs(ui.BuildArgs)
	if err != nil {
		return nil, err
	}
	if b.src, err = ui.ReadEntrypoint(ctx, "Dockerfile"); err != nil {
		return nil, noDockerfile(err)
	}
	if b.OnSource != nil {
		b.OnSource(b.src.Data)
	}
	defer func() {
		if bad, ok := errors.AsType[*parser.LocationError](err); ok {
			for _, l := range bad.Locations {
				err = b.withSource(err, l)
			}
		}
	}()
	if err := b.configure(ctx, args); err != nil {
		return nil, err
	}
	if cache.verify, err = b.verifier(); err != nil {
		return nil, err
	}
	if err := b.syntax(ctx); err != nil {
		return nil, err
	}
	if res, ok, err := b.subrequest(ctx); ok || err != nil {
		return res, err
	}
	if b.file, err = readFile(b.src.Data, b.ui.Target); err != nil {
		return nil, err
	}
	return b.beside(ctx)
}

// grace is how long a build that failed waits for what the linter has to say.
const grace = 2 * time.Second

// beside runs the build and, at the same time, the linter and what sends the
// context ahead. A finding that is to fail the build ends it.
func (b *build) beside(ctx context.Context) (*gateway.Result, error) {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	ahead, enough := context.WithCancel(ctx)
	var fatal error
	var aside sync.WaitGroup
	aside.Go(func() {
		defer func() {
			if fatal != nil {
				stop()
			}
		}()
		defer recovered(&fatal)
		fatal = b.lintWarnings(ctx)
	})
	aside.Go(func() { _ = b.ahead(ahead) })
	res, err := b.run(ctx)
	enough() // the build has what it needs, or needs nothing any more
	if err != nil {
		defer time.AfterFunc(grace, stop).Stop()
	}
	if aside.Wait(); fatal != nil {
		return nil, fatal
	}
	return res, err
}

// build is one run of the frontend.
type build struct {
	Options
	client gateway.Client
	ui     *dockerui.Client
	src    *dockerui.Source
	config Config
	yaml   configFile
	file   *file
	weight atomic.Int64 // bytes of all definitions that the result carries
}

func (b *build) run(ctx context.Context) (*gateway.Result, error) {
	att := newAttestations(b)
	rb, err := b.ui.Build(ctx, func(ctx context.Context, p *ocispecs.Platform, idx int) (_ *dockerui.BuildResult, err error) {
		defer recovered(&err)
		return b.platform(ctx, p, idx, att)
	})
	if err != nil {
		return nil, err
	}
	if b.DryRun {
		return gateway.NewResult(), nil
	}
	if err := att.attach(ctx, rb); err != nil {
		return nil, err
	}
	return rb.Finalize()
}
