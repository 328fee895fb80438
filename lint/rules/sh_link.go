package rules

import (
	"slices"
	"strings"

	"github.com/whittle-oci/whittle/lint/dockerfile"
	"github.com/whittle-oci/whittle/lint/rule"
	"github.com/whittle-oci/whittle/lint/rules/internal/walk"
	"github.com/whittle-oci/whittle/lint/source"
)

var shLink = rule.Rule{
	Meta: rule.Meta{
		Name:     "sh-link",
		Aliases:  []string{"DL4005", "use-shell-instruction", "8a301064-c291-4b20-adcb-403fe7fd95fd"},
		Family:   rule.Hygiene,
		Summary:  "/bin/sh is not replaced by a link",
		Why:      "Scripts of packages expect the /bin/sh that the distribution ships. SHELL says which shell runs the RUNs, and leaves the image as it is.",
		Bad:      "FROM debian:12\nRUN ln -sf /bin/bash /bin/sh\n",
		Good:     "FROM debian:12\nSHELL [\"/bin/bash\", \"-c\"]\n",
		Severity: rule.Warning,
		Fixable:  rule.Sometimes,
		Presets:  []string{"recommended", "hadolint"},
	},
	Check: checkShLink,
}

func checkShLink(p *rule.Pass) {
	for in, c := range walk.Named(p.File, "ln") {
		if words := c.Words(); len(words) < 2 || !slices.Contains([]string{"/bin/sh", "/usr/bin/sh"}, words[len(words)-1].Text) {
			continue
		}
		finding := rule.Finding{Span: c.Span, Message: "/bin/sh is replaced by a link; use SHELL"}
		if withoutShell(p.File, in) {
			finding.Message, finding.Minor = "the image has no /bin/sh, and this link gives it one; use SHELL for RUN alone", true
		}
		if shell, ok := linkedShell(p.File, in, c); ok {
			finding.Fix = &rule.Fix{Title: "Use SHELL", Safety: rule.Unsafe, Edits: []source.Edit{{Span: in.Span(), New: `SHELL ["` + shell + `", "-c"]`}}}
		}
		p.Report(finding)
	}
}

// withoutShell reports whether the image has no /bin/sh of its own: RUNs are
// read by a shell from elsewhere, and a plain ln would not replace a file.
func withoutShell(f *dockerfile.File, in dockerfile.Instruction) bool {
	shell := f.Shell(in)
	return len(shell) > 0 && strings.HasPrefix(shell[0], "/busybox/")
}

// linkedShell is what /bin/sh becomes, when the RUN does nothing else.
func linkedShell(f *dockerfile.File, in dockerfile.Instruction, c dockerfile.Command) (string, bool) {
	words := c.Words()
	if len(f.Commands(in)) > 2 || len(words) != 2 || words[1].Text != "/bin/sh" || !words[0].Literal || in.Trigger || !slices.Equal(f.Shell(in), []string{"/bin/sh", "-c"}) {
		return "", false
	}
	shell := words[0].Text
	if shell[0] != '/' {
		shell = "/bin/" + shell
	}
	for _, other := range f.Commands(in) {
		if other.Span != c.Span && (other.Name != "rm" || !other.Has("/bin/sh")) {
			return "", false
		}
	}
	return shell, slices.Contains([]string{"/bin/bash", "/usr/bin/bash", "/bin/dash", "/bin/zsh", "/bin/ash"}, shell)
}
