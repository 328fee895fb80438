//go:build linux

package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/whittle-oci/whittle/builder/image"
	"github.com/whittle-oci/whittle/builder/report"
	"github.com/whittle-oci/whittle/builder/trace"
)

// An interpretedApp is one below testdata/apps that runs on a language with a
// runtime.
type interpretedApp struct {
	name  string
	want  string   // a regular expression that what it prints and answers matches
	probe string   // shell commands that ask it
	argv  []string // of the image: ENTRYPOINT and CMD
	gone  []string // paths that the image has not
	warns []string // parts of warnings
	quiet bool     // there is none but that the base image brought the runtime
	ci    bool     // make ci runs it, make test does not
	scan  bool     // syft finds the same packages in both images
	heavy bool     // make languages runs it, make ci does not
	root  bool     // it needs root, so that nobody else can run it
	more  []difference
}

// nodeGone is what no image of Node.js needs that starts no package manager.
var nodeGone = []string{"/usr/local/lib/node_modules/npm", "/usr/local/include", "/opt", "/usr/local/bin/npm", "/usr/local/bin/docker-entrypoint.sh", "/usr/local/README.md"}

// shellGone is the same where no shell is needed either.
var shellGone = append([]string{"/bin/sh", "/usr/bin/env"}, nodeGone...)

// shimOnly are libraries of sed, which the shims of pnpm run.
var shimOnly = []difference{{"/usr/lib/*/libpcre2-8.so*", "sed"}, {"/usr/lib/*/libselinux.so*", "sed"}, {"/usr/lib/*/libacl.so*", "sed"}, {"/usr/bin/sed", "sed"}}

var nodeApps = []interpretedApp{
	{
		name: "node-express", scan: true, probe: "curl -sf -m 10 http://127.0.0.1:3000/ http://127.0.0.1:3000/version", want: `<h1>hello</h1>\n.*"version":"1.4.0","options":"--no-deprecation","visits":"one`,
		argv: []string{"node", "server.js"}, gone: shellGone, warns: []string{"/usr/src/app/server.js:8 writes to /usr/src/app/data"},
		ci: true,
	},
	{name: "node-addon", want: `worker: true png 8`, argv: []string{"node", "--enable-source-maps", "."}, gone: shellGone, quiet: true, ci: true},
	{name: "node-script", want: `migrated tar \(GNU tar\)`, argv: []string{"./entrypoint.sh", "node", "server.js"}, gone: nodeGone, warns: []string{"/app/server.js:4 runs a command line by a shell"}, heavy: true},
	{name: "node-cli", want: `tool 2.0.1: HELLO`, argv: []string{"/opt/tool/bin/tool.js", "--shout", "hello"}, gone: append([]string{"/bin/sh"}, nodeGone[:2]...), quiet: true, heavy: true},
	{
		name: "node-multistage", probe: "curl -sf -m 10 http://127.0.0.1:3000/", want: `{"hello":"world","level":"warn"}`,
		argv: []string{"node", "--enable-source-maps", "./dist/server.js"}, gone: shellGone, quiet: true,
	},
	{name: "node-pnpm", want: `hello pnpm, 2.0.0 here, 2.1.3 there`, argv: []string{"node", "/repo/packages/api/node_modules/greet/cli.js", "--name", "pnpm"}, gone: shellGone, heavy: true, more: shimOnly},
	{
		name: "node-npm", want: `(?s)entry.*before.*9.9.9 a few words.*after`, argv: []string{"/app/entrypoint.sh", "npm", "start"}, gone: []string{"/usr/local/include", "/opt"},
		warns: []string{"has a script prestart as well"}, ci: true,
	},
	{name: "node-typescript", want: `port 8080, Linux`, argv: []string{"node", "dist/main"}, gone: nodeGone, warns: []string{"are there for development alone, by npm's own list: @types/node, typescript, undici-types", "/app/dist/main.js:6 runs a command line by a shell"}, heavy: true},
	{name: "node-debian", want: `from debian 1.234,5 ok`, argv: []string{"nodejs", "app.js"}, gone: []string{"/bin/sh", "/usr/bin/perl"}, quiet: true, heavy: true},
	{name: "node-checklist", want: `(?m)^all [0-9]+ checks pass$`, argv: []string{"node", "checks.js"}, gone: shellGone, ci: true},
}

