package pin

import (
	"strings"
	"testing"

	"github.com/whittle-oci/whittle/lint/dockerfile"
	"github.com/whittle-oci/whittle/lint/source"
)

func TestWorse(t *testing.T) {
	digest := "@sha256:" + strings.Repeat("0", 64)
	for _, c := range []struct{ before, after, want string }{
		{"FROM a:1\n", "FROM a:1" + digest + "\n", ""},
		{"ARG A=a:1\nFROM $A-x\n", "ARG A=a:1" + digest + "\nFROM $A-x\n", "would refuse line 2"},
		{"FROM a:1\nEXPOSE x\n", "FROM a:1" + digest + "\nEXPOSE x\n", ""},
		{"FROM a:1\nEXPOSE x\n", "FROM a:1@sha256:0\nEXPOSE x\n", "would refuse line 1"},
		{"FROM a:1\n", "FROM a:1 " + digest + "\n", "would not read it"},
	} {
		f, err := dockerfile.Parse(source.NewFile("Dockerfile", []byte(c.before)))
		if err != nil {
			t.Fatal(err)
		}
		err = worse(f, source.NewFile("Dockerfile", []byte(c.after)))
		if got := err != nil; got != (c.want != "") || got && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: want %q, got %v", c.after, c.want, err)
		}
	}
}
