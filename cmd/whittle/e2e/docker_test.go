//go:build linux

package e2e

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/validate"
)

// dockerEngine starts a real docker engine and gives its address. Its
// containers have the host's network, as it may make no bridge here.
func dockerEngine(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	socket := filepath.Join(dir, "docker.sock")
	args := []string{
		"--data-root", filepath.Join(dir, "data"), "--exec-root", filepath.Join(dir, "exec"), "--pidfile", filepath.Join(dir, "pid"),
		"--host", "unix://" + socket, "--bridge=none", "--iptables=false", "--ip6tables=false", "--storage-driver=vfs",
	}
	if mirrored() {
		args = append(args, "--registry-mirror", "http://"+world.registry.Addr)
	}
	if wrapper := boundedRunc(t, dir); wrapper != "" {
		args = append(args, "--add-runtime", "bounded="+wrapper, "--default-runtime", "bounded")
	}
	dockerd := exec.Command("dockerd", args...)
	var log syncBuffer
	dockerd.Stdout, dockerd.Stderr = &log, &log
	if err := dockerd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = dockerd.Process.Signal(syscall.SIGTERM)
		_ = dockerd.Wait()
		// The host's network stays mounted for containers that had it.
		_ = syscall.Unmount(filepath.Join(dir, "exec", "netns", "default"), syscall.MNT_DETACH)
	})
	deadline := time.Now().Add(time.Minute)
	for !strings.Contains(log.String(), "API listen on") {
		if time.Now().After(deadline) {
			t.Fatalf("dockerd does not start\n%s", log.String())
		}
		time.Sleep(50 * time.Millisecond)
	}
	return "unix://" + socket
}

// mirrored reports whether base images come from the test registry.
func mirrored() bool {
	config, err := os.ReadFile(world.config)
	return err == nil && len(config) > 0
}

// capSysResource is the number of CAP_SYS_RESOURCE (capabilities(7)).
const capSysResource = 24

// boundedRunc makes a runtime for docker that leaves out CAP_SYS_RESOURCE where
// this machine is not allowed to give it. Docker's privileged containers ask
// for every capability there is, and runc then starts none. It gives "" where
// runc can do as it is told.
func boundedRunc(t *testing.T, dir string) string {
	t.Helper()
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(status), "CapBnd:")
	var bounding uint64
	if _, err := fmt.Sscanf(rest, "%x", &bounding); err != nil {
		t.Fatal(err)
	}
	if bounding&(1<<capSysResource) != 0 {
		return ""
	}
	wrapper := filepath.Join(dir, "bounded-runc")
	script := `#!/bin/sh
last=
for arg; do
	case "$last" in
	--bundle) sed -i 's/"CAP_SYS_RESOURCE",//g' "$arg/config.json" ;;
	--process) sed -i 's/"CAP_SYS_RESOURCE",//g' "$arg" ;;
	esac
	last=$arg
done
exec runc "$@"
`
	if err := os.WriteFile(wrapper, []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	return wrapper
}

// small is a build with a RUN that takes a second.
func small(t *testing.T) string {
	t.Helper()
	return dockerfile(t, "FROM muslbox:1\nRUN echo made by a RUN > /made\nCMD [\"/bin/busybox\", \"cat\", \"/made\"]\n")
}

// TestDocker loads into a docker engine, builds with the BuildKit inside it,
// and builds with one that buildx started in a container of it.
func TestDocker(t *testing.T) {
	address := dockerEngine(t)
	home := t.TempDir()
	state := []string{
		"XDG_DATA_HOME=" + shared(), "BUILDKITD_CONFIG=" + world.config,
		"BUILDX_CONFIG=" + filepath.Join(home, "buildx"), "DOCKER_CONFIG=" + filepath.Join(home, "docker"),
	}
	env := append([]string{"DOCKER_HOST=" + address}, state...)
	docker := func(t *testing.T, args ...string) string {
		t.Helper()
		res := run(t, env, "docker", args...)
		if res.code != 0 {
			t.Fatalf("docker %s: %s", strings.Join(args, " "), res.stderr)
		}
		return res.stdout
	}
	t.Run("load", func(t *testing.T) { dockerLoads(t, env, docker) })
	t.Run("docker's own builder", func(t *testing.T) { dockerBuilds(t, env, docker) })
	t.Run("a context", func(t *testing.T) {
		docker(t, "context", "create", "here", "--docker", "host="+address)
		res := run(t, state, world.bin, "build", small(t), "--builder", "here", "-t", "e2e/context:1", "--network", "host", "--progress", "quiet")
		if res.code != 0 || !strings.Contains(res.stderr, "building with here (docker), as --builder names it") {
			t.Errorf("exit %d\n%s", res.code, res.stderr)
		}
		res = run(t, append(state, "DOCKER_CONTEXT=here"), world.bin, "pack", "/bin/busybox", "-t", "e2e/packed:1", "--load")
		if res.code != 0 {
			t.Errorf("pack --load: exit %d\n%s", res.code, res.stderr)
		}
		for _, name := range []string{"e2e/context", "e2e/packed"} {
			if !strings.Contains(docker(t, "images"), name) {
				t.Errorf("docker does not have %s", name)
			}
		}
	})
	t.Run("container", func(t *testing.T) { containerBuilds(t, env, state) })
}

