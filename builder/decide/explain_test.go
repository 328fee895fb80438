package decide_test

import (
	"slices"
	"testing"

	"github.com/whittle-oci/whittle/builder/decide"
	"github.com/whittle-oci/whittle/builder/image"
)

// TestOnce gives a warning one time whatever instructions start what it is about.
func TestOnce(t *testing.T) {
	w := image.NewWarning
	got := decide.Once([]image.Warning{w("ENTRYPOINT", "b", "x"), w("CMD", "b", "x"), w("", "b", "x"), w("", "a", ""), w("CMD", "b", "other"), w("", "a", "")})
	if want := []image.Warning{w("", "a", ""), w("CMD", "b", "other"), w("CMD", "b", "x")}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}
