package packages_test

import (
	"slices"
	"testing"

	"github.com/whittle-oci/whittle/builder/packages"
	"github.com/whittle-oci/whittle/builder/tree"
)

func namesOf(pkgs []packages.Package) []string {
	var out []string
	for _, p := range pkgs {
		out = append(out, p.Name+":"+p.Arch)
	}
	return out
}

// TestDepends resolves relations in both formats: alternatives, provided names,
// versions, architectures, circles, what nothing meets.
func TestDepends(t *testing.T) {
	deb, apk := &tree.Memory{}, &tree.Memory{}
	deb.File("/var/lib/dpkg/status", 0o644, []byte(`Package: app
Status: hold ok installed
Architecture: i386
Version: 1
Pre-Depends: lib (>= 1.2~)
Depends: gone | virtual:any (= 2) [amd64] <!nocheck>, half,
 unmet, app, real

Package: lib
Status: install ok installed
Architecture: amd64
Version: 1

Package: lib
Status: install ok installed
Architecture: i386
Version: 1
Depends: app

Package: real
Status: install ok installed
Architecture: all
Version: 1
Provides: virtual (= 2), other

Package: half
Status: install ok half-installed
Architecture: all
Version: 1
`))
	apk.File("/lib/apk/db/installed", 0o644, []byte("P:app\nV:1\nA:x86\nD:so:libz.so.1 cmd:sh>=1 !conflict plain~2 app\n\nP:zlib\nV:1\nA:x86\np:so:libz.so.1=1.3\n\nP:busybox\nV:1\nA:x86\np:cmd:sh=1\nD:so:libc\n\nP:musl\nV:1\nA:x86\np:so:libc=1\n\nP:plain\nV:2\nA:x86\n"))
	for name, tc := range map[string]struct {
		tree *tree.Memory
		want []string
		base []string
	}{
		"dpkg": {deb, []string{"lib:i386", "real:all"}, nil},
		"apk":  {apk, []string{"zlib:x86", "busybox:x86", "plain:x86"}, []string{"busybox", "musl"}},
	} {
		db := open(t, tc.tree)
		installed, err := db.Installed(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		got, err := db.Depends(t.Context(), installed[0])
		if err != nil || !slices.Equal(namesOf(got), tc.want) {
			t.Errorf("%s: %q, %v, want %q", name, namesOf(got), err, tc.want)
		}
		var base []string
		for _, p := range installed {
			if in, err := db.BaseSystem(t.Context(), p); err != nil {
				t.Fatal(err)
			} else if in {
				base = append(base, p.Name)
			}
		}
		if !slices.Equal(base, tc.base) {
			t.Errorf("%s: the base system is %q, want %q", name, base, tc.base)
		}
	}
}

// TestDiverted knows a file by the name that a diversion gave it.
func TestDiverted(t *testing.T) {
	x := &tree.Memory{}
	x.File("/var/lib/dpkg/status", 0o644, []byte("Package: dash\nStatus: install ok installed\nVersion: 1\nArchitecture: amd64\n\nPackage: other\nStatus: install ok installed\nVersion: 1\nArchitecture: amd64\n"))
	x.File("/var/lib/dpkg/diversions", 0o644, []byte("/usr/bin/tool\n/usr/bin/tool.real\nother\nrelative\nx\n:\n/cut"))
	x.File("/var/lib/dpkg/info/dash.list", 0o644, []byte("/usr/bin/tool\n"))
	x.File("/var/lib/dpkg/info/other.list", 0o644, []byte("/usr/bin/tool\n"))
	db := open(t, x)
	for name, want := range map[string]string{"/usr/bin/tool": "other", "/usr/bin/tool.real": "dash"} {
		if p, ok, err := db.Owner(t.Context(), name); err != nil || !ok || p.Name != want {
			t.Errorf("%s: %+v, %v, want %s", name, p, err, want)
		}
	}
}

// TestMetapackage stands for what it depends on when it is asked for.
func TestMetapackage(t *testing.T) {
	x := &tree.Memory{}
	x.File("/var/lib/dpkg/status", 0o644, []byte("Package: meta\nStatus: install ok installed\nVersion: 1\nArchitecture: all\nDepends: real, meta\n\nPackage: real\nStatus: install ok installed\nVersion: 1\nArchitecture: all\n"))
	x.File("/var/lib/apt/extended_states", 0o644, []byte("Package: real\nAuto-Installed: 1\n"))
	x.File("/var/lib/dpkg/info/meta.list", 0o644, []byte("/.\n/usr\n/usr/share\n/usr/share/doc\n/usr/share/doc/meta\n/usr/share/doc/meta/copyright\n"))
	x.File("/var/lib/dpkg/info/real.list", 0o644, []byte("/usr/bin/real\n"))
	asked, err := open(t, x).Asked(t.Context(), nil)
	if err != nil || !slices.Equal(namesOf(asked), []string{"real:all"}) {
		t.Errorf("%q, %v", namesOf(asked), err)
	}
}
