//go:build linux

package e2e

import (
	"debug/elf"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"archive/tar"
	"bytes"
	"errors"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/validate"
)

// maxGoHello and maxCHello are the bars for the two smallest programs, in
// bytes of files.
const (
	maxGoHello = 1_600_000
	maxCHello  = 452
)

func TestGoStatic(t *testing.T) {
	_, img, res := build(t, "gohello")
	have := files(t, img)
	t.Logf("a Go hello image holds %d bytes of files (bar %d)", sum(have), maxGoHello)
	// The program, and who its user is.
	if sum(have) > maxGoHello || len(have) != 3 {
		t.Errorf("files %v", have)
	}
	if !strings.Contains(res.stderr, "go: made static") {
		t.Errorf("the report does not say that Go was made static:\n%s", res.stderr)
	}
	runs(t, img, "Hello, world!")
}

func TestGoWithCgo(t *testing.T) {
	_, img, res := build(t, "gocgo")
	if want := "cgo is used by example.test/gocgo, example.test/gocgo/sum"; !strings.Contains(res.stderr, want) {
		t.Errorf("the report does not say %q:\n%s", want, res.stderr)
	}
	for _, name := range []string{"/usr/lib/x86_64-linux-gnu/libc.so.6", "/usr/share/doc/zlib1g/copyright", "/var/lib/dpkg/status.d/zlib1g"} {
		if _, ok := files(t, img)[name]; !ok {
			t.Errorf("%s is not in the image", name)
		}
	}
	runs(t, img, "zlib: true\nsum: 42")
}

func TestCGlibc(t *testing.T) {
	_, img, _ := build(t, "chello")
	c, err := img.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	if c.Config.User != "65534:65534" {
		t.Errorf("user %s, want nobody's number", c.Config.User)
	}
	runs(t, img, "hello from zlib 1.")
}

func TestCWithoutLibrary(t *testing.T) {
	_, img, _ := build(t, "cnostdlib")
	n := sum(files(t, img))
	t.Logf("a C hello image without libc holds %d bytes of files (bar %d)", n, maxCHello)
	if have := files(t, img); n > maxCHello || len(have) != 1 {
		t.Errorf("files %v", have)
	}
	runs(t, img, "Hello, world!")
}

func TestCMusl(t *testing.T) {
	_, img, _ := build(t, "cmusl")
	if have := files(t, img); len(have) != 4 {
		t.Errorf("files %v, want the program, its loader, passwd and group", have)
	}
	runs(t, img, "hello from musl")
}

func TestEntrypointScript(t *testing.T) {
	_, img, res := build(t, "script")
	if !strings.Contains(res.stderr, "/entrypoint.sh needs a shell, so the image has /bin/sh") {
		t.Errorf("no warning about the shell:\n%s", res.stderr)
	}
	// The script makes a directory in its volume.
	runs(t, img, "hello-from-script")
	refused := whittle(t, shared(), "build", "testdata/apps/script", "--no-shell", "--progress", "quiet")
	if refused.code != 1 || !strings.Contains(refused.stderr, "no-shell is set") {
		t.Errorf("--no-shell: exit %d\n%s", refused.code, refused.stderr)
	}
}

func TestMultiStage(t *testing.T) {
	_, img, res := build(t, "multistage")
	have := files(t, img)
	for _, name := range []string{"/etc/multi/app.conf", "/srv/public/1.html", "/srv/public/6.html", "/usr/local/bin/multi"} {
		if _, ok := have[name]; !ok {
			t.Errorf("%s is not in the image", name)
		}
	}
	if _, ok := have["/srv/public/.env"]; ok {
		t.Error("the .env file is in the image")
	}
	if !strings.Contains(res.stderr, "/srv/public/.env was left out") {
		t.Errorf("nothing is said of the .env file:\n%s", res.stderr)
	}
	c, err := img.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	if c.Config.User != "4711:4711" {
		t.Errorf("user %s", c.Config.User)
	}
	modes := map[string]string{}
	for _, h := range headers(t, img) {
		modes["/"+strings.TrimSuffix(h.Name, "/")] = fmt.Sprintf("%d:%d %04o", h.Uid, h.Gid, h.Mode)
	}
	for name, want := range map[string]string{
		"/data": "4711:0 0775", "/cache": "4711:0 0775", "/srv": "4711:0 0775", "/home/app": "4711:0 0775",
		"/srv/public": "0:0 0755", "/usr/local/bin/multi": "0:0 0755", "/etc/multi/app.conf": "0:0 0644",
	} {
		if modes[name] != want {
			t.Errorf("%s is %s, want %s", name, modes[name], want)
		}
	}
	runs(t, img, "name = multi\npages: 6 uid: ")
}

