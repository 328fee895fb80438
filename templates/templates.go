// Package templates holds files that app repositories take over.
package templates

import _ "embed"

// Make is the Makefile fragment with image-lint, image-build, image-sign and
// image-verify.
//
//go:embed whittle.mk
var Make string
