package walk

import (
	"fmt"
	"slices"

	"github.com/whittle-oci/whittle/lint/dockerfile"
	"github.com/whittle-oci/whittle/lint/rule"
)

// A Gathering joins the findings of one RUN that say the same and are fixed in
// the same way: the first stands for all, and its fix does what those of all do.
type Gathering struct {
	all []gathered
}

type gathered struct {
	instruction int
	finding     rule.Finding
	more        int
}

// Add takes a finding, in the order of the file.
func (g *Gathering) Add(in dockerfile.Instruction, f rule.Finding) {
	for i := len(g.all) - 1; i >= 0 && g.all[i].instruction == in.Index; i-- {
		first := &g.all[i]
		if first.finding.Message != f.Message || title(first.finding) != title(f) {
			continue
		}
		first.more++
		if f.Fix == nil {
			return
		}
		for _, e := range f.Fix.Edits {
			if !slices.Contains(first.finding.Fix.Edits, e) {
				first.finding.Fix.Edits = append(first.finding.Fix.Edits, e)
			}
		}
		return
	}
	g.all = append(g.all, gathered{in.Index, f, 0})
}

// Report reports what was gathered.
func (g *Gathering) Report(p *rule.Pass) {
	for _, x := range g.all {
		switch {
		case x.more == 1:
			x.finding.Message += " (and once more in this RUN)"
		case x.more > 1:
			x.finding.Message += fmt.Sprintf(" (and %d times more in this RUN)", x.more)
		}
		p.Report(x.finding)
	}
}

func title(f rule.Finding) string {
	if f.Fix == nil {
		return ""
	}
	return f.Fix.Title
}