func headers(t *testing.T, img v1.Image) []*tar.Header {
	t.Helper()
	rc := mutate.Extract(img)
	defer rc.Close()
	var out []*tar.Header
	tr := tar.NewReader(rc)
	for {
		h, err := tr.Next()
		if errors.Is(err, io.EOF) {
			return out
		}
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, h)
	}
}

// TestMultiPlatform builds for two platforms, of which the machine is one, a
// program that the Dockerfile compiles for the other, and one that it does not.
func TestMultiPlatform(t *testing.T) {
	for _, file := range []string{"Dockerfile", "Dockerfile.emulated"} {
		t.Run(file, func(t *testing.T) { multiPlatform(t, file) })
	}
}

func multiPlatform(t *testing.T, file string) {
	ref := reference("multiplatform")
	res := whittle(t, shared(), "build", "testdata/apps/multiplatform", "-f", "testdata/apps/multiplatform/"+file, "--platform", "linux/amd64,linux/arm64", "-t", ref, "--push", "--progress", "quiet")
	if res.code != 0 {
		t.Fatalf("exit %d\n%s", res.code, res.stderr)
	}
	r, err := name.ParseReference(ref, name.Insecure)
	if err != nil {
		t.Fatal(err)
	}
	index, err := remote.Index(r, remote.WithContext(t.Context()))
	if err != nil {
		t.Fatal(err)
	}
	if err := validate.Index(index); err != nil {
		t.Error(err)
	}
	for arch, machine := range map[string]elf.Machine{"amd64": elf.EM_X86_64, "arm64": elf.EM_AARCH64} {
		img, err := remote.Image(r, remote.WithContext(t.Context()), remote.WithPlatform(v1.Platform{OS: "linux", Architecture: arch}))
		if err != nil {
			t.Fatal(err)
		}
		c := unpack(t, img)
		f, err := elf.Open(filepath.Join(c.dir, "rootfs", "hello"))
		if err != nil {
			t.Fatal(err)
		}
		if f.Machine != machine {
			t.Errorf("the program for %s is for %s", arch, f.Machine)
		}
		f.Close()
	}
}

// TestRefusals builds what cannot run. Each gives its line and nothing is
// pushed.
func TestRefusals(t *testing.T) {
	for file, want := range map[string]string{
		"library.Dockerfile":     "library.Dockerfile:8: ENTRYPOINT: /app needs libanswer.so, which is not in the built image",
		"version.Dockerfile":     "version.Dockerfile:11: ENTRYPOINT: /app needs V_2 of libanswer.so",
		"interpreter.Dockerfile": "interpreter.Dockerfile:6: ENTRYPOINT: /run.sh begins with #!/usr/bin/zsh, which is not in the built image",
		"shell.Dockerfile":       "shell.Dockerfile:7: CMD: the shell form needs /bin/sh, which is not in the built image",
		"cmd.Dockerfile":         "cmd.Dockerfile:2: CMD: server is not along PATH",
		"healthcheck.Dockerfile": "healthcheck.Dockerfile:2: HEALTHCHECK: curl is not along PATH",
		"nothing.Dockerfile":     "nothing to run: the final stage has neither ENTRYPOINT nor CMD",
	} {
		t.Run(file, func(t *testing.T) {
			ref := reference("refused")
			res := whittle(t, shared(), "build", "testdata/apps/errors", "-f", "testdata/apps/errors/"+file, "-t", ref, "--push", "--progress", "quiet")
			if res.code != 1 || !strings.Contains(res.stderr, want) {
				t.Errorf("exit %d, want 1 and %q in\n%s", res.code, want, res.stderr)
			}
			absent(t, ref)
		})
	}
	t.Run("emulation", func(t *testing.T) {
		if _, err := os.Stat("/proc/sys/fs/binfmt_misc/qemu-aarch64"); err == nil {
			t.Skip("an emulator for arm64 is installed")
		}
		ref := reference("refused")
		res := whittle(t, shared(), "build", "testdata/apps/multiplatform", "-f", "testdata/apps/multiplatform/Dockerfile.install", "--platform", "linux/arm64", "-t", ref, "--push", "--progress", "quiet")
		if want := `"FROM --platform=$BUILDPLATFORM golang:1.26 AS build"`; res.code != 1 || !strings.Contains(res.stderr, want) {
			t.Errorf("exit %d, want 1 and %q in\n%s", res.code, want, res.stderr)
		}
		absent(t, ref)
	})
}

