package static

import (
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/moby/buildkit/solver/pb"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
)

// Target gives the variables that make Go compile for a platform (go help
// environment). The names of architectures are the same; a variant of arm is
// its version, one of amd64 its level.
func Target(p ocispecs.Platform) []string {
	out := []string{"GOOS=" + p.OS, "GOARCH=" + p.Architecture}
	switch variant := strings.TrimPrefix(p.Variant, "v"); {
	case p.Architecture == "arm" && variant != "":
		out = append(out, "GOARM="+variant)
	case p.Architecture == "arm":
		out = append(out, "GOARM=7")
	case p.Architecture == "amd64" && variant != "":
		out = append(out, "GOAMD64=v"+variant)
	}
	return out
}

// asksMachine matches commands that say what they run on.
var asksMachine = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`\b(?:uname|arch|print-arch(?:itecture)?|go\s+env)\b`)
})

// Crossable says why the step has to run on the platform that it compiles for,
// "" where it can run on another.
func (s *Step) Crossable() string {
	switch {
	case s.Doubt != "":
		return s.Doubt
	case slices.ContainsFunc(s.calls, func(c call) bool { return c.name == "install" }):
		return "go install puts programs for another platform elsewhere"
	case s.runs:
		return "the RUN starts what it built"
	case asksMachine().MatchString(s.script):
		return "the RUN asks what it runs on"
	}
	return ""
}

// Portable reports whether a RUN that compiles no Go does the same on every
// platform: it runs nothing but commands that are known to compile and run
// nothing, and does not ask what it runs on. What it installs is of the
// platform that it runs on.
func Portable(exec *pb.ExecOp) bool {
	var s Step
	if exec.Meta == nil || !s.command(exec.Meta.Args) || asksMachine().MatchString(s.script) {
		return false
	}
	r, ok := s.reader(exec.Meta.Env)
	return ok && len(r.others) == 0 && len(s.calls) == 0 && !s.runs
}