// TestNode builds applications of Node.js from ordinary Dockerfiles, runs what
// comes out as its own user and as one that OpenShift makes up, with nothing
// writable but what the report names, and holds it to the image as written.
func TestNode(t *testing.T) {
	for _, a := range nodeApps {
		t.Run(a.name, func(t *testing.T) {
			a.due(t)
			a.test(t)
		})
	}
}

// due skips an app that a heavier level of tests runs.
func (a interpretedApp) due(t *testing.T) {
	t.Helper()
	all := os.Getenv("WHITTLE_LANGUAGES") != ""
	switch {
	case a.heavy && !all:
		t.Skip("make languages runs this")
	case a.ci && !all && os.Getenv("WHITTLE_E2E") != "ci":
		t.Skip("make ci runs this")
	}
}

func (a interpretedApp) test(t *testing.T) {
	dir, out := filepath.Join(world.root, "testdata", "apps", a.name), filepath.Join(t.TempDir(), "layout")
	res := whittle(t, shared(), "build", dir, "-o", "type=oci,tar=false,compression=uncompressed,dest="+out, "--progress", "quiet", "--json")
	if res.code != 0 {
		t.Fatalf("exit %d\n%s", res.code, res.stderr)
	}
	r := onlyReport(t, res)
	if r == nil {
		t.Fatalf("it is built as written:\n%s", res.stderr)
	}
	small := unpack(t, onlyImage(t, out))
	a.said(t, small, r)
	want := regexp.MustCompile(a.want)
	users := []string{ownUser, randomUser}
	if a.root {
		users = users[:1]
	}
	for _, user := range users {
		if s := a.show(t, small, user, readOnly(r, user)); !want.MatchString(s.Answer) {
			t.Errorf("as %q it says (%d)\n%s\nwant %s\n%s", user, s.Code, s.Answer, a.want, res.stderr)
		}
	}
	if os.Getenv("WHITTLE_E2E") != "ci" {
		return // make ci compares
	}
	big := unpack(t, asWritten(t, dir))
	written := a.show(t, big, ownUser, nil)
	if !want.MatchString(written.Answer) {
		t.Fatalf("as written it says (%d)\n%s\nwant %s", written.Code, written.Answer, a.want)
	}
	written.Owners = packagesOf(t, filepath.Join(big.dir, "rootfs"), written.Opened)
	for _, name := range unexplained(t, small, written, r, a.more) {
		if !leftOut(r, name) && !slices.Contains([]string{"dash", "coreutils"}, written.Owners[name]) { // of command lines that need neither now
			t.Errorf("%s was opened as written, is not in the image, and nothing says so", name)
		}
	}
	if a.scan {
		scanned(t, filepath.Join(big.dir, "rootfs"), filepath.Join(small.dir, "rootfs"))
	}
	var before, after seen
	before.count(t, big)
	after.count(t, small)
	t.Logf("%s: %.1f MB -> %.1f MB, %.0f %% smaller", a.name, float64(before.Bytes)/1e6, float64(after.Bytes)/1e6, 100-100*float64(after.Bytes)/float64(before.Bytes))
}

// found is a package that a scanner finds.
type found struct {
	Name, Version, Type string
	Locations           []struct{ Path string }
}

// scanned lets syft look for packages of languages in an image as written and
// in its minimal form, which has to have every one whose metadata it carries.
func scanned(t *testing.T, written, small string) {
	t.Helper()
	syft := peer(t, "syft")
	look := func(root string) map[string]found {
		res := run(t, []string{"SYFT_CHECK_FOR_APP_UPDATE=false"}, syft, "scan", "dir:"+root, "--base-path", root, "--override-default-catalogers", "image", "-o", "json")
		if res.code != 0 {
			t.Fatalf("exit %d\n%s", res.code, res.stderr)
		}
		var doc struct{ Artifacts []found }
		if err := json.Unmarshal([]byte(res.stdout), &doc); err != nil {
			t.Fatal(err)
		}
		out := map[string]found{}
		for _, f := range doc.Artifacts {
			if slices.Contains([]string{"python", "npm", "java-archive"}, f.Type) {
				out[f.Type+" "+f.Name+" "+f.Version] = f
			}
		}
		return out
	}
	before, after := look(written), look(small)
	if len(after) < 3 {
		t.Errorf("syft finds %d packages in the minimal image", len(after))
	}
	for what, f := range before {
		if _, ok := after[what]; ok {
			continue
		}
		carried := slices.ContainsFunc(f.Locations, func(l struct{ Path string }) bool {
			_, err := os.Lstat(filepath.Join(small, l.Path))
			return err == nil
		})
		if carried {
			t.Errorf("syft finds %s in the image as written and not in the minimal one, which has its files", what)
		} else {
			t.Logf("syft does not find %s, whose files were left out: %v", what, f.Locations)
		}
	}
}

