//go:build linux

package e2e

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// maxFrontend is the bar for the frontend image, compressed, in bytes.
const maxFrontend = 9_000_000

func tool(t testing.TB, name string) string {
	t.Helper()
	bin := filepath.Join(world.root, ".tools", "bin", name)
	if _, err := os.Stat(bin); err != nil {
		t.Fatalf("%v; make tools builds it", err)
	}
	return bin
}

// peer is a tool that takes minutes to compile: make ci has it, make test does not.
func peer(t testing.TB, name string) string {
	t.Helper()
	if os.Getenv("WHITTLE_E2E") != "ci" {
		t.Skipf("make ci runs this with %s", name)
	}
	return tool(t, name)
}

// daemon starts a real buildkitd and gives its address.
func daemon(t testing.TB) string {
	t.Helper()
	dir := t.TempDir()
	socket := filepath.Join(dir, "bk.sock")
	cmd := exec.Command(tool(t, "buildkitd"), "--root", filepath.Join(dir, "root"), "--addr", "unix://"+socket, "--config", world.config, "--oci-worker-net", "host", "--containerd-worker=false")
	var log bytes.Buffer
	cmd.Stdout, cmd.Stderr = &log, &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(os.Interrupt)
		_ = cmd.Wait()
	})
	deadline := time.Now().Add(30 * time.Second)
	for {
		c, err := new(net.Dialer).DialContext(context.Background(), "unix", socket)
		if err == nil {
			c.Close()
			return "unix://" + socket
		}
		if time.Now().After(deadline) {
			t.Fatalf("buildkitd does not answer: %v\n%s", err, log.String())
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// frontendImage packs the frontend with whittle itself and pushes it.
func frontendImage(t *testing.T) string {
	t.Helper()
	ref := reference("whittle")
	res := run(t, nil, world.bin, "pack", world.frontend, "--user", "keep", "-t", ref, "--push",
		"--label", "moby.buildkit.frontend.network.none=true",
		"--label", "moby.buildkit.frontend.caps=moby.buildkit.frontend.inputs,moby.buildkit.frontend.subrequests,moby.buildkit.frontend.contexts,moby.buildkit.frontend.gitquerystring")
	if res.code != 0 {
		t.Fatalf("packing the frontend: exit %d\n%s", res.code, res.stderr)
	}
	img := pull(t, ref)
	layers, err := img.Layers()
	if err != nil {
		t.Fatal(err)
	}
	var n int64
	for _, l := range layers {
		size, err := l.Size()
		if err != nil {
			t.Fatal(err)
		}
		n += size
	}
	t.Logf("the frontend image weighs %d bytes compressed (bar %d)", n, maxFrontend)
	if n > maxFrontend {
		t.Errorf("the frontend image weighs %d bytes compressed", n)
	}
	return ref
}

// TestBuildx uses the real buildx with a real buildkitd and the frontend image.
func TestBuildx(t *testing.T) {
	address, frontend := daemon(t), frontendImage(t)
	// docker reads http for loopback registries by itself; the name under
	// which Dockerfiles ask for the frontend must end in /whittle.
	home := t.TempDir()
	env := []string{"HOME=" + home, "BUILDX_CONFIG=" + filepath.Join(home, "buildx"), "DOCKER_CONFIG=" + filepath.Join(home, "docker")}
	buildx := tool(t, "buildx")
	if res := run(t, env, buildx, "create", "--name", "e2e", "--driver", "remote", address, "--use"); res.code != 0 {
		t.Fatalf("buildx create: %s", res.stderr)
	}
	app := func(syntax string) string {
		dir := t.TempDir()
		for _, f := range []string{"go.mod", "main.go", "Dockerfile"} {
			data, err := os.ReadFile(filepath.Join(world.root, "testdata", "apps", "gohello", f))
			if err != nil {
				t.Fatal(err)
			}
			if f == "Dockerfile" && syntax != "" {
				data = append([]byte("# syntax="+syntax+"\n"), data...)
			}
			if err := os.WriteFile(filepath.Join(dir, f), data, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		return dir
	}
	build := func(t *testing.T, dir string, args ...string) {
		t.Helper()
		ref := reference("buildx")
		meta := filepath.Join(t.TempDir(), "meta.json")
		res := run(t, env, buildx, append([]string{"build", dir, "-t", ref, "--push", "--metadata-file", meta, "--progress", "plain"}, args...)...)
		if res.code != 0 {
			t.Fatalf("exit %d\n%s", res.code, res.stderr)
		}
		img := pull(t, ref)
		// The program, and the two files that say who the image's user is.
		if have := files(t, img); len(have) != 3 || have["/hello"] == 0 || have["/hello"] > maxGoHello {
			t.Errorf("files %v", have)
		}
		runs(t, img, "Hello, world!")
		data, err := os.ReadFile(meta)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(data), "frontend.whittle.report/linux/amd64") {
			t.Errorf("the metadata file has no report:\n%s", data)
		}
		why := whittle(t, shared(), "why", ref, "/hello")
		if why.code != 0 || !strings.Contains(why.stdout, "/hello  ENTRYPOINT") {
			t.Errorf("why: exit %d %s%s", why.code, why.stdout, why.stderr)
		}
	}
	t.Run("syntax line", func(t *testing.T) { build(t, app(frontend)) })
	t.Run("BUILDKIT_SYNTAX", func(t *testing.T) { build(t, app(""), "--build-arg", "BUILDKIT_SYNTAX="+frontend) })
	t.Run("the same as the command", func(t *testing.T) {
		// Layers and configuration are equal; the manifests differ in how
		// either compresses.
		for _, epoch := range []string{"", "86400"} {
			ref := reference("buildx")
			args := []string{"build", "testdata/apps/multistage", "-t", ref, "--push", "--build-arg", "BUILDKIT_SYNTAX=" + frontend}
			var more []string
			if epoch != "" {
				more = []string{"--build-arg", "SOURCE_DATE_EPOCH=" + epoch}
			}
			if res := run(t, env, buildx, append(args, more...)...); res.code != 0 {
				t.Fatalf("exit %d\n%s", res.code, res.stderr)
			}
			ourRef := reference("multistage")
			if res := whittle(t, shared(), append([]string{"build", "testdata/apps/multistage", "-t", ourRef, "--push", "--progress", "quiet"}, more...)...); res.code != 0 {
				t.Fatalf("exit %d\n%s", res.code, res.stderr)
			}
			sameContent(t, pull(t, ref), pull(t, ourRef), epoch)
		}
	})
	t.Run("the same layers as the command", func(t *testing.T) {
		dir, ref, ours := (appOn{nodeBase, "one", "", 100 << 10}).write(t), reference("buildx"), reference("layers")
		if res := run(t, env, buildx, "build", dir, "-t", ref, "--push", "--build-arg", "BUILDKIT_SYNTAX="+frontend); res.code != 0 {
			t.Fatalf("exit %d\n%s", res.code, res.stderr)
		}
		if res := whittle(t, shared(), "build", dir, "-t", ours, "--push", "--progress", "quiet"); res.code != 0 {
			t.Fatalf("exit %d\n%s", res.code, res.stderr)
		}
		img := pull(t, ref)
		sameContent(t, img, pull(t, ours), "")
		if n := len(layersOf(t, img).digests); n != 3 {
			t.Errorf("%d layers, want 3", n)
		}
	})
	t.Run("settings as build arguments", func(t *testing.T) {
		res := run(t, env, buildx, "build", app(frontend), "--build-arg", "WHITTLE_MAX_SIZE=1kB", "--progress", "plain")
		if res.code == 0 || !strings.Contains(res.stderr, "more than max-size allows") {
			t.Errorf("exit %d\n%s", res.code, res.stderr)
		}
		res = run(t, env, buildx, "build", app(frontend), "--build-arg", "WHITTLE_MAXSIZE=1kB", "--progress", "plain")
		if res.code == 0 || !strings.Contains(res.stderr, "did you mean WHITTLE_MAX_SIZE?") {
			t.Errorf("exit %d\n%s", res.code, res.stderr)
		}
	})
	for call, want := range map[string]string{
		"check": "untagged-base", "outline": "VERSION", "targets": "build",
	} {
		t.Run("call "+call, func(t *testing.T) {
			dir := app(frontend)
			if call == "outline" {
				described := fmt.Sprintf("# syntax=%s\nFROM scratch AS app\nARG VERSION=1\n", frontend)
				if err := os.WriteFile(filepath.Join(dir, "Dockerfile"), []byte(described), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			if call == "check" {
				for name, text := range map[string]string{
					"Dockerfile":    fmt.Sprintf("# syntax=%s\nFROM golang\nMAINTAINER me\nCOPY . /src\nCMD app\n", frontend),
					".dockerignore": ".env\n", ".env": "TOKEN=hunter2\n", "keys/id_rsa": "key\n",
				} {
					name = filepath.Join(dir, name)
					if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
						t.Fatal(err)
					}
					if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
						t.Fatal(err)
					}
				}
			}
			res := run(t, env, buildx, "build", dir, "--call", call, "--progress", "quiet")
			out := res.stdout + res.stderr
			if !strings.Contains(out, want) {
				t.Errorf("exit %d, want %q in\n%s", res.code, want, out)
			}
			if call == "check" && (res.code != 1 || !strings.Contains(out, "MaintainerDeprecated") || !strings.Contains(out, "lint/docs/untagged-base.md") ||
				!strings.Contains(out, "keys/id_rsa, which holds a private key") || strings.Contains(out, ".env, which")) {
				t.Errorf("check: exit %d\n%s", res.code, out)
			}
		})
	}
	t.Run("whittle with the instance", func(t *testing.T) {
		ref := reference("remote")
		cmd := exec.CommandContext(t.Context(), world.bin, "build", "testdata/apps/gohello", "-t", ref, "--push", "--progress", "quiet")
		cmd.Dir = world.root
		cmd.Env = append(os.Environ(), env...)
		out, err := cmd.CombinedOutput()
		if err != nil || !strings.Contains(string(out), "building with e2e (remote), as it is the current buildx instance") {
			t.Errorf("%v\n%s", err, out)
		}
		runs(t, pull(t, ref), "Hello, world!")
	})
}

// sameContent compares the configuration and the DiffIDs of two images, and
// holds their times to the epoch, "" for 1970.
func sameContent(t *testing.T, a, b v1.Image, epoch string) {
	t.Helper()
	var configs [2]string
	for i, img := range []v1.Image{a, b} {
		raw, err := img.RawConfigFile()
		if err != nil {
			t.Fatal(err)
		}
		configs[i] = string(raw)
		seconds, err := strconv.ParseInt("0"+epoch, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		config, err := img.ConfigFile()
		if err != nil {
			t.Fatal(err)
		}
		if got := config.Created.Unix(); got != seconds {
			t.Errorf("image %d was created at %d, want %d", i, got, seconds)
		}
		for _, h := range headers(t, img) {
			if got := h.ModTime.Unix(); got != max(seconds, 1) { // see image.FileTime
				t.Errorf("image %d: %s has the time %d, want %d", i, h.Name, got, max(seconds, 1))
			}
		}
	}
	// The DiffIDs of the layers are part of it.
	if configs[0] != configs[1] {
		t.Errorf("buildx made %s\nthe command made %s", configs[0], configs[1])
	}
}

// TestRemote builds through BUILDKIT_HOST, and refuses to fall back when
// nobody is there.
func TestRemote(t *testing.T) {
	address := daemon(t)
	embedded, _, _ := build(t, "multistage")
	ref := reference("remote")
	res := run(t, []string{"BUILDKIT_HOST=" + address}, world.bin, "build", "testdata/apps/multistage", "-t", ref, "--push", "--progress", "quiet")
	if res.code != 0 {
		t.Fatalf("exit %d\n%s", res.code, res.stderr)
	}
	img := pull(t, ref)
	runs(t, img, "pages: 6")
	one, err := img.Digest()
	if err != nil {
		t.Fatal(err)
	}
	two, err := pull(t, embedded).Digest()
	if err != nil {
		t.Fatal(err)
	}
	if one != two {
		t.Errorf("the daemon made %s, the embedded engine %s", one, two)
	}
	gone := run(t, []string{"BUILDKIT_HOST=unix:///nowhere/bk.sock"}, world.bin, "build", "testdata/apps/gohello", "--progress", "quiet")
	if gone.code != 3 || !strings.Contains(gone.stderr, "the builder unix:///nowhere/bk.sock") {
		t.Errorf("exit %d\n%s", gone.code, gone.stderr)
	}
}
