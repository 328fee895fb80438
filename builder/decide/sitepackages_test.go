package decide_test

import (
	"fmt"
	"runtime"
	"testing"

	dockerspec "github.com/moby/docker-image-spec/specs-go/v1"

	"github.com/whittle-oci/whittle/builder/decide"
	"github.com/whittle-oci/whittle/builder/need/elf/elftest"
	"github.com/whittle-oci/whittle/builder/tree"
)

// sitePackages is an image of Python with some packages of twenty files each,
// one in ten with an extension module.
func sitePackages(packages int) decide.Input {
	base, built, changed := &tree.Memory{}, &tree.Memory{}, &tree.Memory{}
	for _, t := range []*tree.Memory{base, built} {
		cpython(t)
	}
	module := elftest.File{Library: true}.Bytes()
	for _, t := range []*tree.Memory{built, changed} {
		t.File("/srv/main.py", 0o644, []byte("import p1\n"))
		for n := range packages {
			dir := fmt.Sprintf("/usr/local/lib/python3.12/site-packages/p%d", n)
			for i := range 8 {
				t.File(fmt.Sprintf("%s/m%d.py", dir, i), 0o644, []byte("x = 1\n"))
				t.File(fmt.Sprintf("%s/__pycache__/m%d.cpython-312.pyc", dir, i), 0o644, make([]byte, 32))
			}
			if n%10 == 0 {
				t.File(dir+"/c.cpython-312-x86_64-linux-gnu.so", 0o755, module)
			}
			t.File(fmt.Sprintf("%s-1.%d.dist-info/METADATA", dir, n), 0o644, []byte("Name: p\n"))
			t.File(fmt.Sprintf("%s-1.%d.dist-info/RECORD", dir, n), 0o644, []byte("p\n"))
		}
	}
	return decide.Input{Tree: built, Changed: changed, Base: base, Config: dockerspec.DockerOCIImageConfig{ImageConfig: config("python", "/srv/main.py").ImageConfig}}
}

// TestSitePackages keeps the packages of an interpreter whole, names them, and
// copies them in a few goes.
func TestSitePackages(t *testing.T) {
	const packages = 2000
	in := sitePackages(packages)
	in.Config.Env = []string{"PATH=/usr/local/bin:/usr/bin:/bin"}
	p, err := decide.Decide(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	if n := len(p.Components); n != packages {
		t.Errorf("%d components, want %d", n, packages)
	}
	if len(copies(p)) == 0 || len(copies(p)) > 50 {
		t.Errorf("%d copies", len(copies(p)))
	}
	if p.Bytecode == nil || p.Bytecode.Program != "/usr/local/bin/python3.12" {
		t.Errorf("compiled modules: %+v", p.Bytecode)
	}
}

// BenchmarkSitePackages holds the plan to being linear in the packages: 500 are
// a large application.
func BenchmarkSitePackages(b *testing.B) {
	for _, packages := range []int{500, 1000, 2000} {
		b.Run(fmt.Sprint(packages), func(b *testing.B) {
			in := sitePackages(packages)
			in.Config.Env = []string{"PATH=/usr/local/bin:/usr/bin:/bin"}
			b.ReportAllocs()
			for b.Loop() {
				p, err := decide.Decide(b.Context(), in)
				if err != nil {
					b.Fatal(err)
				}
				runtime.KeepAlive(p)
			}
		})
	}
}
