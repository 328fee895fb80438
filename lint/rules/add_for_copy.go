package rules

import (
	"slices"
	"strings"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"

	"github.com/whittle-oci/whittle/lint/rule"
	"github.com/whittle-oci/whittle/lint/source"
)

var addForCopy = rule.Rule{
	Meta: rule.Meta{
		Name:     "add-for-copy",
		Aliases:  []string{"DL3020", "DS-0005", "CIS-DI-0009", "CKV_DOCKER_4"},
		Family:   rule.Hygiene,
		Summary:  "ADD is not used where COPY does",
		Why:      "ADD unpacks archives and fetches URLs as well. Where neither is meant, COPY says what happens.",
		Bad:      "FROM debian:12\nADD app.conf /etc/app.conf\n",
		Good:     "FROM debian:12\nCOPY app.conf /etc/app.conf\nADD root.tar.gz /\n",
		Severity: rule.Warning,
		Fixable:  rule.Always,
		Presets:  []string{"recommended", "hadolint"},
	},
	Check: checkAddForCopy,
}

func checkAddForCopy(p *rule.Pass) {
	for _, in := range p.File.Instructions {
		c, ok := in.Command.(*instructions.AddCommand)
		if !ok || c.Checksum != "" || c.KeepGitDir != nil || c.Unpack != nil || len(c.SourcePaths) == 0 || slices.ContainsFunc(c.SourcePaths, needsAdd) {
			continue
		}
		p.Report(rule.Finding{Span: in.KeywordSpan(), Message: "ADD copies plain files here; COPY does no more than that", Fix: &rule.Fix{
			Title: "Use COPY", Safety: rule.Unsafe, Edits: []source.Edit{{Span: in.KeywordSpan(), New: "COPY"}},
		}})
	}
}

// needsAdd reports whether ADD does more with a source than COPY: URLs,
// repositories, archives, and names that are not known.
func needsAdd(s string) bool {
	if strings.Contains(s, "://") || strings.HasPrefix(s, "git@") || strings.ContainsAny(s, "$*?[") {
		return true
	}
	for _, ext := range []string{".tar", ".gz", ".tgz", ".bz2", ".xz", ".txz", ".tbz", ".zst", ".lzma", ".Z", ".zip", ".git"} {
		if strings.HasSuffix(s, ext) {
			return true
		}
	}
	return false
}
