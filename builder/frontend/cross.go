package frontend

import (
	"context"
	"debug/elf"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/containerd/platforms"
	"github.com/moby/buildkit/frontend/dockerfile/dockerfile2llb"
	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/solver/pb"
	"github.com/opencontainers/go-digest"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/whittle-oci/whittle/builder/graph"
	"github.com/whittle-oci/whittle/builder/image"
	"github.com/whittle-oci/whittle/builder/static"
	"github.com/whittle-oci/whittle/builder/tree"
)

// A crossing is a build whose stages that do nothing but compile Go run on the
// builder's own platform, and compile for the image's.
type crossing struct {
	def    *pb.Definition
	conv   *dockerfile2llb.Result
	on     ocispecs.Platform // where they run
	target []string          // variables of Go
	file   *file
	stages map[int]bool // those that compile
}

// A notCrossedError says why a stage has to run on the platform of the image
// after all.
type notCrossedError struct{ why string }

func (e *notCrossedError) Error() string { return e.why }

// crossing gives the build in which stages that only compile Go run on the
// builder's own platform, nil where there are none or it is the image's. They
// need no emulator then, and are done once for all platforms up to the RUN that
// compiles.
func (b *build) crossing(ctx context.Context, def *pb.Definition, p *ocispecs.Platform) (*crossing, error) {
	if p == nil || b.config.StaticOff || len(b.ui.BuildPlatforms) == 0 {
		return nil, nil
	}
	on := b.ui.BuildPlatforms[0]
	if on.OS != p.OS || on.Architecture == p.Architecture {
		return nil, nil
	}
	families, err := b.file.compiling(def)
	if err != nil || len(families) == 0 {
		return nil, err
	}
	x := &crossing{on: on, target: static.Target(*p), file: b.file, stages: map[int]bool{}}
	data := string(b.src.Data)
	for _, f := range families {
		for _, i := range f {
			x.stages[i] = true
		}
		if data, err = onBuilder(data, b.file.stages[f[0]].Location[0].Start.Line); err != nil {
			return nil, err
		}
	}
	if x.conv, err = dockerfile2llb.Dockerfile2LLB(ctx, []byte(data), b.convert(ctx, p, 1)); err != nil {
		return nil, err
	}
	marshalled, err := x.conv.State.Marshal(ctx)
	if err != nil {
		return nil, fmt.Errorf("marshalling the build: %w", err)
	}
	x.def = marshalled.ToPB()
	return x, nil
}

