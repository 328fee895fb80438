//go:build linux

package e2e

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/moby/buildkit/client"
	"github.com/moby/buildkit/frontend/dockerfile/builder"
	"github.com/tonistiigi/fsutil"

	"github.com/whittle-oci/whittle/builder/engine/embedded"
	"github.com/whittle-oci/whittle/builder/report"
	"github.com/whittle-oci/whittle/builder/trace"
	"github.com/whittle-oci/whittle/builder/tree"
)

// A difference is a file that an image as written opens and its minimal form
// may lack.
type difference struct{ pattern, reason string }

// unexplained gives what an image opened as written and its minimal form
// neither has nor says that it lacks. More are differences that are right beside
// those that are so for every image.
func unexplained(t *testing.T, c *container, written seen, r *report.Report, more []difference) (out []string) {
	t.Helper()
	dir, err := tree.OpenDir(filepath.Join(c.dir, "rootfs"))
	if err != nil {
		t.Fatal(err)
	}
	defer dir.Close()
	lacks, err := trace.Lacks(t.Context(), dir, written.Opened)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range lacks {
		right := slices.ContainsFunc(more, func(d difference) bool {
			ok, err := path.Match(d.pattern, m.Path)
			if err != nil {
				t.Fatal(err)
			}
			return ok
		})
		if m.Expected == "" && !right && !told(r, m.Path, written.Owners[m.Path]) {
			out = append(out, m.Path)
		}
	}
	return out
}

// told reports whether a warning names a file, a directory that it lies in or
// its package, or the report a change that makes do without it.
func told(r *report.Report, name, owner string) bool {
	if r == nil {
		return false
	}
	words := func(text string) []string {
		return strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune(" ,;:\"'()\n", r) })
	}
	for _, w := range r.Warnings {
		for _, word := range words(w.Message + " " + w.Hint) {
			word = strings.TrimSuffix(strings.TrimSuffix(word, "."), "/")
			if word == name || strings.Count(word, "/") > 1 && strings.HasPrefix(name, word+"/") || owner != "" && word == owner {
				return true
			}
		}
	}
	// A program that was made static has neither loader nor libraries.
	return r.Static != nil && r.Static.Made && strings.Contains(path.Base(name), ".so")
}

// packagesOf gives the packages of files, by dpkg's lists.
func packagesOf(t *testing.T, root string, names []string) map[string]string {
	t.Helper()
	wanted, out := map[string]bool{}, map[string]string{}
	for _, name := range names {
		wanted[name] = true
	}
	lists, err := filepath.Glob(filepath.Join(root, "var/lib/dpkg/info/*.list"))
	if err != nil {
		t.Fatal(err)
	}
	for _, list := range lists {
		f, err := os.Open(list)
		if err != nil {
			t.Fatal(err)
		}
		pkg, _, _ := strings.Cut(strings.TrimSuffix(filepath.Base(list), ".list"), ":")
		for lines := bufio.NewScanner(f); lines.Scan(); {
			name := lines.Text()
			// Of before /lib became a link to /usr/lib.
			for _, n := range []string{name, "/usr" + name} {
				if wanted[n] {
					out[n] = pkg
				}
			}
		}
		f.Close()
	}
	return out
}

// onlyReport gives what whittle says of an image, nil of one that it builds as
// written.
func onlyReport(t *testing.T, res result) *report.Report {
	t.Helper()
	var told struct {
		Reports []*report.Report `json:"reports"`
	}
	if err := json.Unmarshal([]byte(res.stdout), &told); err != nil || len(told.Reports) > 1 {
		t.Fatalf("no report (%v) in\n%s", err, res.stdout)
	}
	if len(told.Reports) == 0 {
		return nil
	}
	return told.Reports[0]
}

// plainBuild is a variable that makes this program build a directory with
// BuildKit's own frontend: it holds the directory, the state of the engine, its
// configuration, where the layout goes, the directory of the Dockerfile and the
// compression. The engine's databases stay open until
// its process ends, so that it gets one of its own.
const plainBuild = "WHITTLE_E2E_PLAIN_BUILD"

