//go:build linux

// Package e2e builds real applications with the real command and runs what
// comes out. It needs root, runc and some minutes, so it runs only where
// WHITTLE_E2E is set: to 1 by make test, and to ci by make ci, which has the
// tests with other tools besides.
package e2e

import (
	"archive/tar"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/validate"

	"github.com/whittle-oci/whittle/testdata/bases"
)

// world is what all tests share: the command, a registry with base images, a
// configuration that sends docker.io there.
var world struct {
	root, bin, frontend string
	work                string
	registry            *bases.Registry
	config              string
}

func TestMain(m *testing.M) {
	if args := os.Getenv(plainBuild); args != "" {
		if err := buildPlainly(context.Background(), args); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	if os.Getenv("WHITTLE_E2E") == "" {
		fmt.Println("end-to-end tests run with WHITTLE_E2E=1, as make test does")
		os.Exit(0)
	}
	code, err := setUp(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, "setting up:", err)
		os.Exit(1)
	}
	os.Exit(code)
}

func setUp(m *testing.M) (code int, err error) {
	ctx := context.Background()
	if world.root, err = filepath.Abs(filepath.Join("..", "..", "..")); err != nil {
		return 1, err
	}
	if world.work, err = os.MkdirTemp("", "whittle-e2e-"); err != nil {
		return 1, err
	}
	defer os.RemoveAll(world.work)
	world.bin = filepath.Join(world.root, "bin", "whittle")
	world.frontend = filepath.Join(world.root, "bin", "whittle-frontend")
	for _, b := range []string{world.bin, world.frontend} {
		if _, err := os.Stat(b); err != nil {
			return 1, fmt.Errorf("%w; make build makes it", err)
		}
	}
	dir := filepath.Join(world.root, ".cache", "bases")
	// Some tests need a few of the bases only, and no packages of a language.
	public, some := bases.Public(ctx), strings.Fields(os.Getenv("WHITTLE_E2E_BASES"))
	if !public {
		made := some
		if len(made) == 0 {
			made = slices.DeleteFunc(bases.Names(), func(name string) bool { return !due(name) })
		}
		if err := bases.Make(ctx, dir, os.Stderr, made...); err != nil {
			return 1, err
		}
	}
	if world.registry, err = bases.Serve(ctx, dir, "127.0.0.1:0"); err != nil {
		return 1, err
	}
	defer world.registry.Close()
	if !public && len(some) == 0 {
		closeIndex, err := bases.Index(ctx, dir)
		if err != nil {
			return 1, err
		}
		defer func() { err = errors.Join(err, closeIndex()) }()
	}
	world.config = filepath.Join(world.work, "buildkitd.toml")
	text := world.registry.Config()
	if public {
		text = ""
	}
	if err := os.WriteFile(world.config, []byte(text), 0o600); err != nil {
		return 1, err
	}
	return m.Run(), nil
}

// due reports whether the level of tests that runs builds on a base image:
// those that take minutes to make are for the levels that have the time.
func due(name string) bool {
	all := os.Getenv("WHITTLE_LANGUAGES") != ""
	switch {
	case strings.HasPrefix(name, "nginx:"):
		return all
	case strings.HasPrefix(name, "eclipse-temurin:"):
		return all || os.Getenv("WHITTLE_E2E") == "ci"
	}
	return true
}

// result is one run of the command.
type result struct {
	stdout, stderr string
	code           int
}

// whittle runs the command with a state of its own unless state is given.
func whittle(t testing.TB, state string, args ...string) result {
	t.Helper()
	return run(t, []string{"XDG_DATA_HOME=" + state, "BUILDKITD_CONFIG=" + world.config}, world.bin, args...)
}

// commandTimeout is how long a command may take before its test fails, which says
// more than all tests that take too long.
const commandTimeout = 8 * time.Minute

