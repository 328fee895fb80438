package decide_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/whittle-oci/whittle/builder/decide"
	"github.com/whittle-oci/whittle/builder/image"
	"github.com/whittle-oci/whittle/builder/need/elf/elftest"
	"github.com/whittle-oci/whittle/builder/tree"
)

// multiArch is a tree in which dpkg has the same packages for two
// architectures, as Multi-Arch: same allows, which share files and depend on
// each other in circles.
func multiArch(t *tree.Memory) {
	var status strings.Builder
	put := func(name, arch, depends string, files ...string) {
		fmt.Fprintf(&status, "Package: %s\nStatus: install ok installed\nArchitecture: %s\nMulti-Arch: same\nSource: src%s\nDepends: %s\nVersion: 1\n\n", name, arch, name[len(name)-1:], depends)
		t.File("/var/lib/dpkg/info/"+name+":"+arch+".list", 0o644, []byte("/.\n"+strings.Join(files, "\n")+"\n"))
		for _, f := range files {
			switch {
			case strings.Contains(f, "/bin/"):
				t.File(f, 0o755, elftest.File{Interp: loader, Needed: []string{"lib0.so", "lib3.so"}}.Bytes())
			case strings.HasSuffix(f, ".so"):
				t.File(f, 0o644, elftest.File{Library: true, SoName: f[strings.LastIndex(f, "/")+1:]}.Bytes())
			default:
				t.File(f, 0o644, []byte(f))
			}
		}
	}
	t.File(loader, 0o755, elftest.File{Library: true}.Bytes())
	for i := range 8 {
		for _, arch := range []string{"amd64", "i386"} {
			triplet := map[string]string{"amd64": "x86_64-linux-gnu", "i386": "i386-linux-gnu"}[arch]
			name := fmt.Sprintf("lib%d", i)
			put(name, arch, fmt.Sprintf("lib%d, lib%d | lib%d:any", (i+1)%8, (i+3)%8, (i+5)%8),
				fmt.Sprintf("/usr/lib/%s/%s.so", triplet, name), "/usr/share/doc/"+name+"/copyright", "/usr/share/"+name+"/shared", "/etc/"+name+".conf")
		}
		// One of them under the name without its architecture, as older dpkg has it.
		put(fmt.Sprintf("tool%d", i), "amd64", fmt.Sprintf("lib%d, tool%d", i, (i+1)%8), fmt.Sprintf("/usr/bin/tool%d", i), fmt.Sprintf("/usr/share/tool%d/data", i))
	}
	t.File("/etc/ld.so.conf", 0o644, []byte("/usr/lib/x86_64-linux-gnu\n"))
	t.File("/lib/lib0.so", 0o644, elftest.File{Library: true, SoName: "lib0.so"}.Bytes())
	t.Symlink("/lib/lib3.so", "/usr/lib/x86_64-linux-gnu/lib3.so")
	t.File("/usr/bin/sh", 0o755, elftest.File{}.Bytes())
	t.Symlink("/bin", "usr/bin")
	t.File("/entry.sh", 0o755, []byte("#!/bin/sh\ntool3\ntool1\nexec tool2 \"$@\"\n"))
	t.File("/var/lib/dpkg/status", 0o644, []byte(status.String()))
}

// TestMultiArchIsStable plans one image of packages of two architectures again
// and again: maps are walked in another order each time, and it is the same.
// 200 rounds are -count=10.
func TestMultiArchIsStable(t *testing.T) {
	first := ""
	for round := range uint64(20) {
		base, built, changed := &tree.Memory{}, &tree.Memory{}, &tree.Memory{}
		base.Dir("/etc", 0o755)
		multiArch(built)
		multiArch(changed)
		in := decide.Input{Tree: built, Changed: changed, Base: base, Config: config("/entry.sh")}
		in.Config.Env = []string{"PATH=/usr/bin:/bin"}
		var p *image.Plan
		var err error
		if round%2 == 0 {
			p, err = decide.Decide(t.Context(), in)
		} else {
			p, err = decide.Shuffled(t.Context(), in, round)
		}
		if err != nil {
			t.Fatal(err)
		}
		got := mustJSON(t, p) + fmt.Sprintf("%+v", copies(p))
		if first == "" {
			first = got
			if len(p.Packages) < 4 {
				t.Fatalf("packages %+v", p.Packages)
			}
		}
		if got != first {
			t.Fatalf("round %d is another plan:\n%s\n%s", round, first, got)
		}
	}
}
