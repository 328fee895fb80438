package rules

import (
	"slices"
	"strings"

	"github.com/whittle-oci/whittle/lint/rule"
	"github.com/whittle-oci/whittle/lint/rules/internal/walk"
	"github.com/whittle-oci/whittle/lint/source"
)

var aptForAptGet = rule.Rule{
	Meta: rule.Meta{
		Name:     "apt-for-apt-get",
		Aliases:  []string{"DL3027", "CKV_DOCKER_9", "prefer-apt-get", "b84a0b47-2e99-4c9f-8933-98bcabe2b94d"},
		Family:   rule.Hygiene,
		Summary:  "apt-get is used instead of apt",
		Why:      "apt is for people: its command line may change with any release, and it says so.",
		Bad:      "FROM debian:12\nRUN apt update\n",
		Good:     "FROM debian:12\nRUN apt-get update\n",
		Severity: rule.Info,
		Fixable:  rule.Sometimes,
		Presets:  []string{"recommended", "hadolint"},
	},
	Check: checkAptForAptGet,
}

func checkAptForAptGet(p *rule.Pass) {
	var all walk.Gathering
	for in, v := range walk.Managers(p.File, "apt") {
		finding := rule.Finding{Span: v.NameSpan, Message: "apt is for people at a terminal; use apt-get"}
		name := string(p.File.Bytes[v.NameSpan.Start:v.NameSpan.End])
		for tool, verbs := range map[string]string{"apt-get": aptGetVerbs, "apt-cache": aptCacheVerbs} {
			if strings.HasSuffix(name, "apt") && slices.Contains(strings.Fields(verbs), v.Verb) {
				finding.Fix = &rule.Fix{Title: "Use " + tool, Safety: rule.Unsafe, Edits: []source.Edit{{Span: walk.After(v.NameSpan), New: strings.TrimPrefix(tool, "apt")}}}
			}
		}
		all.Add(in, finding)
	}
	all.Report(p)
}

// What apt does as apt-get and as apt-cache do; list and full-upgrade it does
// alone.
const (
	aptGetVerbs   = "autoclean autopurge autoremove build-dep changelog check clean dist-upgrade download install purge reinstall remove satisfy source update upgrade"
	aptCacheVerbs = "depends madison pkgnames policy rdepends search show showsrc"
)