func run(t testing.TB, env []string, bin string, args ...string) result {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), commandTimeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, bin, args...)
	cmd.Cancel, cmd.WaitDelay = func() error { return cmd.Process.Signal(syscall.SIGTERM) }, time.Minute
	cmd.Env = append(os.Environ(), env...)
	cmd.Dir = world.root
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	res := result{out.String(), errs.String(), cmd.ProcessState.ExitCode()}
	if err != nil && !errors.As(err, new(*exec.ExitError)) {
		t.Fatalf("%s: %v\n%s", bin, err, errs.String())
	}
	if ctx.Err() != nil {
		t.Fatalf("%s %s does not end\n%s", bin, strings.Join(args, " "), errs.String())
	}
	return res
}

// shared is a state that tests use one after another, so that base images are
// unpacked once.
func shared() string { return filepath.Join(world.work, "state") }

var count atomic.Int64

// reference is a new repository in the test registry, so that nothing is
// signed there yet.
func reference(what string) string {
	return fmt.Sprintf("%s/e2e/%d/%s:1", world.registry.Addr, count.Add(1), what)
}

// build builds an app and returns the image in the registry.
func build(t *testing.T, app string, args ...string) (string, v1.Image, result) {
	t.Helper()
	ref := reference(app)
	args = append([]string{"build", filepath.Join("testdata", "apps", app), "-t", ref, "--push", "--progress", "plain", "-v"}, args...)
	res := whittle(t, shared(), args...)
	if res.code != 0 {
		t.Fatalf("building %s: exit %d\n%s", app, res.code, res.stderr)
	}
	return ref, pull(t, ref), res
}

// pull fetches an image and holds it to the specification.
func pull(t testing.TB, ref string) v1.Image {
	t.Helper()
	img := fetch(t, ref)
	if err := validate.Image(img); err != nil {
		t.Errorf("%s is not a valid image: %v", ref, err)
	}
	return img
}

func fetch(t testing.TB, ref string) v1.Image {
	t.Helper()
	r, err := name.ParseReference(ref, name.Insecure)
	if err != nil {
		t.Fatal(err)
	}
	img, err := remote.Image(r, remote.WithContext(t.Context()))
	if err != nil {
		t.Fatal(err)
	}
	return img
}

// absent fails when the registry has something under the name.
func absent(t *testing.T, ref string) {
	t.Helper()
	r, err := name.ParseReference(ref, name.Insecure)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := remote.Head(r, remote.WithContext(t.Context())); err == nil {
		t.Errorf("%s is in the registry", ref)
	}
}

// files lists the regular files of an image with their sizes.
func files(t *testing.T, img v1.Image) map[string]int64 {
	t.Helper()
	out := map[string]int64{}
	rc := mutate.Extract(img)
	defer rc.Close()
	tr := tar.NewReader(rc)
	for {
		h, err := tr.Next()
		if errors.Is(err, io.EOF) {
			return out
		}
		if err != nil {
			t.Fatal(err)
		}
		if h.Typeflag == tar.TypeReg {
			out["/"+strings.TrimPrefix(h.Name, "/")] = h.Size
		}
	}
}

func sum(files map[string]int64) (n int64) {
	for _, s := range files {
		n += s
	}
	return n
}

// container is an unpacked image that runc can start.
type container struct {
	dir      string
	config   *v1.ConfigFile
	writable bool // its root is
}

func unpack(t *testing.T, img v1.Image) *container {
	t.Helper()
	c := &container{dir: t.TempDir()}
	var err error
	if c.config, err = img.ConfigFile(); err != nil {
		t.Fatal(err)
	}
	root := filepath.Join(c.dir, "rootfs")
	if err := os.Mkdir(root, 0o755); err != nil {
		t.Fatal(err)
	}
	rc := mutate.Extract(img)
	defer rc.Close()
	cmd := exec.CommandContext(t.Context(), "tar", "-x", "--numeric-owner", "--same-owner", "-p", "-C", root)
	cmd.Stdin = rc
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("unpacking: %v\n%s", err, out)
	}
	return c
}

// who an image runs as: itself, and the kind of user that OpenShift makes up.
const (
	ownUser    = ""
	randomUser = "1000680000:0"
)

