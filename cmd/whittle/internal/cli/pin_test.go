package cli_test

import (
	"encoding/json"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/whittle-oci/whittle/cmd/whittle/internal/cli"
)

// pinRegistry starts a registry with an image base:1 and gives its host and a
// function that moves the tag, which returns the new digest.
func pinRegistry(t *testing.T) (host string, move func() string) {
	t.Helper()
	reg := registry.New(registry.Logger(log.New(io.Discard, "", 0)))
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.Contains(r.URL.Path, "/limited/") {
			w.WriteHeader(http.StatusTooManyRequests)
			return
		}
		reg.ServeHTTP(w, r)
	}))
	t.Cleanup(s.Close)
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	t.Setenv("DOCKER_CONFIG", t.TempDir())
	host = strings.TrimPrefix(s.URL, "http://")
	return host, func() string {
		index, err := random.Index(100, 1, 2)
		if err != nil {
			t.Fatal(err)
		}
		ref, err := name.ParseReference(host + "/base:1")
		if err != nil {
			t.Fatal(err)
		}
		if err := remote.WriteIndex(ref, index); err != nil {
			t.Fatal(err)
		}
		d, err := index.Digest()
		if err != nil {
			t.Fatal(err)
		}
		return d.String()
	}
}

// call runs the program.
func call(t *testing.T, in string, args ...string) (code int, out, errs string) {
	t.Helper()
	var o, e strings.Builder
	code = cli.Main(t.Context(), args, cli.IO{In: strings.NewReader(in), Out: &o, Err: &e})
	return code, o.String(), e.String()
}

func TestPin(t *testing.T) {
	host, move := pinRegistry(t)
	first := move()
	dir := t.TempDir()
	file := filepath.Join(dir, "Dockerfile")
	text := "FROM " + host + "/base:1\nCOPY --from=" + host + "/base:1 /a /a\n"
	if err := os.WriteFile(file, []byte(text), 0o640); err != nil {
		t.Fatal(err)
	}
	read := func() string {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		return string(data)
	}
	expect := func(step string, wantCode int, wantOut, wantErr, wantFile string, args ...string) {
		t.Helper()
		code, out, errs := call(t, text, append([]string{"pin"}, args...)...)
		if code != wantCode || out != wantOut || errs != wantErr {
			t.Errorf("%s: exit code %d, want %d\nstdout %q\n  want %q\nstderr %q\n  want %q", step, code, wantCode, out, wantOut, errs, wantErr)
		}
		if got := read(); got != wantFile {
			t.Errorf("%s: the file is %q, want %q", step, got, wantFile)
		}
	}
	place := func(line int) string { return file + map[int]string{1: ":1:6: ", 2: ":2:13: "}[line] }
	at := func(d string) string { return strings.ReplaceAll(text, "/base:1", "/base:1@"+d) }
	expect("check", cli.Findings, place(1)+host+"/base:1 not pinned: it is "+first+"\n"+place(2)+host+"/base:1 not pinned: it is "+first+"\n", "", text, "--check", dir)
	code, out, _ := call(t, text, "pin", "--diff", dir)
	if code != 0 || !strings.Contains(out, "\n+FROM "+host+"/base:1@"+first+"\n") || read() != text {
		t.Errorf("diff: exit code %d, %s", code, out)
	}
	expect("standard input", cli.OK, at(first), "", text, "-")
	expect("write", cli.OK, place(1)+host+"/base:1 pinned to "+first+"\n"+place(2)+host+"/base:1 pinned to "+first+"\n", "", at(first), file)
	expect("check again", cli.OK, "", "", at(first), "--check", file)
	second := move()
	expect("left alone", cli.OK, "", "", at(first), file)
	stale := func(n int, what string) string { return place(n) + host + "/base:1@" + first + what + second + "\n" }
	expect("stale", cli.Findings, stale(1, " stale: it is now ")+stale(2, " stale: it is now "), "", at(first), "--check", file)
	expect("update", cli.OK, stale(1, " moved from "+first+" to ")+stale(2, " moved from "+first+" to "), "", at(second), "--update", file)
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o640 {
		t.Errorf("the mode is %v (%v)", info.Mode(), err)
	}
	// The cache knows what was asked last, and no more.
	expect("offline", cli.OK, "", "", at(second), "--check", "--offline", file)
	text = "FROM " + host + "/other:1\nCOPY --from=" + host + "/base:1 /a /a\n"
	code, out, errs := call(t, text, "pin", "--check", "--offline", "-")
	if code != cli.Failed || !strings.Contains(errs, "<stdin>:1: "+host+"/other:1: not in the cache") || !strings.Contains(out, "base:1 not pinned: it is "+second) {
		t.Errorf("offline: exit code %d\n%s%s", code, out, errs)
	}
	// One image that cannot be asked about does not stop the others.
	text = strings.ReplaceAll(text, "/other:1", "/limited/x:1")
	code, out, errs = call(t, text, "pin", "-")
	if code != cli.Failed || !strings.Contains(errs, "<stdin>:1: "+host+"/limited/x:1: "+host+" has been asked too often; wait, or log in") || !strings.Contains(out, "/base:1@"+second) {
		t.Errorf("limited: exit code %d\n%s%s", code, out, errs)
	}
	if code, _, errs := call(t, "", "pin", "--check", "--update"); code != cli.Usage || !strings.Contains(errs, "--check writes nothing") {
		t.Errorf("exit code %d\n%s", code, errs)
	}
	if code, _, errs := call(t, "FROM\n", "pin", "-"); code != cli.Failed || !strings.Contains(errs, "<stdin>:1: ") {
		t.Errorf("no Dockerfile: exit code %d\n%s", code, errs)
	}
}

