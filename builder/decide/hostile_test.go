package decide_test

import (
	"errors"
	"fmt"
	"io/fs"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/whittle-oci/whittle/builder/decide"
	"github.com/whittle-oci/whittle/builder/image"
	"github.com/whittle-oci/whittle/builder/need/elf/elftest"
	"github.com/whittle-oci/whittle/builder/tree"
)

// words repeats a command line.
func words(n int, argv ...string) []string { return slices.Repeat(argv, n/len(argv)) }

// TestHostile plans images of what nobody builds by accident: each is decided
// or refused by name, in bounded time and memory.
func TestHostile(t *testing.T) {
	script := func(name, text string) func(*tree.Memory) {
		return func(t *tree.Memory) { t.File(name, 0o755, []byte("#!/bin/sh\n"+text)) }
	}
	for _, tc := range []struct {
		stage
		memory uint64 // MB that are allocated in all, 0 for 100
	}{
		{stage: stage{name: "directories in circles", base: debian, change: func(t *tree.Memory) {
			for i := range 200 {
				t.Symlink(fmt.Sprintf("/srv/l%d", i), fmt.Sprintf("l%d/../l%d", (i+1)%200, (i+7)%200))
			}
			t.Symlink("/srv/self", "self")
			t.Symlink("/srv/up", "..")
			t.Symlink("/srv/deep/a/b", "../../deep")
			t.File("/srv/deep/a/file", 0o644, nil)
		}, config: env("PATH=/srv/self:/srv/l0:/srv/up/usr/bin", "LD_LIBRARY_PATH=/srv/l1"), options: decide.Options{Include: []string{"/srv/**", "/srv/up"}, Writable: []string{"/srv/self/x"}}, has: []string{"0644 0:0 /srv/deep/a/file"}}},
		{stage: stage{name: "a directory where the base image has a circle", base: func(t *tree.Memory) { debian(t); t.Symlink("/opt/x", "x") }, change: func(t *tree.Memory) {
			t.Remove("/opt/x")
			t.File("/opt/x/file", 0o644, []byte("x"))
		}, has: []string{"0644 0:0 /opt/x/file"}}},
		{stage: stage{name: "circles where the loader looks", base: debian, change: func(t *tree.Memory) {
			t.Symlink("/etc/ld.so.conf.d", "ld.so.conf.d")
			t.File("/etc/ld.so.conf", 0o644, []byte("include /etc/ld.so.conf.d/*.conf\ninclude /etc/ld.so.conf\n"))
			t.File(loader, 0o755, elftest.File{Library: true}.Bytes())
			t.File("/app", 0o755, elftest.File{Interp: loader}.Bytes())
		}, has: []string{"0755 0:0 " + loader}}},
		{stage: stage{name: "a loader that is a pipe", base: debian, change: func(t *tree.Memory) {
			t.Add(loader, tree.Entry{Mode: fs.ModeNamedPipe | 0o777}, nil)
			t.File("/app", 0o755, elftest.File{Interp: loader}.Bytes())
		}, refused: "/app needs " + loader}},
		{stage: stage{name: "pipes and devices wherever a file is looked for", base: debian, change: func(t *tree.Memory) {
			for _, name := range []string{"/etc/ld.so.cache", "/etc/ld.so.conf", "/etc/nsswitch.conf", "/etc/ssl/certs/ca-certificates.crt", "/srv/entry.sh", "/var/lib/dpkg/status", "/usr/local/bin/sh", "/etc/localtime", "/.env", "/srv/id_rsa"} {
				t.Remove(name)
				t.Add(name, tree.Entry{Mode: fs.ModeNamedPipe | 0o777}, nil)
			}
			t.File("/entry.sh", 0o755, []byte("#!/bin/sh\n. /srv/entry.sh\nsh /srv/id_rsa\nexec /app\n"))
		}, config: entrypoint("/entry.sh"), has: []string{"0755 0:0 /usr/bin/sh"}}},
		{stage: stage{name: "names that are not UTF-8", base: debian, change: func(t *tree.Memory) {
			t.File("/srv/\xff\xfe/\x80", 0o600, []byte("x"))
			t.Symlink("/srv/link", "\xff\xfe/\x80")
			t.File("/srv/\xc3(.sh", 0o755, []byte("#!/bin/\xff\n"))
		}, config: entrypoint("/app", "/srv/\xff\xfe/\x80"), options: decide.Options{Exclude: []string{"/srv/x*"}}, has: []string{"0600 65532:0 /srv/\xff\xfe/\x80"}}},
		{stage: stage{name: "a CMD of 100,000 words", base: debian, config: command([]string{"/app"}, words(100_000, "/etc/passwd", "--x=/etc/group", "y"))}, memory: 200},
		{stage: stage{name: "one that a script runs", base: debian, change: script("/entry.sh", "exec \"$@\"\n"), config: command([]string{"/entry.sh"}, words(100_000, "sed", "/etc/passwd"))}, memory: 200},
		{stage: stage{name: "a shell form of 100,000 words", base: debian, config: command(nil, "/app "+strings.Join(words(100_000, "a", "/etc/x"), " "))}, memory: 400},
		{stage: stage{name: "10,000 further commands", base: debian, options: decide.Options{Commands: slices.Repeat([][]string{{"/app"}}, 10_000)}}},
		{stage: stage{name: "wrappers that call wrappers", base: debian, config: entrypoint(words(100_000, "tini", "--")...), refused: "does not settle"}, memory: 400},
		{stage: stage{name: "a script that runs itself", base: debian, change: script("/entry.sh", "exec \"$@\"\n"), config: entrypoint(words(100_000, "/entry.sh")...), refused: "does not settle"}, memory: 1000},
		{stage: stage{name: "scripts that run each other", base: debian, change: func(t *tree.Memory) {
			for i := range 300 {
				script(fmt.Sprintf("/srv/%d.sh", i), fmt.Sprintf(". /srv/%d.sh\n/srv/%d.sh \"$@\"\nexec \"$@\"\n", (i+1)%300, (i+9)%300))(t)
			}
		}, config: command([]string{"/srv/0.sh"}, []string{"/srv/1.sh", "/app"})}, memory: 300},
		{stage: stage{name: "an interpreter that is the script", base: debian, change: func(t *tree.Memory) { t.File("/entry.sh", 0o755, []byte("#!/entry.sh\n")) }, config: entrypoint("/entry.sh")}},
		{stage: stage{name: "directories in directories", base: debian, change: func(t *tree.Memory) {
			dir := "/srv"
			for range 500 {
				dir += "/d"
				t.File(dir+"/a", 0o644, nil)
				t.File(dir+"/b", 0o600, nil)
			}
		}}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			in := tc.input()
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			start := time.Now()
			p, err := decide.Decide(t.Context(), in)
			took := time.Since(start)
			runtime.ReadMemStats(&after)
			if mb := (after.TotalAlloc - before.TotalAlloc) >> 20; mb > max(tc.memory, 100) || took > 30*time.Second {
				t.Errorf("%d MB, %v", mb, took)
			} else {
				t.Logf("%d MB, %v", mb, took)
			}
			if tc.refused != "" {
				tc.failure(t, err)
				return
			}
			if errors.As(err, new(*image.RefusedError)) || errors.As(err, new(*image.UnsupportedError)) {
				if tc.has != nil {
					t.Error(err)
				}
				t.Log(err.Error()[:min(len(err.Error()), 300)])
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			got := show(p)
			for _, want := range tc.has {
				if !slices.Contains(got, want) {
					t.Errorf("%q is not among %q", want, got)
				}
			}
		})
	}
}

// TestManyEntries lets what a decision allocates grow with the tree, and not
// with its square.
func TestManyEntries(t *testing.T) {
	cost := func(n int) float64 {
		x := forest(n)
		in := decide.Input{Tree: x, Changed: x, Base: &tree.Memory{}, Config: config("/app")}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		if _, err := decide.Decide(t.Context(), in); err != nil {
			t.Fatal(err)
		}
		runtime.ReadMemStats(&after)
		return float64(after.TotalAlloc - before.TotalAlloc)
	}
	small, large := cost(2_000), cost(16_000)
	if large > 10*small || large > 16_000*10_000 {
		t.Errorf("%.0f MB for 2,000 files, %.0f MB for 16,000", small/(1<<20), large/(1<<20))
	}
}
