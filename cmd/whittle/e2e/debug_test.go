//go:build linux

package e2e

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// TestDebug makes an image and one with tools of it, in a registry and in an OCI
// layout. The lower layers are the same, and a shell runs in the upper one.
func TestDebug(t *testing.T) {
	tools := filepath.Join(t.TempDir(), "tools")
	if res := whittle(t, shared(), "pack", "/bin/busybox:/bin/busybox", "-o", "type=oci,tar=false,dest="+tools); res.code != 0 {
		t.Fatalf("exit %d\n%s", res.code, res.stderr)
	}
	dir := dockerfile(t, "FROM muslbox:1 AS tools\nFROM scratch\nCOPY --from=tools /bin/busybox /app\nENTRYPOINT [\"/app\", \"true\"]\nUSER 4711\n")
	check := func(t *testing.T, plain, debug v1.Image) {
		t.Helper()
		lower, upper := digests(t, plain), digests(t, debug)
		if len(upper) != len(lower)+1 || !slices.Equal(lower, upper[:len(lower)]) {
			t.Errorf("layers %v, of the image %v", upper, lower)
		}
		if got := unpack(t, debug).output(t, ownUser, "/busybox/sh", "-c", "busybox id -u; ls /"); !strings.HasPrefix(got, "4711\n") || !strings.Contains(got, "app\nbusybox\n") {
			t.Errorf("it printed %q", got)
		}
	}
	ref := reference("debugged")
	other := strings.TrimSuffix(ref, ":1") + ":debug"
	res := whittle(t, shared(), "build", dir, "-t", ref, "--push", "--debug", other, "--debug-image", "oci:"+tools, "--progress", "quiet")
	if res.code != 0 || !strings.Contains(res.stderr, "--entrypoint /busybox/sh") {
		t.Fatalf("exit %d\n%s", res.code, res.stderr)
	}
	check(t, pull(t, ref), pull(t, other))

	layout := filepath.Join(t.TempDir(), "layout")
	if res := whittle(t, shared(), "build", dir, "-t", "app:1", "-o", "type=oci,tar=false,dest="+layout, "--debug", "app:debug", "--debug-image", "oci:"+tools, "--progress", "quiet"); res.code != 0 {
		t.Fatalf("exit %d\n%s", res.code, res.stderr)
	}
	res = whittle(t, shared(), "diff", "--json", "oci:"+layout+":1", "oci:"+layout+":debug")
	if res.code != 0 || !strings.Contains(res.stdout, "/busybox/busybox") {
		t.Errorf("exit %d\n%s%s", res.code, res.stdout, res.stderr)
	}
	check(t, onlyImage(t, layout), pull(t, other))

	for want, args := range map[string][]string{
		"needs --push":              {"-t", "app:1", "--debug", "app:debug"},
		"has this name":             {"-t", ref, "--push", "--debug", ref},
		"needs a build":             {"--dry-run", "--debug", "app:debug"},
		"does not go with --sign":   {"-t", ref, "--push", "--debug", other, "--sign", "--key", "none"},
		"there is no BusyBox in it": {"-t", ref, "--push", "--debug", other, "--debug-image", "oci:" + layout + ":1"},
	} {
		if res := whittle(t, shared(), append([]string{"build", dir, "--progress", "quiet"}, args...)...); res.code == 0 || !strings.Contains(res.stderr, want) {
			t.Errorf("%q: exit %d, want %q in\n%s", args, res.code, want, res.stderr)
		}
	}
}

func digests(t *testing.T, img v1.Image) (out []string) {
	t.Helper()
	m, err := img.Manifest()
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range m.Layers {
		out = append(out, l.Digest.String())
	}
	return out
}

// TestProbe builds a service whose health is asked by wget, with the probe in
// its place, and asks it as a runtime does.
func TestProbe(t *testing.T) {
	dir := dockerfile(t, "FROM muslbox:1\nHEALTHCHECK CMD wget -q --spider http://localhost:18123/busybox > /dev/null || exit 1\nCMD [\"/bin/busybox\", \"httpd\", \"-f\", \"-p\", \"18123\", \"-h\", \"/bin\"]\n")
	ref := reference("probed")
	res := whittle(t, shared(), "build", dir, "-t", ref, "--push", "--probe", "--progress", "quiet", "-v")
	if res.code != 0 {
		t.Fatalf("exit %d\n%s", res.code, res.stderr)
	}
	img := pull(t, ref)
	c, asking := unpack(t, img), unpack(t, img) // a bundle each
	test := c.config.Config.Healthcheck.Test
	if !slices.Equal(test, []string{"CMD", "/usr/bin/whittle-probe", "http://localhost:18123/busybox"}) {
		t.Fatalf("the health check is %q", test)
	}
	if out, err := asking.command(t, ownUser, test[1:]...).CombinedOutput(); err == nil {
		t.Errorf("nothing is there and it is healthy: %s", out)
	}
	service := c.command(t, ownUser)
	var said syncBuffer
	service.Stdout, service.Stderr = &said, &said
	if err := service.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = service.Process.Kill()
		_ = service.Wait()
	}()
	healthy := false
	var out []byte
	for deadline := time.Now().Add(20 * time.Second); !healthy && time.Now().Before(deadline); time.Sleep(100 * time.Millisecond) {
		var err error
		out, err = asking.command(t, ownUser, test[1:]...).CombinedOutput()
		healthy = err == nil
	}
	if !healthy {
		t.Errorf("it never was: %s\n%s", out, said.String())
	}
	dir = dockerfile(t, "FROM muslbox:1\nHEALTHCHECK CMD curl -f https://localhost:18123/\nCMD [\"/bin/busybox\", \"true\"]\n")
	res = whittle(t, shared(), "build", dir, "--probe", "--progress", "quiet")
	if res.code != 1 || !strings.Contains(res.stderr, "Dockerfile:2") || !strings.Contains(res.stderr, "the probe does not speak https") {
		t.Errorf("what it cannot ask: exit %d\n%s", res.code, res.stderr)
	}
}
