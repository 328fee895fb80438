package buildkit

import (
	"github.com/moby/buildkit/frontend/dockerfile/linter"
	"github.com/moby/buildkit/frontend/dockerfile/parser"

	"github.com/whittle-oci/whittle/lint/rule"
)

// Rules lists BuildKit's checks, those that are off by default among them.
func Rules() []*rule.Meta {
	var out []*rule.Meta
	// A check gives its words only when it warns.
	warn := func(name, description, url, _ string, _ []parser.Range) {
		out = append(out, meta(name, description, url))
	}
	for _, r := range []linter.LinterRuleI{
		&linter.RuleStageNameCasing, &linter.RuleFromAsCasing, &linter.RuleNoEmptyContinuation, &linter.RuleConsistentInstructionCasing,
		&linter.RuleDuplicateStageName, &linter.RuleReservedStageName, &linter.RuleJSONArgsRecommended, &linter.RuleMaintainerDeprecated,
		&linter.RuleUndefinedArgInFrom, &linter.RuleWorkdirRelativePath, &linter.RuleUndefinedVar, &linter.RuleMultipleInstructionsDisallowed,
		&linter.RuleLegacyKeyValueFormat, &linter.RuleInvalidBaseImagePlatform, &linter.RuleRedundantTargetPlatform,
		&linter.RuleSecretsUsedInArgOrEnv, &linter.RuleInvalidDefaultArgInFrom, &linter.RuleFromPlatformFlagConstDisallowed,
		&linter.RuleCopyIgnoredFile, &linter.RuleInvalidDefinitionDescription, &linter.RuleExposeProtoCasing, &linter.RuleExposeInvalidFormat,
	} {
		r.Run(warn, nil)
	}
	return out
}
