package rules_test

import (
	"testing"

	"github.com/whittle-oci/whittle/lint"
	"github.com/whittle-oci/whittle/lint/rules"
	"github.com/whittle-oci/whittle/lint/source"
)

// FuzzFix checks that fixing never fails on text that parses, settles, and
// leaves nothing to do a second time.
func FuzzFix(f *testing.F) {
	for _, r := range rules.All() {
		f.Add([]byte(r.Bad))
		f.Add([]byte(r.Good))
	}
	f.Add([]byte("FROM a \\\n # x\n AS B\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		opts := lint.Options{Rules: rules.All(), Unsafe: true}
		src := source.NewFile("Dockerfile", b)
		if _, err := lint.Run(t.Context(), src, opts); err != nil {
			t.Skip()
		}
		out, _, err := lint.Fix(t.Context(), src, opts)
		if err != nil {
			t.Fatal(err)
		}
		again, _, err := lint.Fix(t.Context(), out, opts)
		if err != nil || again != out {
			t.Fatalf("second fix changed %q (%v)", out.Bytes, err)
		}
	})
}
