// Package probe is a health probe for images that have no curl, wget or nc: a
// program of a few kilobytes without a library, and the command lines of these
// tools in its words.
//
// The program is freestanding C (source/probe.c says how it is called), compiled
// by source/build.sh: the smallest program of Go has 1.2 MB, and what is
// generated for an image travels in the definition of the build.
package probe

import (
	_ "embed"
	"slices"
)

// Path is where an image has the program.
const Path = "/usr/bin/whittle-probe"

//go:embed whittle-probe-amd64
var amd64 []byte

//go:embed whittle-probe-arm64
var arm64 []byte

// Program gives the program for an architecture, as Go calls it. ok is false
// where there is none.
func Program(architecture string) (data []byte, ok bool) {
	switch architecture {
	case "amd64":
		return slices.Clip(amd64), true
	case "arm64":
		return slices.Clip(arm64), true
	}
	return nil, false
}

// Architectures are those that have a program.
func Architectures() []string { return []string{"amd64", "arm64"} }
