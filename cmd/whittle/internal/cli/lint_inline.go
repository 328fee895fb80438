package cli

import (
	"fmt"

	"github.com/whittle-oci/whittle/lint"
	"github.com/whittle-oci/whittle/lint/fix"
	"github.com/whittle-oci/whittle/lint/rule"
	"github.com/whittle-oci/whittle/lint/source"
)

// placed gives findings in a Dockerfile that stands in another file the places
// that they have there.
func (j *lintJob) placed(diags []lint.Diagnostic) []lint.Diagnostic {
	if j.within == nil {
		return diags
	}
	for i := range diags {
		d := &diags[i]
		d.File, d.Span = j.within.Outer(), j.within.Span(d.Span)
		if d.Fix == nil {
			continue
		}
		if edits, ok := j.within.Edits(d.Fix.Edits); ok {
			d.Fix = &rule.Fix{Title: d.Fix.Title, Safety: d.Fix.Safety, Edits: edits}
		} else {
			d.Fix = nil
		}
	}
	return diags
}

// fixInline writes, or shows, what was fixed in the Dockerfiles that stand in
// other files: all of one file at once.
func (a *app) fixInline(f *lintFlags, results []lintResult) error {
	for i := range results {
		j := results[i].job
		if j == nil {
			continue
		}
		var sets []fix.Set
		for k := i; k < len(results); k++ {
			other := results[k].job
			if other == nil || other.name != j.name {
				continue
			}
			results[k].job = nil
			edit, ok := other.within.Replace(results[k].fixed)
			if !ok {
				fmt.Fprintf(a.Err, "whittle: %s is not fixed: it holds variables of the file, or is no block of lines\n", other.place())
				continue
			}
			sets = append(sets, []source.Edit{edit})
		}
		if len(sets) == 0 {
			continue
		}
		outer := j.within.Outer()
		out, _ := fix.Apply(outer.Bytes, sets)
		var err error
		if f.diff {
			_, err = a.Out.Write(changes(outer.Name, outer.Bytes, out))
		} else {
			err = replace(j.name, out)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
