package suppress_test

import (
	"testing"

	"github.com/whittle-oci/whittle/lint/source"
	"github.com/whittle-oci/whittle/lint/suppress"
)

func TestOff(t *testing.T) {
	text := "# check=skip=A,B;error=true\n# whittle global ignore=g\nFROM x\n# hadolint ignore=DL1,DL2\n# about it\nRUN a\nRUN b\n#trivy:ignore:AVD-DS-0002\nRUN c\n# whittle ignore=all -- because\nRUN d\n# just a comment about ignore=everything\n"
	set := suppress.Read(source.NewFile("Dockerfile", []byte(text)))
	if !set.Fail {
		t.Error("check=error=true was not seen")
	}
	for _, tc := range []struct {
		line int
		rule string
		want bool
	}{
		{3, "A", true}, {9, "B", true}, {3, "g", true}, {3, "DL1", false},
		{6, "DL1", true}, {6, "DL2", true}, {7, "DL1", false}, {9, "DS-0002", true}, {11, "anything", true}, {7, "anything", false},
	} {
		if got := set.Off(tc.line, func(n string) bool { return n == tc.rule }); got != tc.want {
			t.Errorf("%s at line %d is off: %v, want %v", tc.rule, tc.line, got, tc.want)
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add([]byte("# check=skip=all\nFROM x\n# hadolint ignore=DL3006\nRUN y"))
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, c := range suppress.Read(source.NewFile("f", b)).Comments {
			if c.Span.End > len(b) || len(c.Rules) == 0 {
				t.Fatalf("comment %+v", c)
			}
		}
	})
}
