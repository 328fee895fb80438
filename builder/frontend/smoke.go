package frontend

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/containerd/platforms"
	"github.com/moby/buildkit/client/llb"
	"github.com/moby/buildkit/frontend/dockerfile/parser"
	gateway "github.com/moby/buildkit/frontend/gateway/client"
	"github.com/moby/buildkit/solver/pb"
	dockerspec "github.com/moby/docker-image-spec/specs-go/v1"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/whittle-oci/whittle/builder/image"
	"github.com/whittle-oci/whittle/builder/report"
	"github.com/whittle-oci/whittle/builder/smoke"
	"github.com/whittle-oci/whittle/builder/tree"
	"github.com/whittle-oci/whittle/builder/tree/reftree"
)

// A Program is where BuildKit finds the program that this is, which supervises
// what is tried in an image: an image may hold neither shell nor HTTP client.
type Program struct {
	State llb.State
	Path  string // of the program in State
}

// ProgramOfImage finds the program in the frontend image that it was started
// from, which BuildKit has.
func ProgramOfImage(o gateway.BuildOpts) (Program, error) {
	ref := o.Opts["source"]
	if ref == "" {
		return Program{}, errors.New("BuildKit does not say which frontend image this is")
	}
	exe, err := os.Executable()
	if err != nil {
		return Program{}, fmt.Errorf("finding the frontend's program: %w", err)
	}
	return Program{llb.Image(ref, llb.Platform(platforms.DefaultSpec())), exe}, nil
}

// ProgramLocal is the name under which a client shares its own program, and
// nothing else, with BuildKit.
const ProgramLocal = "whittle-program"

// ProgramOfClient finds the program in what the client shares as ProgramLocal,
// where it has the name base.
func ProgramOfClient(base string) func(gateway.BuildOpts) (Program, error) {
	return func(o gateway.BuildOpts) (Program, error) {
		if runtime.GOOS != "linux" {
			return Program{}, fmt.Errorf("the trial is watched by whittle itself, and this one is a program for %s, which does not run in a container", runtime.GOOS)
		}
		if own := platforms.DefaultSpec(); !runs(o.Workers, &own) {
			return Program{}, fmt.Errorf("the trial is watched by whittle itself, and this one is a program for %s, which the builder does not run", platforms.Format(own))
		}
		st := llb.Local(ProgramLocal, llb.IncludePatterns([]string{base}), llb.SessionID(o.SessionID), llb.SharedKeyHint(ProgramLocal), llb.WithCustomName("[internal] load whittle"))
		return Program{st, "/" + base}, nil
	}
}

// runs reports whether a builder executes programs of a platform. One that
// does not say what it runs may run everything.
func runs(workers []gateway.WorkerInfo, p *ocispecs.Platform) bool {
	return len(workers) == 0 || p == nil || platforms.Any(workers[0].Platforms...).Match(*p)
}

// Where things stand in the container. /dev is a file system of its own there,
// so that the image's root stays as it is.
const (
	trialProgram = "/dev/.whittle/program"
	trialResult  = "/dev/.whittle/result"
	resultName   = "json"
)

// maxResult bounds the file that a trial leaves, in bytes.
const maxResult = 1 << 20

// A tried is an image that may have to be tried.
type tried struct {
	root     *pb.Definition
	config   dockerspec.DockerOCIImageConfig
	platform *ocispecs.Platform
	plan     *image.Plan // nil for a stage that is built as written
	built    tree.Tree   // the built stage, where there is a plan
}

// try runs the check that the configuration asks for, and gives what the report
// says of it, nil when none is asked for. An image that fails is refused.
func (b *build) try(ctx context.Context, t tried) (*report.Smoke, error) {
	check := b.config.Smoke
	if check.IsZero() {
		return nil, nil
	}
	if !runs(b.client.BuildOpts().Workers, t.platform) {
		return b.untried(ctx, check, t.platform)
	}
	res, err := b.trial(ctx, check, t)
	if errors.Is(err, smoke.ErrNothingToStart) {
		return nil, b.refuse(fmt.Errorf("smoke: %w", err), b.file.where("FROM"))
	}
	if err != nil {
		// What BuildKit executed says nothing to who asked for a trial.
		_, why, _ := strings.Cut(err.Error(), "did not complete successfully: ")
		return nil, &UntriedError{why, err}
	}
	if res.OK {
		return &report.Smoke{Check: check.String(), Result: res.Says(check)}, nil
	}
	failed := &smoke.FailedError{Check: check, Result: res}
	if t.plan != nil {
		failed.Because = smoke.Explain(res.Output+"\n"+res.Error, t.plan, places(t.plan), func(name string) bool {
			_, err := tree.Resolve(ctx, t.built, name)
			return err == nil
		})
	}
	var at []parser.Range
	if check.HTTP != nil {
		at = b.file.where("CMD")
		if len(t.config.Entrypoint) > 0 {
			at = b.file.where("ENTRYPOINT")
		}
	}
	return nil, b.refuse(failed, at)
}

// untried tells that a platform cannot be tried here: the others of the build
// are, and where there are none the check was asked for in vain.
func (b *build) untried(ctx context.Context, check smoke.Check, p *ocispecs.Platform) (*report.Smoke, error) {
	why := fmt.Sprintf("this builder cannot run programs for %s", platforms.Format(*p))
	workers := b.client.BuildOpts().Workers
	if !slices.ContainsFunc(b.ui.TargetPlatforms, func(o ocispecs.Platform) bool { return runs(workers, &o) }) {
		return nil, &UntriedError{Why: why + "; install an emulator (binfmt_misc, qemu-user-static), or build on such a machine"}
	}
	b.warn(ctx, fmt.Sprintf("smoke: the image for %s was not tried: %s", platforms.Format(*p), why), nil, "")
	return &report.Smoke{Check: check.String(), Result: "not tried: " + why}, nil
}

