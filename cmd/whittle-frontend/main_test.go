package main

import (
	"testing"

	"github.com/whittle-oci/whittle/cmd/internal/version"
)

// TestOptions holds the frontend image to writing its version into SBOMs, as
// the command does.
func TestOptions(t *testing.T) {
	if o := options(); o.Version == "" || o.Version != version.String() || o.Check == nil {
		t.Errorf("version %q, a check: %v", o.Version, o.Check != nil)
	}
}
