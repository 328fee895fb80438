package cli

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/whittle-oci/whittle/lint/docs"
)

func (a *app) explainCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "explain RULE",
		Short: "Say what a rule is about and why",
		Long: `Explain shows the page of a rule. RULE is its name here or in any other tool:
DL3008 (hadolint), SC2086 (ShellCheck), StageNameCasing (BuildKit), DS-0002
(Trivy), CKV_DOCKER_3 (Checkov), DKL-DI-0005 (dockle). It asks no network.`,
		Args:              usageArgs(cobra.ExactArgs(1)),
		ValidArgsFunction: ruleNames,
		RunE: func(_ *cobra.Command, args []string) error {
			name := args[0]
			if found := findRules(name); len(found) > 0 {
				var pages []string
				for _, m := range found {
					pages = append(pages, docs.Page(m))
				}
				_, err := fmt.Fprint(a.Out, strings.Join(pages, "\n"))
				return err
			}
			if e, ok := docs.FindElsewhere(name); ok {
				_, err := fmt.Fprintln(a.Out, e)
				return err
			}
			err := usage{fmt.Errorf("there is no rule %q; whittle rules lists them", name)}
			if near := nearestRule(name); near != "" {
				return hinted{err, fmt.Sprintf("did you mean %s?", near)}
			}
			return err
		},
	}
}
