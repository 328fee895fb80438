package dockerfile

import (
	"strings"

	"github.com/whittle-oci/whittle/lint/suppress"
)

// Suppressions reads the comments of a file that suppress findings.
func (f *File) Suppressions() suppress.Set {
	in := make([]suppress.Extent, 0, len(f.Instructions))
	for _, x := range f.Instructions {
		text := 0
		for _, h := range x.Node.Heredocs {
			text += strings.Count(h.Content, "\n") + 1
		}
		in = append(in, suppress.Extent{First: x.Node.StartLine, Code: x.Node.EndLine - text, Last: x.Node.EndLine, From: x.Keyword == "from" && !x.Trigger, Script: x.Keyword == "run"})
	}
	return suppress.Read(f.File, in)
}
