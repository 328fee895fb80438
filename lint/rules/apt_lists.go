package rules

import (
	"slices"
	"strings"

	"github.com/whittle-oci/whittle/lint/dockerfile"
	"github.com/whittle-oci/whittle/lint/rule"
	"github.com/whittle-oci/whittle/lint/rules/internal/walk"
)

var aptLists = rule.Rule{
	Meta: rule.Meta{
		Name:     "apt-lists",
		Aliases:  []string{"DL3009", "DKL-DI-0005", "remove-package-lists", "remove-package-cache"},
		Family:   rule.Fat,
		Summary:  "apt's package lists do not stay in the layer",
		Why:      "apt-get update downloads some 20 MB of lists. Deleted in a later RUN they still are in the layer that made them; delete them in the same one, or mount a cache.",
		Bad:      "FROM debian:12\nRUN apt-get update && apt-get install -y curl\n",
		Good:     "FROM debian:12\nRUN apt-get update && apt-get install -y curl && rm -rf /var/lib/apt/lists/*\n",
		Severity: rule.Info,
		Fixable:  rule.Sometimes,
		Presets:  []string{"recommended", "hadolint"},
	},
	Check: checkAptLists,
}

var aptFiles = walk.Cache{
	Managers: []string{"apt-get", "apt", "aptitude"},
	Fills:    []walk.Action{walk.Updates},
	Dirs:     []string{"/var/lib/apt/lists"},
	Cleaned:  func(v walk.Invocation) bool { return v.Verb == "dist-clean" || v.Verb == "distclean" },
}

func checkAptLists(p *rule.Pass) {
	kept, stage := false, -1
	for _, in := range p.File.Instructions {
		if !p.File.Shipped(in.Stage) {
			continue
		}
		if in.Stage != stage && (in.Stage < 0 || p.File.Stages[in.Stage].Parent != stage) {
			kept = false
		}
		stage = in.Stage
		kept = kept || keepsPackages(p.File, in)
		if v, left := aptFiles.Left(p.File, in); left {
			p.Report(rule.Finding{
				Span: v.Span, Message: "apt's package lists stay in the layer; delete /var/lib/apt/lists/* in the same RUN",
				Fix: walk.Append(p.File, in, "rm -rf /var/lib/apt/lists/*"),
			})
		} else if v, left := aptArchives.Left(p.File, in); left && kept {
			p.Report(rule.Finding{
				Span: v.Span, Message: "docker-clean is gone, so the packages that apt downloads stay in the layer; add apt-get clean, or mount a cache at /var/cache/apt",
				Fix: walk.Append(p.File, in, "apt-get clean"),
			})
		}
	}
}

var aptArchives = walk.Cache{
	Managers: []string{"apt-get", "apt", "aptitude"},
	Fills:    []walk.Action{walk.Installs, walk.Reinstalls, walk.Upgrades},
	Dirs:     []string{"/var/cache/apt/archives"},
	Cleaned:  func(v walk.Invocation) bool { return v.Is(walk.Cleans) },
}

// keepsPackages reports whether a RUN takes away docker-clean, by which the
// images of Debian and Ubuntu delete packages after their installation.
func keepsPackages(f *dockerfile.File, in dockerfile.Instruction) bool {
	return slices.ContainsFunc(f.Commands(in), func(c dockerfile.Command) bool {
		return c.Name == "rm" && slices.ContainsFunc(c.Args, func(a dockerfile.Arg) bool { return strings.HasSuffix(a.Text, "/docker-clean") })
	})
}