// said holds an image and its report to what is expected.
func (a interpretedApp) said(t *testing.T, c *container, r *report.Report) {
	t.Helper()
	if argv := slices.Concat(c.config.Config.Entrypoint, c.config.Config.Cmd); !slices.Equal(argv, a.argv) {
		t.Errorf("it starts %q, want %q", argv, a.argv)
	}
	for _, name := range a.gone {
		if _, err := os.Lstat(filepath.Join(c.dir, "rootfs", name)); err == nil {
			t.Errorf("%s is in the image", name)
		}
	}
	for _, part := range a.warns {
		if !slices.ContainsFunc(r.Warnings, func(w image.Warning) bool { return strings.Contains(w.Message, part) }) {
			t.Errorf("no warning says %q: %+v", part, r.Warnings)
		}
	}
	for _, w := range r.Warnings {
		if a.quiet && !strings.Contains(w.Message, "belongs to no package, so what the base image holds beyond packages is kept") {
			t.Errorf("%+v", w)
		}
	}
}

// readOnly gives the directories to mount that a report names, for a user.
func readOnly(r *report.Report, user string) (dirs []string) {
	for _, option := range r.ReadOnly {
		dir, ok := strings.CutPrefix(option, "--tmpfs ")
		if !ok {
			continue
		}
		if user == randomUser {
			var options string
			dir, options, _ = strings.Cut(dir, ":")
			dir += ":gid=0,mode=0775"
			if strings.HasSuffix(options, "exec") {
				dir += ",exec"
			}
		}
		dirs = append(dirs, dir)
	}
	return dirs
}

// leftOut reports whether a report says that a file stays behind.
func leftOut(r *report.Report, name string) bool {
	return slices.ContainsFunc(r.Left, func(l image.Left) bool { return name == l.Path || strings.HasPrefix(name, l.Path+"/") })
}

// show runs an unpacked image as a user and asks it. Without tmpfs its root can
// be written to, as that of the image as written.
func (a interpretedApp) show(t *testing.T, c *container, user string, tmpfs []string) seen {
	t.Helper()
	config := c.config.Config
	var out syncBuffer
	p := trace.Program{
		Root: filepath.Join(c.dir, "rootfs"), Env: config.Env, WorkingDir: config.WorkingDir, User: config.User,
		Args: slices.Concat(config.Entrypoint, config.Cmd), Stdout: &out, Stderr: &out, Tmpfs: tmpfs,
	}
	if user != ownUser {
		p.User = user
	}
	if p.User == "" {
		p.Writable, p.Capabilities = len(tmpfs) == 0, trace.DefaultCapabilities()
	}
	run1, err := trace.Start(t.Context(), p)
	if err != nil {
		t.Fatal(err)
	}
	answer := ""
	for deadline := time.Now().Add(20 * time.Second); a.probe != "" && time.Now().Before(deadline); time.Sleep(100 * time.Millisecond) {
		res := run(t, nil, "nsenter", fmt.Sprintf("--net=/proc/%d/ns/net", run1.Pid()), "sh", "-c", a.probe)
		if answer = res.stdout; res.code == 0 {
			break
		}
		select {
		case <-run1.Done():
			a.probe = ""
		default:
		}
	}
	if a.probe == "" {
		select {
		case <-run1.Done():
		case <-time.After(time.Minute):
			answer += "(does not end)"
		}
	}
	run1.Stop()
	res, err := run1.Wait()
	if err != nil {
		t.Fatal(err)
	}
	return seen{Answer: answer + out.String(), Code: res.ExitCode, Opened: res.Opened}
}
