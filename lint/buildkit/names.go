package buildkit

import (
	"maps"
	"slices"

	"github.com/whittle-oci/whittle/lint/rule"
)

// names are BuildKit's checks with the names of our rules for the same.
var names = map[string]string{
	"ConsistentInstructionCasing":     "instruction-case",
	"CopyIgnoredFile":                 "copy-ignored-file",
	"DuplicateStageName":              "duplicate-stage-name",
	"ExposeInvalidFormat":             "expose-host-part",
	"ExposeProtoCasing":               "expose-protocol-case",
	"FromAsCasing":                    "as-case",
	"FromPlatformFlagConstDisallowed": "constant-platform",
	"InvalidBaseImagePlatform":        "base-platform",
	"InvalidDefaultArgInFrom":         "invalid-default-base",
	"InvalidDefinitionDescription":    "definition-comment",
	"JSONArgsRecommended":             "shell-form",
	"LegacyKeyValueFormat":            "legacy-key-value",
	"MaintainerDeprecated":            "maintainer",
	"MultipleInstructionsDisallowed":  "duplicate-cmd",
	"NoEmptyContinuation":             "empty-continuation",
	"RedundantTargetPlatform":         "redundant-platform",
	"ReservedStageName":               "reserved-stage-name",
	"SecretsUsedInArgOrEnv":           "secret-in-variable",
	"StageNameCasing":                 "stage-name-case",
	"UndefinedArgInFrom":              "undefined-arg-in-from",
	"UndefinedVar":                    "undefined-variable",
	"WorkdirRelativePath":             "relative-workdir",
}

// Checks lists BuildKit's checks by the names it gives them, in order.
func Checks() []string { return slices.Sorted(maps.Keys(names)) }

// Own reports whether a rule is one of BuildKit's checks and of no other tool.
func Own(m *rule.Meta) bool {
	return len(m.Aliases) > 0 && !slices.ContainsFunc(m.Aliases, func(a string) bool { return names[a] == "" })
}
