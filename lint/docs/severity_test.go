package docs

import (
	"slices"
	"strings"
	"testing"

	"github.com/whittle-oci/whittle/lint/rules"
)

// TestBeside holds every severity that is not hadolint's to a sentence, and every
// sentence to such a severity.
func TestBeside(t *testing.T) {
	said := 0
	for _, r := range All(rules.All()) {
		theirs, why := Beside(r.Meta)
		differs := slices.ContainsFunc(theirs, func(s Theirs) bool { return s.Severity != r.Severity.String() })
		if differs != (why != "") || differs && (!strings.HasSuffix(why, ".") || strings.Count(why, ". ") > 0) {
			t.Errorf("%s is %s, hadolint says %v, and the reason is %q", r.Name, r.Severity, theirs, why)
		}
		if differs {
			said++
		}
	}
	if len(otherwise) != said {
		t.Errorf("there are %d reasons for %d rules", len(otherwise), said)
	}
}
