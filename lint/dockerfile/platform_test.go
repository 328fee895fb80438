package dockerfile_test

import (
	"testing"

	"github.com/containerd/platforms"

	"github.com/whittle-oci/whittle/lint/dockerfile"
)

// TestPlatform holds what is read and what runs where to the library that
// BuildKit has for it.
func TestPlatform(t *testing.T) {
	all := []string{
		"linux/amd64", "linux/arm64", "linux/arm64/v8", "linux/arm", "linux/arm/v5", "linux/arm/v6", "linux/arm/v7", "linux/386", "linux/i386", "linux/x86_64", "linux/aarch64",
		"linux/armhf", "linux/armel", "linux/riscv64", "linux/s390x", "windows/amd64", "windows(10.0.17763)/amd64", "macos/arm64", "Linux/AMD64",
	}
	for _, a := range all {
		ours, ok := dockerfile.ParsePlatform(a)
		theirs, err := platforms.Parse(a)
		if err != nil || !ok || ours.OS != theirs.OS || ours.Architecture != theirs.Architecture {
			t.Errorf("%s: got %v, want %+v (%v)", a, ours, theirs, err)
		}
		for _, b := range all {
			other, _ := dockerfile.ParsePlatform(b)
			theirOther := platforms.MustParse(b)
			theirOther.OSVersion = ""
			if got, want := ours.Runs(other), platforms.Only(platforms.Normalize(theirs)).Match(theirOther); got != want {
				t.Errorf("%s on %s: %v, want %v", b, a, got, want)
			}
		}
	}
	for _, bad := range []string{"", "nothing", "a/b/c/d", "linux/", "linux/$ARCH"} {
		if p, ok := dockerfile.ParsePlatform(bad); ok {
			t.Errorf("%q: got %v", bad, p)
		}
	}
	for text, want := range map[string]string{"amd64": "linux/amd64", "armel": "linux/arm/v6", "windows": "windows/amd64"} {
		if p, ok := dockerfile.ParsePlatform(text); !ok || p.String() != want {
			t.Errorf("%s: got %v, want %s", text, p, want)
		}
	}
}
