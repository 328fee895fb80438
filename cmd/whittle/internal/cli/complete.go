package cli

import (
	"strings"

	"github.com/spf13/cobra"

	"github.com/whittle-oci/whittle/lint/format"
)

// completions are what a shell offers for the values of flags that verbs of
// lint share.
func completions(c *cobra.Command) *cobra.Command {
	for flag, offers := range map[string]cobra.CompletionFunc{
		"preset":   among("recommended", "strict", "hadolint"),
		"fail-on":  among("error", "warning", "info", "style", "none"),
		"format":   among(format.Names()...),
		"only":     ruleNames,
		"enable":   ruleNames,
		"ignore":   ruleNames,
		"fix-only": ruleNames,
	} {
		if c.Flags().Lookup(flag) != nil {
			_ = c.RegisterFlagCompletionFunc(flag, offers) // it is there, and once
		}
	}
	return c
}

func among(list ...string) cobra.CompletionFunc {
	return cobra.FixedCompletions(list, cobra.ShellCompDirectiveNoFileComp)
}

// ruleNames offers the names of rules with what they say, behind those that are
// typed with commas.
func ruleNames(_ *cobra.Command, _ []string, typed string) (out []cobra.Completion, _ cobra.ShellCompDirective) {
	before := typed[:strings.LastIndex(typed, ",")+1]
	for _, m := range catalogue() {
		out = append(out, cobra.CompletionWithDesc(before+m.Name, m.Summary))
	}
	return out, cobra.ShellCompDirectiveNoFileComp
}