// dockerLoads hands an image to the engine and runs it there, as itself.
func dockerLoads(t *testing.T, env []string, docker func(*testing.T, ...string) string) {
	res := run(t, env, world.bin, "build", small(t), "-t", "e2e/loaded:1", "--load", "--progress", "quiet")
	if res.code != 0 || !strings.Contains(res.stderr, "loaded docker.io/e2e/loaded:1 into the docker engine") {
		t.Fatalf("exit %d\n%s", res.code, res.stderr)
	}
	if got := docker(t, "run", "--rm", "--network=host", "--read-only", "e2e/loaded:1"); got != "made by a RUN\n" {
		t.Errorf("it printed %q", got)
	}
	res = run(t, env, world.bin, "build", small(t), "-t", "e2e/loaded:1", "--load", "--platform", "linux/amd64,linux/arm64", "--progress", "quiet")
	if res.code != 2 || !strings.Contains(res.stderr, "this docker engine keeps no image indexes, as its image store is not containerd's") {
		t.Errorf("two platforms: exit %d\n%s", res.code, res.stderr)
	}
	if res = run(t, env, world.bin, "doctor"); res.code != 0 || !strings.Contains(res.stdout, "--load hands images over, single images") {
		t.Errorf("doctor: exit %d\n%s", res.code, res.stdout)
	}
}

// TestLoadIndex loads an image of two platforms into an engine that takes such:
// one that says so and keeps what it is sent, as no real one is at hand.
func TestLoadIndex(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "docker.sock")
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	loaded := filepath.Join(t.TempDir(), "loaded.tar")
	mux := http.NewServeMux()
	mux.HandleFunc("/_ping", func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Api-Version", "1.50") })
	mux.HandleFunc("GET /v1.50/info", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, `{"DriverStatus":[["driver-type","io.containerd.snapshotter.v1"]]}`)
	})
	mux.HandleFunc("POST /v1.50/images/load", func(w http.ResponseWriter, r *http.Request) {
		f, err := os.Create(loaded)
		if err == nil {
			_, err = io.Copy(f, r.Body)
		}
		if err := errors.Join(err, f.Close()); err != nil {
			t.Error(err)
		}
		fmt.Fprint(w, `{"stream":"Loaded image"}`)
	})
	s := &http.Server{Handler: mux, ReadHeaderTimeout: time.Minute}
	go func() { _ = s.Serve(l) }()
	t.Cleanup(func() { s.Close() })
	env := []string{"DOCKER_HOST=unix://" + socket, "XDG_DATA_HOME=" + shared(), "BUILDKITD_CONFIG=" + world.config}
	res := run(t, env, world.bin, "build", "testdata/apps/multiplatform", "-t", "e2e/both:1", "--load", "--platform", "linux/amd64,linux/arm64", "--progress", "quiet")
	if res.code != 0 {
		t.Fatalf("exit %d\n%s", res.code, res.stderr)
	}
	dir := t.TempDir()
	if out, err := exec.CommandContext(t.Context(), "tar", "-xf", loaded, "-C", dir).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	top, err := layout.ImageIndexFromPath(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := validate.Index(top); err != nil {
		t.Error(err)
	}
	m, err := top.IndexManifest()
	if err != nil {
		t.Fatal(err)
	}
	if len(m.Manifests) != 1 || m.Manifests[0].Annotations["io.containerd.image.name"] != "docker.io/e2e/both:1" {
		t.Fatalf("the tar holds %+v", m.Manifests)
	}
	index, err := top.ImageIndex(m.Manifests[0].Digest)
	if err != nil {
		t.Fatal(err)
	}
	if m, err = index.IndexManifest(); err != nil || len(m.Manifests) != 2 {
		t.Errorf("the index holds %+v, %v", m, err)
	}
}

