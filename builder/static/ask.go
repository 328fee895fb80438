package static

import (
	"slices"
	"strings"

	"github.com/moby/buildkit/solver/pb"
	digest "github.com/opencontainers/go-digest"
	"mvdan.cc/sh/v3/syntax"

	"github.com/whittle-oci/whittle/builder/graph"
)

// Answer is the file, in the root of what Question's definition gives, that
// lists the packages with cgo, one a line.
const Answer = "/cgo"

// answerDir is where the side branch sees that root.
const answerDir = "/.whittle"

// listFormat prints the import path of every package outside the standard
// library that has files using cgo.
const listFormat = `{{if and .CgoFiles (not .Standard)}}{{.ImportPath}}{{end}}`

// takesValue are the flags of go build that have their value in the next word
// unless it is joined by "=" (go help build).
var takesValue = []string{"o", "p", "asmflags", "buildmode", "buildvcs", "compiler", "gccgoflags", "gcflags", "installsuffix", "ldflags", "mod", "modfile", "overlay", "pgo", "pkgdir", "tags", "toolexec", "C", "covermode", "coverpkg"}

// listFlags are those of them that decide which packages are built, and so go
// along to go list.
var listFlags = []string{"tags", "mod", "modfile", "overlay"}

// Question returns the definition that runs the step's script with every go
// build turned into go list, on the same inputs and with the same mounts, and
// the digest of the op that does. Its result holds the file Answer.
func Question(def *pb.Definition, s Step) (*pb.Definition, digest.Digest, error) {
	g, err := graph.Parse(def)
	if err != nil {
		return nil, "", err
	}
	op := s.op.CloneVT()
	exec := op.GetExec()
	exec.Meta.Args = append(slices.Clone(s.shell), s.question())
	exec.Meta.Env = append(exec.Meta.Env, s.target(exec.Meta.Env)...)
	out := int64(0)
	for _, m := range exec.Mounts {
		out = max(out, m.Output+1)
	}
	exec.Mounts = append(exec.Mounts, &pb.Mount{Input: int64(pb.Empty), Dest: answerDir, Output: out, MountType: pb.MountType_BIND})
	md := def.Metadata[s.digest.String()].CloneVT()
	if md == nil {
		md = &pb.OpMetadata{}
	}
	md.Description = map[string]string{"llb.customname": "[whittle] go list: does the program use cgo?"}
	md.ProgressGroup = nil
	d, err := g.Add(op, md)
	if err != nil {
		return nil, "", err
	}
	q, err := g.UpTo(d, out)
	return q, d, err
}

// question is the script with go build replaced. What comes before stays, as it
// may change directory, install a compiler or generate code. What comes after
// the last call is not run: it would miss the program, and may have effects
// outside. The shell ends by a signal to itself then, since the call may stand
// in a subshell of it.
func (s *Step) question() string {
	text := s.script
	for i, c := range slices.Backward(s.calls) {
		end := "; }"
		if s.once && i == len(s.calls)-1 {
			end = " && { kill -s TERM $$; exit 0; }; }"
		}
		list := s.script[c.start:c.verb.Pos().Offset()] + c.list(s.script)
		text = text[:c.start] + "{ " + list + end + text[c.end:]
	}
	if s.once {
		text = "trap 'exit 0' TERM\n" + text
	}
	return text
}

// list is one call of go list in place of one go build, from the verb on.
func (c *call) list(script string) string {
	words := []string{"list"}
	var flags, packages []string
	for i := 0; i < len(c.args); i++ {
		text := script[c.args[i].Pos().Offset():c.args[i].End().Offset()]
		name, joined := flagName(c.args[i])
		if name == "" {
			packages = append(packages, text)
			continue
		}
		with := []string{text}
		if !joined && slices.Contains(takesValue, name) && i+1 < len(c.args) {
			i++
			with = append(with, script[c.args[i].Pos().Offset():c.args[i].End().Offset()])
		}
		switch {
		case name == "C": // must be the first flag
			words = append(words, with...)
		case slices.Contains(listFlags, name):
			flags = append(flags, with...)
		}
	}
	words = append(words, "-deps", "-f", "'"+listFormat+"'")
	return strings.Join(slices.Concat(words, flags, packages), " ") + " >>" + answerDir + Answer
}

// flagName gives the name of a flag, and whether its value is joined to it.
func flagName(w *syntax.Word) (name string, joined bool) {
	text := printed(w)
	text = strings.Trim(text, `"'`)
	if !strings.HasPrefix(text, "-") || text == "-" || text == "--" {
		return "", false
	}
	name, _, joined = strings.Cut(strings.TrimLeft(text, "-"), "=")
	return name, joined
}

// Packages reads the answer: the packages that use cgo.
func Packages(answer []byte) []string {
	var out []string
	for line := range strings.Lines(string(answer)) {
		if line = strings.TrimSpace(line); line != "" && !slices.Contains(out, line) {
			out = append(out, line)
		}
	}
	slices.Sort(out)
	return out
}
