package rules

import (
	"bytes"
	"strings"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"

	"github.com/whittle-oci/whittle/lint/dockerfile"
	"github.com/whittle-oci/whittle/lint/rule"
	"github.com/whittle-oci/whittle/lint/rules/internal/walk"
	"github.com/whittle-oci/whittle/lint/source"
)

var finalStageRoot = rule.Rule{
	Meta: rule.Meta{
		Name:     "final-stage-root",
		Aliases:  []string{"DL3002", "DS-0002", "CIS-DI-0001", "CKV_DOCKER_3", "CKV_DOCKER_8"},
		Family:   rule.Root,
		Summary:  "the image does not run as root",
		Why:      "A process that runs as root in a container is root on the host as soon as it gets out. The user of the image is the one that the final stage or a stage it is made from sets last; without any it is the base image's, which is root as a rule.",
		Bad:      "FROM debian:12\nCMD [\"app\"]\n",
		Good:     "FROM debian:12\nUSER 65532:65532\nCMD [\"app\"]\n",
		Severity: rule.Warning,
		Fixable:  rule.Sometimes,
		Presets:  []string{"recommended", "hadolint"},
	},
	Check: checkFinalStageRoot,
}

func checkFinalStageRoot(p *rule.Pass) {
	stage := p.File.Final()
	for i := stage.Index; i >= 0; i = p.File.Stages[i].Parent {
		in, user, ok := lastUser(p.File, i)
		if !ok {
			continue
		}
		name, _, _ := strings.Cut(user, ":")
		if name != "root" && strings.TrimLeft(name, "0") != "" {
			return
		}
		span := in.Arguments()
		p.Report(rule.Finding{Span: span, Message: "the image runs as root: USER is " + user, Fix: &rule.Fix{
			Title: "Run as 65532:65532", Safety: rule.Unsafe, Edits: []source.Edit{{Span: span, New: "65532:65532"}},
		}})
		return
	}
	if base, known := p.File.BaseName(rootStage(p.File)); !known || ordinaryUser(base) {
		return
	}
	end := insertionPoint(p.File, stage)
	line := "USER 65532:65532\n"
	if bytes.Contains(p.File.Bytes, []byte("\r\n")) {
		line = "USER 65532:65532\r\n"
	}
	if end == len(p.File.Bytes) && !bytes.HasSuffix(p.File.Bytes, []byte("\n")) {
		line = "\n" + line
	}
	finding := rule.Finding{Span: walk.BaseSpan(p.File, stage), Message: "no USER is set, so the image runs as its base image does, which is root as a rule"}
	if end < len(p.File.Bytes) || !continued(p.File) {
		finding.Fix = &rule.Fix{Title: "Add USER 65532:65532", Safety: rule.Unsafe, Edits: []source.Edit{{Span: source.Span{Start: end, End: end}, New: line}}}
	}
	p.Report(finding)
}

// lastUser finds the USER that is in force at the end of a stage.
func lastUser(f *dockerfile.File, stage int) (dockerfile.Instruction, string, bool) {
	all := f.In(stage)
	for i := len(all) - 1; i >= 0; i-- {
		if u, ok := all[i].Command.(*instructions.UserCommand); ok && !all[i].Trigger {
			user, known := f.Expand(all[i], u.User)
			return all[i], user, known
		}
	}
	return dockerfile.Instruction{}, "", false
}

// rootStage is the stage whose base image the final stage goes back to.
func rootStage(f *dockerfile.File) *dockerfile.Stage {
	s := f.Final()
	for s.Parent >= 0 {
		s = &f.Stages[s.Parent]
	}
	return s
}

// ordinaryUser knows the images that are made to run as an ordinary user.
func ordinaryUser(image string) bool {
	return strings.Contains(image, "nonroot") || strings.HasPrefix(image, "cgr.dev/chainguard/") || strings.Contains(image, "rootless") || strings.Contains(image, "chiseled")
}

// insertionPoint is where an instruction can be put so that it is in force
// when the image runs: before the last CMD and ENTRYPOINT, else at the end.
func insertionPoint(f *dockerfile.File, s *dockerfile.Stage) int {
	at := -1
	for _, in := range f.In(s.Index) {
		if (in.Keyword == "cmd" || in.Keyword == "entrypoint") && !in.Trigger {
			if at < 0 {
				at = f.LineStart(above(f, in.Node.StartLine))
			}
		} else {
			at = -1
		}
	}
	if at >= 0 {
		return at
	}
	return len(f.Bytes)
}

// above is the first line of the comments right above a line, which belong to
// what they stand over.
func above(f *dockerfile.File, line int) int {
	for line > 1 && bytes.HasPrefix(bytes.TrimSpace(f.Line(line-1)), []byte("#")) {
		line--
	}
	return line
}

// continued reports whether a line put at the end of the file would belong to
// the last instruction: one of its lines ends in the escape character, and
// nothing but comments and blanks follow.
func continued(f *dockerfile.File) bool {
	last := f.Instructions[len(f.Instructions)-1].Node
	for n := last.StartLine; n <= f.Lines(); n++ {
		text := bytes.TrimSpace(f.Line(n))
		if n > last.StartLine && (len(text) == 0 || text[0] == '#') {
			continue
		}
		if len(text) > 0 && rune(text[len(text)-1]) == f.Escape {
			if rest := bytes.TrimSpace(f.Bytes[min(f.LineStart(n)+len(f.Line(n)), len(f.Bytes)):]); len(rest) == 0 || onlyComments(rest) {
				return true
			}
		}
	}
	return false
}

func onlyComments(text []byte) bool {
	for line := range bytes.Lines(text) {
		if line = bytes.TrimSpace(line); len(line) > 0 && line[0] != '#' {
			return false
		}
	}
	return true
}