// TestReproducible builds twice from nothing and compares digests.
func TestReproducible(t *testing.T) {
	var digests []string
	for range 2 {
		ref := reference("multistage")
		state := t.TempDir()
		res := whittle(t, state, "build", "testdata/apps/multistage", "-t", ref, "--push", "--progress", "quiet")
		if res.code != 0 {
			t.Fatalf("exit %d\n%s", res.code, res.stderr)
		}
		digests = append(digests, res.stdout)
		runs(t, pull(t, ref), "pages: 6")
	}
	if digests[0] != digests[1] {
		t.Errorf("two builds from nothing: %s and %s", digests[0], digests[1])
	}
}

// TestWeb builds the careless service and talks to it.
func TestWeb(t *testing.T) {
	_, img, _ := build(t, "web")
	peer := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "peer") }))
	defer peer.Close()
	c := unpack(t, img)
	for i, user := range []string{ownUser, randomUser} {
		addr := fmt.Sprintf(":%d", 18080+i)
		cmd := c.command(t, user, "/usr/local/bin/web", "-addr", addr)
		var log bytes.Buffer
		cmd.Stdout, cmd.Stderr = &log, &log
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		page := get(t, "http://127.0.0.1"+addr+"/", &log)
		if !strings.Contains(page, "<h1>Open</h1>") {
			t.Errorf("the page is %q", page)
		}
		var who struct{ UID, GID int }
		if err := json.Unmarshal([]byte(get(t, "http://127.0.0.1"+addr+"/whoami", &log)), &who); err != nil {
			t.Error(err)
		}
		if want := strings.SplitN(map[string]string{ownUser: "65532:65532", randomUser: randomUser}[user], ":", 2)[0]; fmt.Sprint(who.UID) != want {
			t.Errorf("it runs as %d, want %s", who.UID, want)
		}
		// The peer's certificate is nobody's: with a bundle that is the
		// reason, without one it would be that there are no roots at all.
		if got := get(t, "http://127.0.0.1"+addr+"/fetch?url="+url.QueryEscape(peer.URL), &log); !strings.Contains(got, "certificate signed by unknown authority") {
			t.Errorf("TLS: %q", got)
		}
		if err := cmd.Process.Signal(os.Interrupt); err != nil {
			t.Error(err)
		}
		_ = cmd.Wait()
	}
}

// get asks until the service answers; it is given some seconds to start.
func get(t *testing.T, url string, log *bytes.Buffer) string {
	t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for {
		res, err := http.Get(url)
		if err == nil {
			defer res.Body.Close()
			b, err := io.ReadAll(res.Body)
			if err != nil {
				t.Fatal(err)
			}
			return string(b)
		}
		if time.Now().After(deadline) {
			t.Fatalf("%v\n%s", err, log)
		}
		time.Sleep(20 * time.Millisecond)
	}
}