// skew is how far the clock of the machine that runs a trial may be from ours.
const skew = 5 * time.Second

// trial runs the step. A step that ends well is in the cache afterwards, so
// that the same image is not tried twice; a failure out of the cache is.
func (b *build) trial(ctx context.Context, check smoke.Check, t tried) (smoke.Result, error) {
	began := time.Now()
	res, err := b.step(ctx, check, t, b.ui.IsNoCache("smoke"))
	if age := began.Sub(res.At); err == nil && !res.OK && (age > skew || age < -skew) {
		return b.step(ctx, check, t, true)
	}
	return res, err
}

// step solves one execution on the image's root.
func (b *build) step(ctx context.Context, check smoke.Check, t tried, again bool) (smoke.Result, error) {
	var res smoke.Result
	def, err := b.definition(ctx, check, t, again)
	if err != nil {
		return res, err
	}
	ref, err := b.request(ctx, def, true)
	if err != nil {
		return res, err
	}
	data, err := tree.ReadFile(ctx, reftree.New(ctx, ref), "/0/"+resultName, maxResult)
	if err != nil {
		return res, fmt.Errorf("reading the result: %w", err)
	}
	if err := json.Unmarshal(data, &res); err != nil {
		return res, fmt.Errorf("reading the result: %w", err)
	}
	return res, nil
}

func (b *build) definition(ctx context.Context, check smoke.Check, t tried, again bool) (*pb.Definition, error) {
	if b.Program == nil {
		return nil, errors.New("there is no program that could watch it")
	}
	opts := b.client.BuildOpts()
	program, err := b.Program(opts)
	if err != nil {
		return nil, err
	}
	args, err := smoke.Arguments(trialProgram, trialResult+"/"+resultName, check, append(slices.Clone(t.config.Entrypoint), t.config.Cmd...))
	if err != nil {
		return nil, err
	}
	op, err := llb.NewDefinitionOp(t.root)
	if err != nil {
		return nil, fmt.Errorf("reading the image's definition: %w", err)
	}
	// The supervisor is of the builder's own platform, and so is the step; what
	// it starts may need an emulator, which the kernel finds.
	native := platforms.DefaultSpec()
	if len(opts.Workers) > 0 && len(opts.Workers[0].Platforms) > 0 {
		native = opts.Workers[0].Platforms[0]
	}
	name := "[whittle] smoke: " + check.String()
	if t.platform != nil && len(b.ui.TargetPlatforms) > 1 {
		name = "[whittle " + platforms.Format(*t.platform) + "] smoke: " + check.String()
	}
	root := llb.NewState(op).Dir(path.Join("/", t.config.WorkingDir)).User(t.config.User)
	for _, kv := range t.config.Env {
		variable, value, _ := strings.Cut(kv, "=")
		root = root.AddEnv(variable, value)
	}
	run := []llb.RunOption{
		llb.Args(args), llb.Network(pb.NetMode_NONE),
		llb.AddMount(trialProgram, program.State, llb.SourcePath(program.Path), llb.Readonly),
		llb.WithCustomName(name), llb.Platform(native),
	}
	if t.plan != nil {
		run = append(run, llb.ReadonlyRootFS())
		run = append(run, writableMounts(t.plan)...)
	}
	if again {
		run = append(run, llb.IgnoreCache)
	}
	results := directories("where the result goes", []image.Entry{{Mode: fs.ModePerm}})
	out := root.Run(run...).AddMount(trialResult, results, llb.SourcePath("/0"))
	made, err := out.Marshal(ctx, llb.WithCaps(opts.LLBCaps), llb.Platform(native))
	if err != nil {
		return nil, fmt.Errorf("marshalling the trial: %w", err)
	}
	return made.ToPB(), nil
}

// writableMounts mounts an empty directory of the same owner and mode at every
// place that the report tells to mount a tmpfs at.
func writableMounts(p *image.Plan) []llb.RunOption {
	var out []llb.RunOption
	dirs := report.Writable(p)
	st := directories("what may be written to", dirs)
	for i, e := range dirs {
		out = append(out, llb.AddMount(e.Path, st, llb.SourcePath("/"+strconv.Itoa(i)), llb.ForceNoOutput))
	}
	return out
}

// directories makes empty directories, named by their numbers, with the owners
// and modes of others. They are copied, since mkdir is held to a umask.
func directories(what string, like []image.Entry) llb.State {
	created := time.Unix(0, 0).UTC()
	name := llb.WithCustomName("[whittle] smoke: " + what)
	empty := llb.Scratch().File(llb.Mkdir("/0", fs.ModePerm, llb.WithCreatedTime(created)), name)
	var made *llb.FileAction
	for i, e := range like {
		info := &llb.CopyInfo{
			CreatedTime: &created, Mode: &llb.ChmodOpt{Mode: fs.FileMode(image.UnixMode(e.Mode))},
			ChownOpt: &llb.ChownOpt{User: &llb.UserOpt{UID: e.UID}, Group: &llb.UserOpt{UID: e.GID}},
		}
		if made == nil {
			made = llb.Copy(empty, "/0", "/"+strconv.Itoa(i), info)
		} else {
			made = made.Copy(empty, "/0", "/"+strconv.Itoa(i), info)
		}
	}
	if made == nil {
		return empty
	}
	return llb.Scratch().File(made, name)
}

// places are the paths of what may be written to.
func places(p *image.Plan) []string {
	var out []string
	for _, e := range report.Writable(p) {
		out = append(out, e.Path)
	}
	return out
}