// fromWord matches the word FROM with which a stage begins.
var fromWord = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^(\s*(?i:FROM))\s`) })

// onBuilder puts a stage, whose FROM stands in a line, on the builder's own
// platform. No line changes its number.
func onBuilder(data string, line int) (string, error) {
	lines := strings.SplitAfter(data, "\n")
	if line < 1 || line > len(lines) || !fromWord().MatchString(lines[line-1]) {
		return "", fmt.Errorf("line %d is no FROM", line)
	}
	at := fromWord().FindStringSubmatchIndex(lines[line-1])[3]
	lines[line-1] = lines[line-1][:at] + " --platform=$BUILDPLATFORM" + lines[line-1][at:]
	return strings.Join(lines, ""), nil
}

// compiling finds the stages that do nothing but compile Go and end in no image:
// each family is a stage and those that are made from it, down to the last. All
// of a family go or none.
func (f *file) compiling(def *pb.Definition) ([][]int, error) {
	g, err := graph.Parse(def)
	if err != nil {
		return nil, err
	}
	steps, err := static.Find(def)
	if err != nil {
		return nil, err
	}
	var out [][]int
	for root, st := range f.stages {
		if f.parent(root) >= 0 || st.Platform != "" || strings.EqualFold(st.BaseName, "scratch") {
			continue
		}
		family := f.family(root)
		if !slices.ContainsFunc(family, f.builtFrom) && f.onlyCompiles(def, g, steps, family) {
			out = append(out, family)
		}
	}
	return out, nil
}

// family lists a stage and all that are made from it.
func (f *file) family(root int) []int {
	var out []int
	for i := range f.stages {
		at := i
		for at != root && at >= 0 {
			at = f.parent(at)
		}
		if at == root {
			out = append(out, i)
		}
	}
	return out
}

// builtFrom reports whether the built stage is made from stage i, or is it.
func (f *file) builtFrom(i int) bool {
	for at := f.built; at >= 0; at = f.parent(at) {
		if at == i {
			return true
		}
	}
	return false
}

// index is the place of the stage that holds a line, -1 for none.
func (f *file) index(line int) int {
	at := f.stageAt(line)
	return slices.IndexFunc(f.stages, func(st instructions.Stage) bool { return at != nil && st.Location[0] == at.Location[0] })
}

// onlyCompiles reports whether a family compiles Go, and everything that it runs
// does the same on any platform.
func (f *file) onlyCompiles(def *pb.Definition, g *graph.Graph, steps []static.Step, family []int) bool {
	within := func(d digest.Digest) bool {
		line := lineOf(def, d)
		return line > 0 && slices.Contains(family, f.index(line))
	}
	found := false
	for _, s := range steps {
		if s.Line == 0 {
			return false // of no stage that is known
		}
		if slices.Contains(family, f.index(s.Line)) {
			if s.Crossable() != "" {
				return false
			}
			found = true
		}
	}
	for _, d := range g.Order {
		exec := g.Ops[d].GetExec()
		switch {
		case exec == nil:
		case lineOf(def, d) == 0:
			return false
		case within(d):
			compiles := slices.ContainsFunc(steps, func(s static.Step) bool { return s.Of(d) })
			if !compiles && !static.Portable(exec) {
				return false
			}
		default: // what it mounts of the family, it could run
			for _, in := range g.Ops[d].Inputs {
				if within(digest.Digest(in.Digest)) {
					return false
				}
			}
		}
	}
	return found
}

// aim tells the steps of stages that compile for another platform so.
func (x *crossing) aim(steps []static.Step) {
	if x == nil {
		return
	}
	for i := range steps {
		if x.stages[x.file.index(steps[i].Line)] {
			steps[i].Target = x.target
		}
	}
}

// crossed says whether all steps that were to compile for another platform do.
func (g *goBuild) crossed() error {
	if g.cross == nil {
		return nil
	}
	for _, s := range g.steps {
		if len(s.Target) > 0 && !g.sure[s.Index] {
			return &notCrossedError{g.report.Why}
		}
	}
	g.report.On = platforms.Format(g.cross.on)
	return nil
}

// machines are those of ELF files, by the names of architectures.
var machines = map[string]elf.Machine{
	"386": elf.EM_386, "amd64": elf.EM_X86_64, "arm": elf.EM_ARM, "arm64": elf.EM_AARCH64, "loong64": elf.EM_LOONGARCH, "mips64le": elf.EM_MIPS,
	"ppc64le": elf.EM_PPC64, "riscv64": elf.EM_RISCV, "s390x": elf.EM_S390,
}

// elfHead is how much of an ELF file tells its machine (elf(5)).
const elfHead = 20

// check holds what came out to the platform: a file that the stages fetched or
// that was compiled past the variables is of the builder's own.
func (x *crossing) check(ctx context.Context, s *stage, made *image.Plan, p *ocispecs.Platform) error {
	if x == nil {
		return nil
	}
	for _, e := range made.Entries {
		code := e.Mode&0o111 != 0 || strings.Contains(e.Path, ".so")
		if e.Type != image.File || e.Source == "" || e.Hardlink != "" || e.Size < elfHead || !code {
			continue
		}
		if _, err := s.changed.Lstat(ctx, e.Source); tree.Missing(err) {
			continue
		} else if err != nil {
			return err
		}
		r, err := s.tree.Open(ctx, e.Source)
		if err != nil {
			return err
		}
		var head [elfHead]byte
		if _, err := r.ReadAt(head[:], 0); err != nil || string(head[:4]) != elf.ELFMAG {
			continue
		}
		machine := elf.Machine(head[18]) | elf.Machine(head[19])<<8
		if elf.Data(head[elf.EI_DATA]) == elf.ELFDATA2MSB {
			machine = elf.Machine(head[19]) | elf.Machine(head[18])<<8
		}
		if machine == machines[x.on.Architecture] && machine != machines[p.Architecture] {
			return &notCrossedError{fmt.Sprintf("%s is for %s", e.Path, x.on.Architecture)}
		}
	}
	return nil
}

// notCrossed gives the reason why a build did not cross, "" for other errors.
func notCrossed(err error) string {
	if n, ok := errors.AsType[*notCrossedError](err); ok {
		return n.why
	}
	return ""
}
