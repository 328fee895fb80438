//go:build linux

package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
)

// TestIfStale builds an image once, and again only when something that it was
// built from has moved.
func TestIfStale(t *testing.T) {
	base, ref := reference("base"), reference("stale")
	put := func(img v1.Image) {
		t.Helper()
		r, err := name.ParseReference(base, name.Insecure)
		if err != nil {
			t.Fatal(err)
		}
		if err := remote.Write(r, img, remote.WithContext(t.Context())); err != nil {
			t.Fatal(err)
		}
	}
	debian := fetch(t, world.registry.Addr+"/library/debian:12")
	put(debian)
	dir := t.TempDir()
	write := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("Dockerfile", "FROM "+base+"\nCOPY words /words\nCMD [\"/bin/cat\", \"/words\"]\n")
	write("words", "one\n")
	build := func(says string) string {
		t.Helper()
		res := whittle(t, shared(), "build", dir, "-t", ref, "--push", "--if-stale", "--progress", "quiet")
		if res.code != 0 || !strings.Contains(res.stderr, says) {
			t.Fatalf("exit %d, it does not say %q\n%s", res.code, says, res.stderr)
		}
		return strings.TrimSpace(res.stdout)
	}
	pinned := func(code int, says string) {
		t.Helper()
		if res := whittle(t, shared(), "pin", "--check", "--image", ref); res.code != code || !strings.Contains(res.stdout+res.stderr, says) {
			t.Errorf("pin --check --image: exit %d, want %d and %q\n%s%s", res.code, code, says, res.stdout, res.stderr)
		}
	}
	const nothing = "has moved, so there is nothing to do"
	first := build("there is no " + ref + " yet")
	if got := build(nothing); got != first {
		t.Errorf("it is %s, and %s was built", got, first)
	}
	pinned(0, "")
	write("words", "two\n")
	second := build("this has moved: the context, the Dockerfile")
	if second == first {
		t.Errorf("it is still %s", first)
	}
	build(nothing)
	config, err := debian.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	config = config.DeepCopy()
	config.Config.Env = append(config.Config.Env, "NEW=1")
	newer, err := mutate.ConfigFile(debian, config)
	if err != nil {
		t.Fatal(err)
	}
	put(newer)
	pinned(1, "stale: it is now sha256:")
	build("this has moved: " + base + " from sha256:")
	build(nothing)
	pinned(0, "")
	img := pull(t, ref)
	labels := configOf(t, img).Config.Labels
	if d, _ := newer.Digest(); labels["org.opencontainers.image.base.name"] != base || labels["org.opencontainers.image.base.digest"] != d.String() {
		t.Errorf("its labels are %v", labels)
	}
	if res := whittle(t, shared(), "build", dir, "--if-stale"); res.code != 2 {
		t.Errorf("without a name: exit %d\n%s", res.code, res.stderr)
	}
}

func configOf(t *testing.T, img v1.Image) *v1.ConfigFile {
	t.Helper()
	c, err := img.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	return c
}
