package rules

import (
	"slices"
	"strings"

	"github.com/whittle-oci/whittle/lint/rule"
	"github.com/whittle-oci/whittle/lint/rules/internal/walk"
)

var unpinnedPip = rule.Rule{
	Meta: rule.Meta{
		Name:     "unpinned-pip",
		Aliases:  []string{"DL3013", "02d9c71f-3ee8-4986-9c27-1a20d0d19bfc"},
		Family:   rule.Pins,
		Summary:  "pip installs named versions",
		Why:      "An install without a version takes the newest one on the day of the build: the same Dockerfile gives another image tomorrow, and a compromised release arrives by itself.",
		Bad:      "FROM python:3.12-slim\nRUN pip install flask\n",
		Good:     "FROM python:3.12-slim\nRUN pip install flask==3.0.0\nRUN pip install -r requirements.txt\n",
		Severity: rule.Warning,
		Fixable:  rule.Never,
		Presets:  []string{"recommended", "hadolint"},
	},
	Check: checkUnpinnedPip,
}

func checkUnpinnedPip(p *rule.Pass) {
	words := walk.NewExpander(p.File)
	for in, v := range walk.Managers(p.File, "pip", "uv pip", "pipx") {
		if v.Is(walk.Installs) && !v.Has("-r", "--requirement", "--requirements", "-c", "--constraint", "--constraints", "--group", "--no-index") {
			words.Unpinned(p, in, v, pinnedPip, "%s==VERSION, or use a lock file")
		}
	}
}

// pinnedPip takes a version or a bound, a file, a directory, a URL, and a
// commit or tag of a repository.
func pinnedPip(name string) bool {
	if scheme, rest, ok := strings.Cut(name, "+"); ok && slices.Contains([]string{"git", "hg", "svn", "bzr"}, scheme) {
		_, path, _ := strings.Cut(rest, "://")
		_, path, _ = strings.Cut(path, "/")
		return strings.Contains(path, "@")
	}
	return strings.ContainsAny(name, "=<>~/") || name == "." || strings.HasPrefix(name, ".[") ||
		slices.ContainsFunc([]string{".whl", ".tar.gz", ".zip"}, func(end string) bool { return strings.HasSuffix(name, end) })
}
