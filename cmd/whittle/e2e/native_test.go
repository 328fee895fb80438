//go:build linux

package e2e

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/whittle-oci/whittle/builder/report"
	"github.com/whittle-oci/whittle/builder/trace"
)

// A nativeApp is a program of a distribution, or one of its own that uses what
// a distribution has: testdata/native/NAME.txtar. The archive holds the build
// context; its comment has one "KEY: VALUE" a line:
//
//	about         what the app shows
//	kind          what it is an example of
//	want          a regular expression that "rc CODE\nLOGS: OUTPUT\nPROBE: ANSWER" matches
//	output        "same" where it prints what it prints as written, to the byte
//	probe         shell commands that ask it, see clients
//	args          arguments in place of CMD
//	stdin         a file of the archive
//	tmpfs         PATH[:OPTIONS] …, where UID and GID stand for the image's user
//	capabilities  "default" for those that container engines give, otherwise none
//	writable      "yes" where the root is
//	options       further arguments of whittle build
//	without       PATH: REASON, a difference that is right for this app; may be repeated
type nativeApp struct {
	name                                                  string
	about, kind, want, output, probe, stdin, capabilities string
	writable                                              bool
	args, tmpfs, options                                  []string
	files                                                 []txtar.File
	without                                               []difference
	sum                                                   string // of all of this
}

func readNative(t testing.TB, file string) *nativeApp {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	archive := txtar.Parse(text)
	// What is only compared does not run anew.
	hash := sha256.Sum256(regexp.MustCompile(`(?m)^(about|kind|without): .*\n`).ReplaceAll(text, nil))
	a := &nativeApp{name: strings.TrimSuffix(filepath.Base(file), ".txtar"), files: archive.Files, sum: hex.EncodeToString(hash[:8])}
	for line := range strings.Lines(string(archive.Comment)) {
		key, value, ok := strings.Cut(strings.TrimSpace(line), ": ")
		if !ok {
			t.Fatalf("%s: %q is not KEY: VALUE", file, line)
		}
		switch key {
		case "about":
			a.about = value
		case "kind":
			a.kind = value
		case "want":
			a.want = value
		case "output":
			a.output = value
		case "probe":
			a.probe = value
		case "stdin":
			a.stdin = value
		case "capabilities":
			a.capabilities = value
		case "writable":
			a.writable = value == "yes"
		case "args":
			a.args = strings.Fields(value)
		case "tmpfs":
			a.tmpfs = strings.Fields(value)
		case "options":
			a.options = strings.Fields(value)
		case "without":
			name, reason, ok := strings.Cut(value, ": ")
			if !ok {
				t.Fatalf("%s: without: %q has no reason", file, value)
			}
			a.without = append(a.without, difference{name, reason})
		default:
			t.Fatalf("%s: the key %q is not known", file, key)
		}
	}
	return a
}