// dockerBuilds uses the docker driver of buildx: what is built is loaded, and
// what the engine's image store cannot do names the engine that can.
func dockerBuilds(t *testing.T, env []string, docker func(*testing.T, ...string) string) {
	for name, args := range map[string][]string{"e2e/asked:1": {"--load"}, "e2e/unasked:1": nil} {
		res := run(t, env, world.bin, append([]string{"build", small(t), "--builder", "default", "--network", "host", "-t", name, "--progress", "quiet"}, args...)...)
		if res.code != 0 || !strings.Contains(res.stderr, "building with default (docker), as --builder names it") {
			t.Fatalf("exit %d\n%s", res.code, res.stderr)
		}
		if got := docker(t, "run", "--rm", "--network=host", "--read-only", name); got != "made by a RUN\n" {
			t.Errorf("it printed %q", got)
		}
	}
	ref := reference("docker")
	out := filepath.Join(t.TempDir(), "out.tar")
	for what, args := range map[string][]string{
		"push":                {"--push"},
		"write OCI images":    {"-o", "type=oci,dest=" + out},
		"write docker tars":   {"-o", "type=docker,dest=" + out},
		"attach attestations": {"--sbom"},
	} {
		res := run(t, env, world.bin, append([]string{"build", small(t), "--builder", "default", "-t", ref, "--progress", "quiet"}, args...)...)
		want := "the builder default (docker) cannot " + what + ", as its image store is not containerd's"
		if res.code != 2 || !strings.Contains(res.stderr, want) || !strings.Contains(res.stderr, "leave --builder out to build with the engine in this program") {
			t.Errorf("exit %d, want %q in\n%s", res.code, want, res.stderr)
		}
	}
	absent(t, ref)
	if left, _ := os.ReadDir(filepath.Dir(out)); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// containerBuilds makes an image of BuildKit with whittle, lets buildx run it in
// a container, and builds and pushes with that.
func containerBuilds(t *testing.T, env, elsewhere []string) {
	runc, err := exec.LookPath("runc")
	if err != nil {
		t.Fatal(err)
	}
	must := func(bin string, args ...string) {
		t.Helper()
		if res := run(t, env, bin, args...); res.code != 0 {
			t.Fatalf("%s %s: exit %d\n%s", filepath.Base(bin), strings.Join(args, " "), res.code, res.stderr)
		}
	}
	must(world.bin, "pack", tool(t, "buildkitd")+":/usr/bin/buildkitd", tool(t, "buildctl")+":/usr/bin/buildctl", runc+":/usr/bin/runc",
		"--user", "keep", "--entrypoint", "/usr/bin/buildkitd", "-t", "e2e/buildkit:1", "--load")
	buildx := tool(t, "buildx")
	create := []string{"create", "--driver", "docker-container", "--driver-opt", "image=e2e/buildkit:1,network=host", "--buildkitd-config", world.config}
	must(buildx, append(create, "--name", "box", "--bootstrap")...)
	t.Cleanup(func() {
		rm := exec.Command(buildx, "rm", "box", "unborn")
		rm.Env = append(os.Environ(), env...)
		_ = rm.Run()
	})
	must(buildx, append(create, "--name", "unborn")...)

	dir, ref, own := small(t), reference("container"), reference("container")
	build := func(t *testing.T, want string) {
		t.Helper()
		// The instance knows its docker engine, which need not be the
		// current one.
		res := run(t, elsewhere, world.bin, "build", dir, "--builder", "box", "-t", ref, "--push", "--progress", "quiet")
		if res.code != 0 || !strings.Contains(res.stderr, want) {
			t.Fatalf("exit %d, want %q in\n%s", res.code, want, res.stderr)
		}
	}
	build(t, "building with box (docker-container), as --builder names it")
	img := pull(t, ref)
	runs(t, img, "made by a RUN")
	if res := whittle(t, shared(), "build", dir, "-t", own, "--push", "--progress", "quiet"); res.code != 0 {
		t.Fatalf("exit %d\n%s", res.code, res.stderr)
	}
	one, err := img.Digest()
	if err != nil {
		t.Fatal(err)
	}
	two, err := pull(t, own).Digest()
	if err != nil {
		t.Fatal(err)
	}
	if one != two {
		// The embedded engine has loaded the same image before, see "load":
		// that must not change how its layer is compressed.
		t.Errorf("the container made %s, the embedded engine %s", one, two)
	}
	named := run(t, append([]string{"BUILDKIT_HOST=docker-container://buildx_buildkit_box0"}, env...), world.bin, "build", dir, "--progress", "quiet")
	if named.code != 0 || !strings.Contains(named.stderr, "building with docker-container://buildx_buildkit_box0, as BUILDKIT_HOST is set") {
		t.Errorf("exit %d\n%s", named.code, named.stderr)
	}
	must(buildx, "stop", "box")
	build(t, "building with box (docker-container)")

	res := run(t, elsewhere, world.bin, "build", dir, "--builder", "unborn", "--progress", "quiet")
	if want := "docker buildx inspect --bootstrap unborn makes it"; res.code != 3 || !strings.Contains(res.stderr, want) {
		t.Errorf("exit %d, want %q in\n%s", res.code, want, res.stderr)
	}
}
