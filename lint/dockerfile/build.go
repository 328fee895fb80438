package dockerfile

import (
	"slices"
	"strings"
)

// A Build is one way in which a file is built. The zero value is the last stage
// with the defaults of all arguments.
type Build struct {
	Target string // name or number of the stage that it ends in, "" for the last
	Args   map[string]string
	// Platform is what the image is for, such as linux/arm64; "" where that is
	// not known, and then TARGETARCH and its kin have no known value.
	Platform string
	// Contexts are the names of further contexts, which stand in place of
	// images of that name (--build-context).
	Contexts []string
}

// For has the file looked at as it is in one build. What was said of stages,
// scopes, shells and the final stage before holds no longer. A target that there is not
// is taken for the last stage.
func (f *File) For(b Build) {
	f.build, f.global, f.metaNames, f.target, f.derived = b, nil, nil, 0, nil
	f.vars = make([]settings, len(f.Stages))
	for i := range f.Stages {
		f.Stages[i].Parent = f.parent(f.Stages[i].BaseName, i)
	}
	if b.Target != "" {
		f.target = f.StageNamed(strings.ToLower(b.Target), len(f.Stages)) + 1
	}
	f.settle()
}

// platform gives the variables that BuildKit declares for the platform of a
// build (docs.docker.com/reference/dockerfile, automatic platform ARGs).
func (b Build) platform() global {
	out := global{}
	p, ok := ParsePlatform(b.Platform)
	if !ok {
		return out
	}
	for name, value := range map[string]string{
		"TARGETPLATFORM": p.String(), "TARGETOS": p.OS, "TARGETARCH": p.Architecture, "TARGETVARIANT": p.Variant,
	} {
		if given, ok := b.Args[name]; ok {
			value = given
		}
		out[name] = value
	}
	return out
}

// Context reports whether a name that is not a stage's is that of a further
// context of the build. Names of images and contexts agree up to the tag latest.
func (f *File) Context(name string) bool {
	name = strings.ToLower(strings.TrimSuffix(name, ":latest"))
	return slices.ContainsFunc(f.build.Contexts, func(c string) bool { return strings.ToLower(strings.TrimSuffix(c, ":latest")) == name })
}

// Build is the build that the file is looked at for.
func (f *File) Build() Build { return f.build }

// Final is the stage that a build ends in: the last one, or its target. A file
// that parses has one.
func (f *File) Final() *Stage {
	if f.target > 0 {
		return &f.Stages[f.target-1]
	}
	return &f.Stages[len(f.Stages)-1]
}

// parent is the earlier stage that a base's name means, -1 for an image.
func (f *File) parent(base string, stage int) int {
	if name, known := f.expand(base, f.globals()); known {
		return f.stageNamed(name, stage)
	}
	return -1
}
