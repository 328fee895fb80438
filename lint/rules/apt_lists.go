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
		Aliases:  []string{"DL3009", "DKL-DI-0005", "remove-package-lists", "remove-package-cache", "df746b39-6564-4fed-bf85-e9c44382303c"},
		Family:   rule.Fat,
		Summary:  "apt-get leaves no package lists in the layer",
		Why:      "apt-get update downloads some 20 MB of lists. Deleted in a later RUN they still are in the layer that made them; delete them in the same one, or mount a cache.",
		Bad:      "FROM debian:12\nRUN apt-get update && apt-get install -y curl\n",
		Good:     "FROM debian:12\nRUN apt-get update && apt-get install -y curl && rm -rf /var/lib/apt/lists/*\n",
		Severity: rule.Info,
		Fixable:  rule.Sometimes,
		Yields:   []string{"update-alone"},
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
	reported := map[int]bool{}
	var used []bool
	for in, v := range aptFiles.Left(p.File) {
		if !p.File.Shipped(in.Stage) {
			continue
		}
		if used == nil {
			used = listsUsed(p.File)
		}
		finding := rule.Finding{Span: v.Span, Message: "apt's package lists stay in the layer; delete /var/lib/apt/lists/* in the same RUN"}
		if !used[in.Index] {
			finding.Fix = walk.Append(p.File, in, "rm -rf /var/lib/apt/lists/*")
		}
		p.Report(finding)
		reported[in.Index] = true
	}
	var kept []bool
	for in, v := range aptArchives.Left(p.File) {
		if reported[in.Index] || !p.File.Shipped(in.Stage) {
			continue
		}
		if kept == nil {
			kept = walk.Before(p.File, func(x dockerfile.Instruction, before bool) bool { return before || keepsPackages(p.File, x) })
		}
		if kept[in.Index] || keepsPackages(p.File, in) {
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

// listsUsed tells, for every instruction, whether a RUN after it, in its stage
// or one made from it, installs from the lists that are there.
func listsUsed(f *dockerfile.File) []bool {
	out, later := make([]bool, len(f.Instructions)), make([]bool, len(f.Stages))
	for _, in := range slices.Backward(f.Instructions) {
		switch {
		case in.Stage < 0:
		case in.Keyword == "from":
			if p := f.Stages[in.Stage].Parent; p >= 0 {
				later[p] = later[p] || later[in.Stage]
			}
		default:
			out[in.Index] = later[in.Stage]
			later[in.Stage] = later[in.Stage] || usesLists(f, in)
		}
	}
	return out
}

// usesLists reports whether a RUN asks apt for packages without an update before.
func usesLists(f *dockerfile.File, in dockerfile.Instruction) bool {
	for _, c := range f.Commands(in) {
		v, ok := walk.Invoke(c, "apt-get", "apt", "aptitude")
		switch {
		case !ok:
		case v.Is(walk.Updates):
			return false
		case v.Is(walk.Installs, walk.Reinstalls, walk.Upgrades), slices.Contains([]string{"build-dep", "download", "source"}, v.Verb):
			return true
		}
	}
	return false
}