func TestPinJSON(t *testing.T) {
	host, move := pinRegistry(t)
	digest := move()
	_, out, _ := call(t, "FROM "+host+"/base:1\nFROM "+host+"/none:1\n# whittle ignore=base-without-digest\nFROM "+host+"/base:1\n", "pin", "--check", "--json", "-")
	var got []map[string]any
	if err := json.Unmarshal([]byte(out), &got); err != nil {
		t.Fatal(err)
	}
	if len(got) != 3 || got[0]["digest"] != digest || got[0]["status"] != "unpinned" || got[0]["line"] != 1.0 || got[0]["kind"] != "FROM" ||
		got[1]["status"] != "failed" || !strings.Contains(got[1]["error"].(string), "does not have it") || got[2]["status"] != "left" || got[2]["why"] == "" {
		t.Errorf("got %s", out)
	}
}

// TestPinInline pins Dockerfiles that stand in a Compose file.
func TestPinInline(t *testing.T) {
	host, move := pinRegistry(t)
	digest := move()
	file := filepath.Join(t.TempDir(), "compose.yaml")
	text := strings.ReplaceAll("services:\n  a:\n    build:\n      dockerfile_inline: |\n        FROM HOST/base:1\n        RUN echo $$A\n  b: {build: {dockerfile_inline: FROM HOST/base:1}}\n  c:\n    build:\n      dockerfile_inline: |\n        FROM HOST/base:1\n", "HOST", host)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	code, out, errs := call(t, "", "pin", "--check", file)
	if code != cli.Findings || errs != "" || !strings.HasPrefix(out, file+":5:14: "+host+"/base:1 not pinned") || strings.Count(out, "\n") != 3 {
		t.Errorf("exit code %d\n%s%s", code, out, errs)
	}
	broken := filepath.Join(t.TempDir(), "compose.yaml")
	if err := os.WriteFile(broken, []byte(strings.Replace(text, "FROM ", "FORM ", 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, _, errs := call(t, "", "pin", "--check", broken); !strings.Contains(errs, broken+":5: ") {
		t.Errorf("a broken one: %s", errs)
	}
	code, _, errs = call(t, "", "pin", file)
	if code != cli.Failed || !strings.Contains(errs, file+":7 is not pinned: ") {
		t.Errorf("exit code %d\n%s", code, errs)
	}
	got, err := os.ReadFile(file)
	want := strings.ReplaceAll(text, "        FROM "+host+"/base:1\n", "        FROM "+host+"/base:1@"+digest+"\n")
	if d := cmp.Diff(want, string(got)); d != "" || err != nil {
		t.Errorf("%s (%v)", d, err)
	}
}

// TestOnline lints with what a registry knows of the base image.
func TestOnline(t *testing.T) {
	host, move := pinRegistry(t)
	digest := move()
	text := "FROM " + host + "/base:1\n"
	args := []string{"lint", "--no-buildkit", "--shellcheck", "off", "--only", "missing-user,base-without-digest"}
	code, out, errs := call(t, text, append(args, "--online", "-")...)
	if code != cli.Findings || errs != "" || !strings.Contains(out, "no USER is set, and "+host+"/base:1 runs as root") || !strings.Contains(out, "Pin to "+digest) {
		t.Errorf("exit code %d\n%s%s", code, out, errs)
	}
	if _, out, _ := call(t, text, append(args, "-")...); strings.Contains(out, "Pin to") {
		t.Errorf("the registry was asked without --online:\n%s", out)
	}
	code, out, _ = call(t, text, append(args, "--online", "--fix", "--unsafe", "--fix-only", "base-without-digest", "-")...)
	if want := "FROM " + host + "/base:1@" + digest + "\n"; out != want || code != cli.Findings {
		t.Errorf("exit code %d, fixed %q, want %q", code, out, want)
	}
	code, out, errs = call(t, "FROM "+host+"/none:1\n", append(args, "--online", "-")...)
	if code != cli.Failed || !strings.Contains(errs, "whittle: --online: "+host+"/none:1: "+host+" does not have it") || !strings.Contains(out, "[missing-user]") {
		t.Errorf("exit code %d\n%s%s", code, out, errs)
	}
}

// TestPlatform lints for platforms that are named, that Compose names, and by
// default.
func TestPlatform(t *testing.T) {
	host, _ := pinRegistry(t)
	ref, err := name.ParseReference(host + "/foreign:1")
	if err != nil {
		t.Fatal(err)
	}
	img, err := mutate.ConfigFile(empty.Image, &v1.ConfigFile{OS: "linux", Architecture: "s390x"})
	if err != nil {
		t.Fatal(err)
	}
	if err := remote.Write(ref, img); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "Dockerfile"), []byte("FROM "+host+"/foreign:1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	args := []string{"lint", "--shellcheck", "off", "--only", "base-platform", "--online", dir}
	for _, tc := range []struct{ flag, compose, want string }{
		{"", "", "linux/" + runtime.GOARCH},
		{"--platform=linux/arm64,linux/s390x", "", "linux/arm64"},
		{"--platform=linux/s390x", "", ""},
		{"", "services: {a: {build: {context: ., platforms: [linux/riscv64]}}}", "linux/riscv64"},
		{"", "services: {a: {platform: linux/s390x, build: .}}", ""},
	} {
		if err := os.WriteFile(filepath.Join(dir, "compose.yaml"), []byte(tc.compose), 0o600); err != nil {
			t.Fatal(err)
		}
		run := args
		if tc.flag != "" {
			run = append(args[:len(args):len(args)], tc.flag)
		}
		code, out, errs := call(t, "", run...)
		want := "foreign:1 is there for linux/s390x, and the stage is for " + tc.want
		if tc.want == "" && (code != cli.OK || out != "") || tc.want != "" && (code != cli.Findings || !strings.Contains(out, want) || strings.Count(out, "[base-platform]") != 1) || errs != "" {
			t.Errorf("%+v: exit code %d\n%s%s", tc, code, out, errs)
		}
	}
	if code, _, errs := call(t, "", append(args, "--platform", "a/b/c/d")...); code != cli.Usage || !strings.Contains(errs, "--platform a/b/c/d: want") {
		t.Errorf("exit code %d\n%s", code, errs)
	}
}

// TestContext lints with the files that COPY would take along.
func TestContext(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) {
		t.Helper()
		name = filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(".dockerignore", "kept-out\n")
	write("kept-out/.env", "TOKEN=abc123\n")
	write("service/Dockerfile", "FROM debian:12\nCOPY . /app\nUSER 1000\n")
	args := []string{"lint", "--no-buildkit", "--shellcheck", "off", "--only", "secret-in-context", filepath.Join(dir, "service")}
	if code, out, errs := call(t, "", args...); code != cli.OK || out+errs != "" {
		t.Errorf("exit code %d\n%s%s", code, out, errs)
	}
	write("config/.env", "TOKEN=abc123\n")
	if code, out, _ := call(t, "", args...); code != cli.Findings || !strings.Contains(out, "config/.env, which holds an environment with secrets") {
		t.Errorf("exit code %d\n%s", code, out)
	}
	if code, out, _ := call(t, "", append(args, "--context", filepath.Join(dir, "service"))...); code != cli.OK {
		t.Errorf("exit code %d in a context without it\n%s", code, out)
	}
}
