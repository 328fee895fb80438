//go:build linux

package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/whittle-oci/whittle/builder/need/elf/elftest"
)

// TestManyFiles builds an image of 90,000 files for three platforms with every
// attestation there is. All of it goes through one message to BuildKit, and
// afterwards every file's reason is known.
func TestManyFiles(t *testing.T) {
	const n, dirs = 90_000, 300
	dir := dockerfile(t, "FROM scratch\nCOPY hello /hello\nCOPY static /srv/static\nENTRYPOINT [\"/hello\"]\n")
	if err := os.WriteFile(filepath.Join(dir, "hello"), elftest.File{}.Bytes(), 0o755); err != nil {
		t.Fatal(err)
	}
	for i := range n {
		name := filepath.Join(dir, "static", fmt.Sprintf("%03d", i%dirs), fmt.Sprintf("asset-%d.js", i))
		if i < dirs {
			if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.WriteFile(name, nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	out := filepath.Join(t.TempDir(), "image")
	res := whittle(t, t.TempDir(), "build", dir, "-t", "example.test/many:1", "--platform", "linux/amd64,linux/arm64,linux/arm/v7", "--sbom", "--provenance=mode=max", "--contents", "true",
		"--progress", "quiet", "-o", "type=oci,tar=false,dest="+out)
	if res.code != 0 || strings.Contains(res.stderr, "says why directories are in the image") {
		t.Fatalf("exit %d\n%s", res.code, res.stderr)
	}
	why := run(t, nil, world.bin, "why", out, "/srv/static/077/asset-77.js", "-q")
	if why.code != 0 || strings.Count(why.stdout, "  /srv/static/077/asset-77.js  ") != 3 {
		t.Errorf("exit %d\n%s%s", why.code, why.stdout, why.stderr)
	}
}