// asWritten builds a directory with BuildKit's own frontend, by the engine and with
// the cache that whittle has in these tests, so that nothing is built twice.
func asWritten(t testing.TB, dir string) v1.Image {
	t.Helper()
	out := filepath.Join(t.TempDir(), "layout")
	plainly(t, dir, dir, "uncompressed", out)
	return onlyImage(t, out)
}

// plainly builds a directory by the Dockerfile of another one and writes a layout.
func plainly(t testing.TB, dir, dockerfile, compression, out string) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	args := strings.Join([]string{dir, filepath.Join(shared(), "whittle"), world.config, out, dockerfile, compression}, "\n")
	if res := run(t, []string{plainBuild + "=" + args}, self); res.code != 0 {
		t.Fatalf("building %s as written: %s", dir, res.stderr)
	}
}

func buildPlainly(ctx context.Context, args string) error {
	list := strings.Split(args, "\n")
	// Smaller than what whittle keeps, so that the state is brought down to this
	// after each of the large images that are built as written.
	e, err := embedded.Start(ctx, embedded.Options{StateDir: list[1], ConfigFile: list[2], Frontend: builder.Build, KeepBytes: 4e9})
	if err != nil {
		return err
	}
	dir, err := fsutil.NewFS(list[0])
	if err != nil {
		return errors.Join(err, e.Close())
	}
	dockerfile, err := fsutil.NewFS(list[4])
	if err == nil {
		_, err = e.Client.Solve(ctx, nil, client.SolveOpt{
			Frontend: "dockerfile.v0", LocalMounts: map[string]fsutil.FS{"context": dir, "dockerfile": dockerfile},
			Exports: []client.ExportEntry{{Type: client.ExporterOCI, OutputDir: list[3], Attrs: map[string]string{"tar": "false", "compression": list[5]}}},
		}, nil)
	}
	return errors.Join(err, e.Close())
}

// TestOracle runs apps as written and made minimal, with the same request. What
// the first opens the second has, or says that it lacks.
func TestOracle(t *testing.T) {
	for app, probe := range map[string]string{
		"chello": "", "cmusl": "", "cnostdlib": "", "gocgo": "", "gohello": "", "multistage": "", "packaged": "", "script": "", "special": "",
		"nginx": "curl -sf http://127.0.0.1:18085/ http://127.0.0.1:18085/echo",
		"web":   "curl -sf http://127.0.0.1:8080/",
	} {
		t.Run(app, func(t *testing.T) {
			// Where whittle makes Go static, the build as written is another one.
			if slices.Contains([]string{"gohello", "multistage", "web"}, app) && os.Getenv("WHITTLE_NATIVE") == "" {
				t.Skip("make native runs this: it compiles Go's library again")
			}
			_, img, res := build(t, app, "--json")
			small, big := unpack(t, img), unpack(t, asWritten(t, filepath.Join(world.root, "testdata", "apps", app)))
			written, got := observe(t, big, probe), observe(t, small, probe)
			written.Owners = packagesOf(t, filepath.Join(big.dir, "rootfs"), written.Opened)
			if len(written.Opened) == 0 {
				t.Fatal("as written it opened nothing")
			}
			for _, name := range unexplained(t, small, written, onlyReport(t, res), nil) {
				t.Errorf("%s was opened as written, is not in the image, and no warning names it", name)
			}
			if got.Code != written.Code {
				t.Errorf("it ends with %d, and as written with %d\n%s", got.Code, written.Code, got.Answer)
			}
		})
	}
}

