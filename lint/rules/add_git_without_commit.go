package rules

import (
	"strings"

	"github.com/whittle-oci/whittle/lint/dockerfile"
	"github.com/whittle-oci/whittle/lint/rule"
	"github.com/whittle-oci/whittle/lint/rules/internal/downloads"
)

var addGitWithoutCommit = rule.Rule{
	Meta: rule.Meta{
		Name:     "add-git-without-commit",
		Family:   rule.Pins,
		Summary:  "ADD of a Git repository is pinned to a commit",
		Why:      "Without a fragment ADD fetches whatever was pushed last, and with a branch or a tag what that is moved to. Write the commit behind the #, or give it to --checksum beside a tag.",
		Bad:      "FROM scratch\nADD https://github.com/example/tool.git#v1.2.3 /src\n",
		Good:     "FROM scratch\nADD https://github.com/example/tool.git#3f786850e387550fdab836ed7e6dc881de23001b /src\n",
		Severity: rule.Warning,
		Fixable:  rule.Never,
		Presets:  []string{"recommended"},
	},
	Check: checkAddGitWithoutCommit,
}

func checkAddGitWithoutCommit(p *rule.Pass) {
	for _, in := range p.File.Instructions {
		if in.Keyword != "add" {
			continue
		}
		if sum, ok := in.Flag("checksum"); ok && sum.Value != "" {
			continue
		}
		words := in.Words()
		for i, w := range words {
			address, known := p.File.Expand(in, w.Text)
			if i == len(words)-1 || !dockerfile.Repository(address) {
				continue
			}
			base, fragment, _ := strings.Cut(address, "#")
			ref, _, _ := strings.Cut(fragment, ":")
			_, query, _ := strings.Cut(base, "?")
			switch {
			case downloads.Commit(ref), strings.Contains(query, "checksum="), strings.Contains(query, "commit="), !known && (ref == "" && strings.Contains(fragment, "$") || strings.Contains(w.Text, "#$")):
			case ref == "" && query == "":
				p.Reportf(w.Span, "ADD fetches whatever was pushed last; append #COMMIT to the repository")
			default:
				p.Reportf(w.Span, "a branch or a tag can be moved; write #COMMIT, or give the commit to --checksum")
			}
		}
	}
}
