// Package rules holds every rule, one to a file.
//
//go:generate go run ../internal/gendocs -out ../docs
package rules

import "github.com/whittle-oci/whittle/lint/rule"

// All returns every rule in the order of their IDs.
func All() []rule.Rule {
	return []rule.Rule{
		stageNameCase,
	}
}
