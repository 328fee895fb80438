package decide_test

import (
	"bytes"
	"fmt"
	"io/fs"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/whittle-oci/whittle/builder/decide"
	"github.com/whittle-oci/whittle/builder/image"
	"github.com/whittle-oci/whittle/builder/need/elf/elftest"
	"github.com/whittle-oci/whittle/builder/tree"
)

// large is more than what is not worth a layer.
var large = bytes.Repeat([]byte("0123456789abcdef"), 8<<10)

// runtimeBase is a base image with a program of its own and what it needs.
func runtimeBase(x *tree.Memory) {
	x.File("/usr/local/bin/run", 0o755, elftest.File{Interp: "/lib/ld.so", Needed: []string{"librun.so"}, Sections: []elftest.Section{{Name: ".large", Data: large}}}.Bytes())
	x.File("/lib/ld.so", 0o755, elftest.File{Library: true, SoName: "ld.so"}.Bytes())
	x.File("/lib/librun.so", 0o644, elftest.File{Library: true, SoName: "librun.so"}.Bytes())
	x.File("/lib/libmore.so", 0o644, append(elftest.File{Library: true, SoName: "libmore.so"}.Bytes(), large...))
	x.File("/usr/local/share/run/data", 0o644, large)
	x.File("/var/lib/dpkg/status", 0o644, []byte("Package: more\nStatus: install ok installed\nVersion: 1\nArchitecture: amd64\n"))
	x.File("/var/lib/dpkg/info/more.list", 0o644, []byte("/lib/libmore.so\n"))
}

// onRuntime puts files on the base image.
func onRuntime(put func(*tree.Memory)) decide.Input {
	base, built, changed := &tree.Memory{}, &tree.Memory{}, &tree.Memory{}
	runtimeBase(base)
	runtimeBase(built)
	put(built)
	put(changed)
	return decide.Input{Tree: built, Changed: changed, Base: base, Config: config("/usr/local/bin/run", "/srv/app/main")}
}

// listed writes what a layer holds, but for directories.
func listed(l image.Layer) string {
	var out []string
	for _, e := range l.Entries {
		if e.Type != image.Dir {
			out = append(out, e.Path)
		}
	}
	return l.Name + ": " + strings.Join(out, " ")
}

func TestLayers(t *testing.T) {
	const below = "runtime: /lib/ld.so /lib/librun.so /usr/local/bin/run /usr/local/share/run/data"
	main := func(x *tree.Memory) { x.File("/srv/app/main", 0o644, []byte("main")) }
	for _, tc := range []struct {
		name    string
		put     func(*tree.Memory)
		options decide.Options
		want    []string
	}{
		{name: "a small application", put: main, want: []string{below, "application: /etc/group /etc/passwd /srv/app/main"}},
		{
			name: "dependencies",
			put: func(x *tree.Memory) {
				main(x)
				x.File("/srv/app/node_modules/more/lib.js", 0o644, large)
			},
			want: []string{below, "dependencies: /etc/group /etc/passwd /srv/app/node_modules/more/lib.js", "application: /srv/app/main"},
		},
		{
			name: "a library that a module needs besides",
			put: func(x *tree.Memory) {
				main(x)
				x.File("/srv/app/native.so", 0o644, elftest.File{Library: true, Needed: []string{"libmore.so"}}.Bytes())
			},
			want: []string{below, "dependencies: /etc/group /etc/passwd /lib/libmore.so /var/lib/dpkg/status.d/more", "application: /srv/app/main /srv/app/native.so"},
		},
		{
			name: "a file of the base image that is another now",
			put: func(x *tree.Memory) {
				main(x)
				x.File("/lib/librun.so", 0o644, append(elftest.File{Library: true, SoName: "librun.so"}.Bytes(), 'x'))
			},
			want: []string{"dependencies: /etc/group /etc/passwd /lib/ld.so /usr/local/bin/run /usr/local/share/run/data", "application: /lib/librun.so /srv/app/main"},
		},
		{
			name: "names of one file stay together",
			put: func(x *tree.Memory) {
				main(x)
				x.File("/srv/app/node_modules/more/lib.js", 0o644, large)
				x.Link("/srv/app/lib.js", "/srv/app/node_modules/more/lib.js")
			},
			want: []string{below, "application: /etc/group /etc/passwd /srv/app/lib.js /srv/app/main /srv/app/node_modules/more/lib.js"},
		},
		{
			name: "a directory of the base image with another mode",
			put: func(x *tree.Memory) {
				main(x)
				x.Dir("/usr/local/share", 0o777)
			},
			want: []string{below, "application: /etc/group /etc/passwd /srv/app/main"},
		},
		{name: "exclude: keeps a file of the base image out", put: main, options: decide.Options{Exclude: []string{"/usr/local/share/run"}}, want: []string{
			"runtime: /lib/ld.so /lib/librun.so /usr/local/bin/run", "application: /etc/group /etc/passwd /srv/app/main",
		}},
		{name: "one layer", put: main, options: decide.Options{OneLayer: true}, want: []string{
			": /etc/group /etc/passwd /lib/ld.so /lib/librun.so /srv/app/main /usr/local/bin/run /usr/local/share/run/data",
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			in := onRuntime(tc.put)
			in.Options = tc.options
			p, err := decide.Decide(t.Context(), in)
			if err != nil {
				t.Fatal(err)
			}
			wellFormed(t, in, p)
			var got []string
			for _, l := range p.Layers {
				got = append(got, listed(l))
			}
			if d := cmp.Diff(tc.want, got); d != "" {
				t.Errorf("layers (-want +got):\n%s", d)
			}
		})
	}
}

// TestSharedLayer makes images of applications that have nothing in common but
// their base image: the layer that they share is the same in every byte.
func TestSharedLayer(t *testing.T) {
	var want []image.Entry
	for i := range 8 {
		in := onRuntime(func(x *tree.Memory) {
			x.File("/srv/app/main", 0o644, fmt.Append(nil, i))
			x.File(fmt.Sprintf("/opt/%d/x", i), 0o600, large)
			x.Add(fmt.Sprintf("/usr/local/%d", i), tree.Entry{Mode: 0o755 | fs.ModeDir, UID: i}, nil)
			x.Add("/usr/local/share", tree.Entry{Mode: fs.FileMode(0o700+i) | fs.ModeDir, UID: i}, nil)
		})
		in.Config.User = []string{"", "root", "1000", "1000:0", "app", "0:0", "65532", "7"}[i]
		if i == 4 {
			in.Config.User = ""
			in.Options.User = "keep"
		}
		in.Config.Env = append(in.Config.Env, fmt.Sprintf("X=%d", i))
		p, err := decide.Decide(t.Context(), in)
		if err != nil {
			t.Fatal(err)
		}
		l := p.Layers[0]
		if !l.Base || l.Name != "runtime" {
			t.Fatalf("application %d shares nothing: %s", i, listed(l))
		}
		for i := range l.Entries {
			l.Entries[i].Reason = "" // in no tar
			l.Entries[i].Droppable, l.Entries[i].Built = false, 0
		}
		if i == 0 {
			want = l.Entries
		}
		if d := cmp.Diff(want, l.Entries); d != "" {
			t.Errorf("application %d (-first +this):\n%s", i, d)
		}
	}
}