// observe runs an unpacked image, asks it and gives what it opened.
func observe(t *testing.T, c *container, probe string) seen {
	t.Helper()
	config := c.config.Config
	var out syncBuffer
	p := trace.Program{
		Root: filepath.Join(c.dir, "rootfs"), Env: config.Env, WorkingDir: config.WorkingDir, User: config.User,
		Args: slices.Concat(config.Entrypoint, config.Cmd), Stdout: &out, Stderr: &out,
	}
	if config.User == "" {
		p.Capabilities = trace.DefaultCapabilities() // as root of a container has
	}
	for dir := range config.Volumes {
		p.Volumes = append(p.Volumes, dir)
	}
	c2, err := trace.Start(t.Context(), p)
	if err != nil {
		t.Fatal(err)
	}
	answer := ""
	for deadline := time.Now().Add(20 * time.Second); probe != "" && time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		res := run(t, nil, "nsenter", fmt.Sprintf("--net=/proc/%d/ns/net", c2.Pid()), "sh", "-c", probe)
		if answer = res.stdout; res.code == 0 {
			break
		}
	}
	if probe != "" {
		c2.Stop()
	}
	res, err := c2.Wait()
	if err != nil {
		t.Fatal(err)
	}
	if probe == "" {
		answer = out.String()
	}
	return seen{Answer: answer, Code: res.ExitCode, Opened: res.Opened}
}

// TestCompare runs a command in two images, of which one lacks what it reads.
func TestCompare(t *testing.T) {
	dir := dockerfile(t, "FROM muslbox:1\nCOPY data /srv/data\nCMD [\"/bin/busybox\", \"cat\", \"/srv/data\"]\n")
	if err := os.WriteFile(filepath.Join(dir, "data"), []byte("read\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	whole, broken := filepath.Join(t.TempDir(), "whole"), filepath.Join(t.TempDir(), "broken")
	for out, args := range map[string][]string{whole: nil, broken: {"--exclude", "/srv"}} {
		if res := whittle(t, shared(), append([]string{"build", dir, "-o", "type=oci,tar=false,dest=" + out, "--progress", "quiet"}, args...)...); res.code != 0 {
			t.Fatalf("exit %d\n%s", res.code, res.stderr)
		}
	}
	if res := whittle(t, shared(), "compare", whole, whole, "--", "/bin/busybox", "true"); res.code != 0 {
		t.Errorf("an image and itself: exit %d\n%s%s", res.code, res.stdout, res.stderr)
	}
	res := whittle(t, shared(), "compare", whole, broken)
	for _, want := range []string{broken + " lacks 1 of 2 files that " + whole + " opened\n  /srv/data\n", whole + " lacks 0 of 1 files", "in " + broken + " the command ends with 1\n  cat: can't open '/srv/data'"} {
		if res.code != 1 || !strings.Contains(res.stdout, want) {
			t.Errorf("exit %d, want 1 and %q in\n%s%s", res.code, want, res.stdout, res.stderr)
		}
	}
	res = whittle(t, shared(), "compare", "--json", whole, broken)
	var out struct {
		Images []struct {
			ExitCode int
			Lacks    []trace.Missing
		}
	}
	if err := json.Unmarshal([]byte(res.stdout), &out); err != nil || res.code != 1 || len(out.Images) != 2 || len(out.Images[1].Lacks) != 1 || out.Images[1].Lacks[0].Path != "/srv/data" {
		t.Errorf("exit %d, %v\n%s", res.code, err, res.stdout)
	}
	if res := whittle(t, shared(), "compare", whole, whole, "--", "/bin/nothing"); res.code != 3 || !strings.Contains(res.stderr, "/bin/nothing") {
		t.Errorf("a program that is not there: exit %d\n%s", res.code, res.stderr)
	}
	res = whittle(t, shared(), "compare", "--timeout", "20s", "--request", "grep -q :1F90 /proc/net/tcp /proc/net/tcp6", whole, whole, "--", "/bin/busybox", "nc", "-l", "-p", "8080")
	if res.code != 0 {
		t.Errorf("a service: exit %d\n%s%s", res.code, res.stdout, res.stderr)
	}
}
