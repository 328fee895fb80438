package dockerfile_test

import (
	"testing"

	"github.com/whittle-oci/whittle/lint/dockerfile"
)

func TestFor(t *testing.T) {
	f := parse(t, `ARG BASE=debian
ARG KIND
FROM ${BASE} AS base-a
FROM alpine AS base-b
FROM base-${KIND} AS dev
ARG KIND=none
ARG N
FROM scratch AS last
`)
	for _, tc := range []struct {
		build         dockerfile.Build
		final, parent int
		base, kind, n string
		shipped       []bool
	}{
		{dockerfile.Build{}, 3, -1, "debian", "none", "", []bool{false, false, false, true}},
		{dockerfile.Build{Target: "DEV", Args: map[string]string{"KIND": "b", "BASE": "x", "N": "1"}}, 2, 1, "x", "b", "1", []bool{false, true, true, false}},
		{dockerfile.Build{Target: "2", Args: map[string]string{"KIND": "a"}}, 2, 0, "debian", "a", "", []bool{true, false, true, false}},
		{dockerfile.Build{Target: "nowhere"}, 3, -1, "debian", "none", "", []bool{false, false, false, true}},
		{dockerfile.Build{}, 3, -1, "debian", "none", "", []bool{false, false, false, true}},
	} {
		f.For(tc.build)
		if got := f.Final().Index; got != tc.final {
			t.Errorf("%+v ends in stage %d", tc.build, got)
		}
		if got := f.Stages[2].Parent; got != tc.parent {
			t.Errorf("%+v: dev is made from stage %d", tc.build, got)
		}
		if base, _ := f.BaseName(&f.Stages[0]); base != tc.base {
			t.Errorf("%+v: the base is %s", tc.build, base)
		}
		at := f.Instructions[f.Stages[3].From-1]
		if kind, _, _ := f.Variable(at, "KIND"); kind != tc.kind {
			t.Errorf("%+v: KIND is %s", tc.build, kind)
		}
		at.Index++
		if n, _, _ := f.Variable(at, "N"); n != tc.n {
			t.Errorf("%+v: N is %s", tc.build, n)
		}
		for i, want := range tc.shipped {
			if f.Shipped(i) != want {
				t.Errorf("%+v: stage %d is shipped: %v", tc.build, i, !want)
			}
		}
	}
}

// TestContexts takes the contexts of a build for no images.
func TestContexts(t *testing.T) {
	f := parse(t, "FROM shared AS a\nFROM Base:latest\nCOPY --from=x/y b c\nCOPY --from=d:1 e f\nFROM a\n")
	known := func() (n, refs int) {
		for i := range f.Stages {
			if _, ok := f.BaseName(&f.Stages[i]); ok {
				n++
			}
		}
		return n, len(f.ImageRefs())
	}
	if n, refs := known(); n != 3 || refs != 4 {
		t.Errorf("without contexts %d bases are known, and %d images", n, refs)
	}
	f.For(dockerfile.Build{Contexts: []string{"shared", "base", "x/y", "a"}})
	if n, refs := known(); n != 1 || refs != 1 || !f.Context("SHARED") || f.Context("d:1") {
		t.Errorf("with contexts %d bases are known, and %d images", n, refs)
	}
}