// command gives the runc command for the image with a read-only root, no
// capabilities and the host's network.
func (c *container) command(t *testing.T, user string, args ...string) *exec.Cmd {
	t.Helper()
	if user == ownUser {
		user = c.config.Config.User
	}
	var uid, gid int
	if user != "" {
		if _, err := fmt.Sscanf(user, "%d:%d", &uid, &gid); err != nil {
			t.Fatalf("the image's user %q is not UID:GID", user)
		}
	}
	if len(args) == 0 {
		args = append(slices.Clone(c.config.Config.Entrypoint), c.config.Config.Cmd...)
	}
	cwd := c.config.Config.WorkingDir
	if cwd == "" {
		cwd = "/"
	}
	env := slices.Clone(c.config.Config.Env)
	if !slices.ContainsFunc(env, func(kv string) bool { return strings.HasPrefix(kv, "PATH=") }) {
		env = append(env, "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
	}
	// runc needs the mount points to be there before the root is read-only.
	for _, dir := range []string{"proc", "dev", "sys"} {
		if err := os.MkdirAll(filepath.Join(c.dir, "rootfs", dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	spec := map[string]any{
		"ociVersion": "1.0.2",
		"process": map[string]any{
			"terminal": false, "user": map[string]int{"uid": uid, "gid": gid}, "args": args, "env": env, "cwd": cwd,
			"capabilities": map[string]any{}, "noNewPrivileges": true,
		},
		"root":     map[string]any{"path": "rootfs", "readonly": !c.writable},
		"hostname": "e2e",
		"mounts": append([]map[string]any{
			{"destination": "/proc", "type": "proc", "source": "proc"},
			{"destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": []string{"nosuid", "strictatime", "mode=755", "size=65536k"}},
			{"destination": "/sys", "type": "none", "source": "/sys", "options": []string{"rbind", "ro"}},
		}, c.volumes(t)...),
		"linux": map[string]any{"namespaces": []map[string]string{{"type": "pid"}, {"type": "ipc"}, {"type": "uts"}, {"type": "mount"}}},
	}
	dt, err := json.Marshal(spec)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(c.dir, "config.json"), dt, 0o600); err != nil {
		t.Fatal(err)
	}
	id := fmt.Sprintf("whittle-e2e-%d-%d", os.Getpid(), count.Add(1))
	cmd := exec.CommandContext(t.Context(), "runc", "--root", filepath.Join(world.work, "runc"), "run", "--bundle", c.dir, id)
	t.Cleanup(func() {
		_ = exec.Command("runc", "--root", filepath.Join(world.work, "runc"), "delete", "--force", id).Run()
	})
	return cmd
}

// volumes mounts a new volume over every VOLUME, as runtimes do: with the
// content, owner and mode that the image has there.
func (c *container) volumes(t *testing.T) (mounts []map[string]any) {
	t.Helper()
	for dir := range c.config.Config.Volumes {
		var st syscall.Stat_t
		if err := syscall.Stat(filepath.Join(c.dir, "rootfs", dir), &st); err != nil {
			t.Fatalf("the volume %s: %v", dir, err)
		}
		owner := fmt.Sprintf("uid=%d,gid=%d,mode=%o", st.Uid, st.Gid, st.Mode&0o7777)
		mounts = append(mounts, map[string]any{
			"destination": dir, "type": "tmpfs", "source": "tmpfs", "options": append(strings.Split(owner, ","), "tmpcopyup"),
		})
	}
	return mounts
}

// output runs the image as a user and returns what it prints.
func (c *container) output(t *testing.T, user string, args ...string) string {
	t.Helper()
	out, err := c.command(t, user, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("running as %q: %v\n%s", user, err, out)
	}
	return string(out)
}

// runs runs the image as its own user and as a made-up one.
func runs(t *testing.T, img v1.Image, want string) {
	t.Helper()
	c := unpack(t, img)
	for _, user := range []string{ownUser, randomUser} {
		if got := c.output(t, user); !strings.Contains(got, want) {
			t.Errorf("as %q it printed %q, want %q in it", user, got, want)
		}
	}
}

// syncBuffer is a buffer that a process writes to while a test reads it.
type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

// Write implements io.Writer.
func (s *syncBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

// String gives what was written so far.
func (s *syncBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}