// context writes the build context.
func (a *nativeApp) context(t testing.TB) string {
	t.Helper()
	dir := t.TempDir()
	for _, f := range a.files {
		name := filepath.Join(dir, filepath.FromSlash(f.Name))
		mode := os.FileMode(0o644)
		if bytes.HasPrefix(f.Data, []byte("#!")) {
			mode = 0o755
		}
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, f.Data, mode); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// native is what the tests of native apps share. Where WHITTLE_NATIVE_STATE
// names a directory, what was built and seen as written is kept there.
type native struct {
	dir, buildkit, clients string
}

func newNative(t *testing.T) *native {
	t.Helper()
	n := &native{dir: os.Getenv("WHITTLE_NATIVE_STATE")}
	if n.dir == "" {
		n.dir = t.TempDir()
	}
	n.buildkit = daemonIn(t, filepath.Join(n.dir, "buildkit"))
	n.clients = n.unpacked(t, &nativeApp{name: "clients", sum: clientsSum(), files: []txtar.File{{Name: "Dockerfile", Data: []byte(clients)}}})
	for name, minor := range map[string]int{"null": 3, "zero": 5, "urandom": 9} {
		_ = exec.Command("mknod", "-m", "666", filepath.Join(n.clients, "dev", name), "c", "1", fmt.Sprint(minor)).Run()
	}
	return n
}

// clients has the programs that ask the apps. They run in the app's network,
// but in a root of their own.
const clients = `FROM debian:bookworm-slim
RUN apt-get update && apt-get install -y --no-install-recommends curl postgresql-client openssh-client ldap-utils bind9-dnsutils redis-tools mariadb-client swaks netcat-openbsd snmp && rm -rf /var/lib/apt/lists/*
CMD ["bash"]
`

func clientsSum() string {
	sum := sha256.Sum256([]byte(clients))
	return hex.EncodeToString(sum[:8])
}

// daemonIn starts a buildkitd whose state is kept.
func daemonIn(t testing.TB, root string) string {
	t.Helper()
	socket := filepath.Join(t.TempDir(), "bk.sock")
	config := filepath.Join(t.TempDir(), "buildkitd.toml")
	text, err := os.ReadFile(world.config)
	if err != nil {
		t.Fatal(err)
	}
	text = append([]byte("[worker.oci]\ngc = true\nreservedSpace = \"12GB\"\nmaxUsedSpace = \"12GB\"\n"), text...)
	if err := os.WriteFile(config, text, 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(tool(t, "buildkitd"), "--root", root, "--addr", "unix://"+socket, "--config", config, "--oci-worker-net", "host", "--containerd-worker=false")
	var log syncBuffer
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
		c, err := net.Dial("unix", socket)
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

// asWritten builds an app with BuildKit alone.
func (n *native) asWritten(t *testing.T, a *nativeApp) v1.Image {
	t.Helper()
	dir, out := a.context(t), filepath.Join(t.TempDir(), "layout")
	res := run(t, nil, tool(t, "buildctl"), "--addr", n.buildkit, "build", "--frontend", "dockerfile.v0", "--local", "context="+dir, "--local", "dockerfile="+dir,
		"--output", "type=oci,tar=false,compression=uncompressed,dest="+out, "--progress", "plain")
	if res.code != 0 {
		t.Fatalf("building %s as written: %s", a.name, tail(res.stderr, 40))
	}
	return onlyImage(t, out)
}

func tail(s string, n int) string {
	lines := strings.Split(strings.TrimSpace(s), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}

func onlyImage(t testing.TB, dir string) v1.Image {
	t.Helper()
	index, err := layout.ImageIndexFromPath(dir)
	if err != nil {
		t.Fatal(err)
	}
	m, err := index.IndexManifest()
	if err != nil {
		t.Fatal(err)
	}
	img, err := index.Image(m.Manifests[0].Digest)
	if err != nil {
		t.Fatal(err)
	}
	return img
}

// unpacked is a root that is kept.
func (n *native) unpacked(t *testing.T, a *nativeApp) string {
	t.Helper()
	dest := filepath.Join(n.dir, a.name+"-"+a.sum)
	if _, err := os.Stat(dest); err == nil {
		return dest
	}
	c := unpack(t, n.asWritten(t, a))
	if err := os.RemoveAll(dest); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("mv", filepath.Join(c.dir, "rootfs"), dest).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return dest
}

// seen is what an image did.
type seen struct {
	Answer string   `json:"answer"` // see nativeApp's want
	Stdout []byte   `json:"stdout"`
	Code   int      `json:"code"`
	Opened []string `json:"opened"`
	Bytes  int64    `json:"bytes"` // of files
	Files  int      `json:"files"`
	// Owners are the packages of what was opened, of an image as written.
	Owners map[string]string `json:"owners,omitempty"`
}

// show runs an unpacked image and asks it.
func (n *native) show(t *testing.T, a *nativeApp, c *container) seen {
	t.Helper()
	config := c.config.Config
	p := trace.Program{
		Root: filepath.Join(c.dir, "rootfs"), Env: config.Env, WorkingDir: config.WorkingDir, User: config.User, Writable: a.writable,
		Args: slices.Concat(config.Entrypoint, config.Cmd),
	}
	if len(a.args) > 0 {
		p.Args = slices.Concat(config.Entrypoint, a.args)
	}
	for dir := range config.Volumes {
		p.Volumes = append(p.Volumes, dir)
	}
	slices.Sort(p.Volumes)
	if a.capabilities == "default" {
		p.Capabilities = trace.DefaultCapabilities()
	}
	uid, gid, err := trace.User(t.Context(), p.Root, p.User)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range a.tmpfs {
		p.Tmpfs = append(p.Tmpfs, strings.NewReplacer("UID", fmt.Sprint(uid), "GID", fmt.Sprint(gid)).Replace(s))
	}
	if a.stdin != "" {
		i := slices.IndexFunc(a.files, func(f txtar.File) bool { return f.Name == a.stdin })
		if i < 0 {
			t.Fatalf("%s has no file %s", a.name, a.stdin)
		}
		p.Stdin = bytes.NewReader(a.files[i].Data)
	}
	var log, stdout syncBuffer
	p.Stdout, p.Stderr = both{&stdout, &log}, &log
	run, err := trace.Start(t.Context(), p)
	if err != nil {
		t.Fatalf("%s: %v", a.name, err)
	}
	answer := ""
	if a.probe != "" {
		answer = n.ask(t, a, run, &log)
	}
	if a.probe == "" {
		select {
		case <-run.Done():
		case <-time.After(time.Minute):
			answer = "(does not end)"
		}
	}
	run.Stop()
	res, err := run.Wait()
	if err != nil {
		answer += "\n" + err.Error()
	}
	s := seen{Stdout: []byte(stdout.String()), Answer: fmt.Sprintf("rc %d\nLOGS: %s\nPROBE: %s", res.ExitCode, log.String(), answer), Code: res.ExitCode, Opened: res.Opened}
	return s
}

// both writes to two buffers.
type both [2]*syncBuffer

// Write implements io.Writer.
func (b both) Write(p []byte) (int, error) {
	_, _ = b[0].Write(p)
	return b[1].Write(p)
}

// ask probes a service until the answer is right, or it is not any more.
func (n *native) ask(t *testing.T, a *nativeApp, run *trace.Container, log *syncBuffer) string {
	t.Helper()
	want := regexp.MustCompile("(?s)" + a.want)
	deadline := time.Now().Add(20 * time.Second)
	answer := ""
	for time.Now().Before(deadline) {
		select {
		case <-run.Done():
			return answer + "(it has ended)"
		case <-time.After(200 * time.Millisecond):
		}
		cmd := exec.CommandContext(t.Context(), "nsenter", fmt.Sprintf("--net=/proc/%d/ns/net", run.Pid()), "chroot", n.clients, "/bin/bash", "-c", a.probe)
		cmd.Env = []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root"}
		out, _ := cmd.CombinedOutput()
		answer = string(out)
		if want.MatchString("rc 0\nLOGS: " + log.String() + "\nPROBE: " + answer) {
			return answer
		}
	}
	return answer
}

// original is what an app does as written, asked once.
func (n *native) original(t *testing.T, a *nativeApp) seen {
	t.Helper()
	file := filepath.Join(n.dir, "seen", a.name+"-"+a.sum+".json")
	var s seen
	if text, err := os.ReadFile(file); err == nil && json.Unmarshal(text, &s) == nil {
		return s
	}
	img := n.asWritten(t, a)
	c := unpack(t, img)
	s = n.show(t, a, c)
	s.count(t, c)
	s.Owners = packagesOf(t, filepath.Join(c.dir, "rootfs"), s.Opened)
	if !a.right(s, s) {
		t.Fatalf("%s as written does not do what it should: %s\nwant %s", a.name, tail(s.Answer, 40), a.want)
	}
	text, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, text, 0o644); err != nil {
		t.Fatal(err)
	}
	return s
}

func (s *seen) count(t *testing.T, c *container) {
	t.Helper()
	err := filepath.Walk(filepath.Join(c.dir, "rootfs"), func(_ string, info os.FileInfo, err error) error {
		if err == nil && info.Mode().IsRegular() {
			s.Bytes += info.Size()
			s.Files++
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func (a *nativeApp) right(s, written seen) bool {
	if a.output == "same" && !bytes.Equal(s.Stdout, written.Stdout) {
		return false
	}
	return regexp.MustCompile("(?s)" + a.want).MatchString(s.Answer)
}

// minimal builds an app with whittle.
func (n *native) minimal(t *testing.T, a *nativeApp) (v1.Image, *report.Report, result) {
	t.Helper()
	dir, out := a.context(t), filepath.Join(t.TempDir(), "layout")
	args := append([]string{"build", dir, "-o", "type=oci,tar=false,dest=" + out, "--progress", "quiet", "--json"}, a.options...)
	res := run(t, []string{"BUILDKIT_HOST=" + n.buildkit, "BUILDKITD_CONFIG=" + world.config, "XDG_DATA_HOME=" + filepath.Join(n.dir, "whittle")}, world.bin, args...)
	if res.code != 0 {
		return nil, nil, res
	}
	return onlyImage(t, out), onlyReport(t, res), res
}

// TestNative builds every native app as written and made minimal, runs both and
// asks both. WHITTLE_NATIVE is a directory of apps, or 1 for testdata/native.
func TestNative(t *testing.T) {
	dir := os.Getenv("WHITTLE_NATIVE")
	switch dir {
	case "":
		t.Skip("make native runs this")
	case "1":
		dir = filepath.Join(world.root, "testdata", "native")
	}
	apps, err := filepath.Glob(filepath.Join(dir, "*.txtar"))
	if err != nil || len(apps) == 0 {
		t.Fatalf("no apps in %s: %v", dir, err)
	}
	n := newNative(t)
	var lines []string
	for _, file := range apps {
		a := readNative(t, file)
		t.Run(a.name, func(t *testing.T) {
			line := n.compare(t, a)
			lines = append(lines, line)
			fmt.Println(line)
		})
	}
	t.Log("\n" + strings.Join(lines, "\n"))
}

// TestNativeFew does so with some that cost little and need nobody to ask them.
func TestNativeFew(t *testing.T) {
	for _, name := range []string{"own-plugin-directory"} {
		t.Run(name, func(t *testing.T) {
			a := readNative(t, filepath.Join(world.root, "testdata", "native", name+".txtar"))
			dir, out := a.context(t), filepath.Join(t.TempDir(), "layout")
			res := whittle(t, shared(), append([]string{"build", dir, "-o", "type=oci,tar=false,dest=" + out, "--progress", "quiet", "--json"}, a.options...)...)
			if res.code != 0 {
				t.Fatalf("exit %d\n%s", res.code, res.stderr)
			}
			big, small := unpack(t, asWritten(t, dir)), unpack(t, onlyImage(t, out))
			n := &native{}
			written, got := n.show(t, a, big), n.show(t, a, small)
			if !a.right(written, written) {
				t.Fatalf("as written it says %s\nwant %s", written.Answer, a.want)
			}
			written.Owners = packagesOf(t, filepath.Join(big.dir, "rootfs"), written.Opened)
			if missing := unexplained(t, small, written, onlyReport(t, res), a.without); !a.right(got, written) || len(missing) > 0 {
				t.Errorf("it says %s\nwant %s\nnot in the image, and no warning names it: %q\n%s", got.Answer, a.want, missing, res.stderr)
			}
		})
	}
}

// compare gives one line of what became of an app.
func (n *native) compare(t *testing.T, a *nativeApp) string {
	t.Helper()
	written := n.original(t, a)
	img, r, res := n.minimal(t, a)
	warnings := 0
	if r != nil {
		warnings = len(r.Warnings)
	}
	line := func(verdict string, s seen) string {
		return fmt.Sprintf("%-26s %-4s %-8s %7.2f MB -> %6.2f MB in %4d files, %d warnings", a.name, a.kind, verdict, float64(written.Bytes)/1e6, float64(s.Bytes)/1e6, s.Files, warnings)
	}
	if img == nil {
		t.Errorf("whittle build: exit %d\n%s", res.code, res.stderr)
		return line("refused", seen{})
	}
	c := unpack(t, img)
	var s seen
	s.count(t, c)
	got := n.show(t, a, c)
	got.Bytes, got.Files = s.Bytes, s.Files
	if os.Getenv("WHITTLE_NATIVE_SHOW") != "" {
		t.Logf("%s\n%s", res.stderr, got.Answer)
	}
	missing := unexplained(t, c, written, r, a.without)
	if !a.right(got, written) {
		t.Errorf("it says %s\nwant %s\nmissing: %s\n%s", tail(got.Answer, 30), a.want, strings.Join(missing, "\n         "), res.stderr)
		return line("BROKEN", got)
	}
	if len(missing) > 0 {
		t.Errorf("opened as written, not in the image, and no warning names it:\n\t%s", strings.Join(missing, "\n\t"))
	}
	return line("works", got) + fmt.Sprintf(", %d differences", len(missing))
}
