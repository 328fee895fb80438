package buildkit

import (
	"slices"

	"github.com/whittle-oci/whittle/lint/rule"
)

// names are BuildKit's checks (frontend/dockerfile/linter/ruleset.go), but for
// one that it has given up.
var names = []string{
	"ConsistentInstructionCasing", "CopyIgnoredFile", "DuplicateStageName", "ExposeInvalidFormat", "ExposeProtoCasing", "FromAsCasing",
	"FromPlatformFlagConstDisallowed", "InvalidBaseImagePlatform", "InvalidDefaultArgInFrom", "InvalidDefinitionDescription", "JSONArgsRecommended",
	"LegacyKeyValueFormat", "MaintainerDeprecated", "MultipleInstructionsDisallowed", "NoEmptyContinuation", "RedundantTargetPlatform", "ReservedStageName",
	"SecretsUsedInArgOrEnv", "StageNameCasing", "UndefinedArgInFrom", "UndefinedVar", "WorkdirRelativePath",
}

// Needed reports whether BuildKit has something to say that none of the rules
// answers to. Where it has not it need not be asked, which spares a file with
// many stages or instructions a cost that grows with their square.
func (c *Checker) Needed(rules []rule.Rule) bool {
	return slices.ContainsFunc(names, func(name string) bool {
		switch {
		case name == "InvalidBaseImagePlatform" && c.Platform == nil:
			return false // it hangs on what the registry says
		case name == "InvalidDefinitionDescription" && !slices.Contains(c.Experimental, name) && !slices.Contains(c.Experimental, "all"):
			return false // it is off
		}
		return !slices.ContainsFunc(rules, func(r rule.Rule) bool { return r.Is(name) })
	})
}
