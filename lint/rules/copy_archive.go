package rules

import (
	"path"
	"slices"
	"strings"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"

	"github.com/whittle-oci/whittle/lint/dockerfile"
	"github.com/whittle-oci/whittle/lint/rule"
)

var copyArchive = rule.Rule{
	Meta: rule.Meta{
		Name:     "copy-archive",
		Aliases:  []string{"DL3010"},
		Family:   rule.Fat,
		Summary:  "archives are extracted by ADD, not copied and extracted by RUN",
		Why:      "A copied archive stays in its layer, beside what is unpacked from it. ADD unpacks a local tar archive and leaves nothing else.",
		Bad:      "FROM debian:12\nCOPY root.tar.gz /tmp/\nRUN tar -xzf /tmp/root.tar.gz -C /\n",
		Good:     "FROM debian:12\nADD root.tar.gz /\n",
		Severity: rule.Info,
		Fixable:  rule.Never,
		Presets:  []string{"recommended", "hadolint"},
	},
	Check: checkCopyArchive,
}

func checkCopyArchive(p *rule.Pass) {
	for stage := range p.File.Stages {
		copied := map[string]dockerfile.Instruction{} // by base name
		for _, in := range p.File.In(stage) {
			if c, ok := in.Command.(*instructions.CopyCommand); ok && c.From == "" {
				sources, dest := in.Copied()
				for _, s := range sources {
					if !unpacked(s.Text) {
						continue
					}
					copied[base(s.Text)] = in
					if to := base(dest.Text); unpacked(to) {
						copied[to] = in
					}
				}
			}
			if len(copied) == 0 {
				continue
			}
			for _, c := range p.File.Commands(in) {
				if !extracts(c) {
					continue
				}
				for _, a := range c.Args {
					if from, ok := copied[base(a.Text)]; ok {
						p.Reportf(from.Span(), base(a.Text)+" is unpacked by a later RUN and stays in the layer; ADD unpacks it")
						for name, in := range copied {
							if in.Index == from.Index {
								delete(copied, name)
							}
						}
					}
				}
			}
		}
	}
}

// base is the last element of a path in either style, without quotes.
func base(name string) string {
	return path.Base(strings.ReplaceAll(strings.Trim(name, `"'`), `\`, "/"))
}

// extracts reports whether a command unpacks a tar archive.
func extracts(c dockerfile.Command) bool {
	if c.Name != "tar" && c.Name != "bsdtar" || len(c.Args) == 0 {
		return false
	}
	// The dash before the first letters may be left out.
	first := strings.TrimLeft(c.Args[0].Text, "-")
	return slices.Contains([]string{"extract", "get"}, first) || c.HasFlag("-x", "--extract", "--get") ||
		!strings.HasPrefix(c.Args[0].Text, "--") && strings.Contains(first, "x") && !strings.ContainsAny(first, "./")
}
