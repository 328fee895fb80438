package decide_test

import (
	"fmt"
	"testing"

	"github.com/whittle-oci/whittle/builder/decide"
	"github.com/whittle-oci/whittle/builder/image"
	"github.com/whittle-oci/whittle/builder/need/elf/elftest"
	"github.com/whittle-oci/whittle/builder/tree"
)

// TestHardLinks holds files with several names to counting once, and to being
// one file only where owner and mode allow it.
func TestHardLinks(t *testing.T) {
	base, built, changed := app()
	for _, x := range []*tree.Memory{built, changed} {
		x.File("/opt/box", 0o755, append(elftest.File{}.Bytes(), make([]byte, 100_000)...))
		for i := range 100 {
			x.Link(fmt.Sprintf("/opt/bin/%02d", i), "/opt/box")
		}
		x.File("/srv/private", 0o640, []byte("12345"))
		x.Link("/srv/z", "/srv/private")
		x.Link("/etc/other", "/srv/private")
	}
	in := decide.Input{Tree: built, Changed: changed, Base: base, Config: config("/opt/bin/07"), Options: decide.Options{Exclude: []string{"/opt/bin/00", "/etc/other"}}}
	p, err := decide.Decide(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	wellFormed(t, in, p)
	own, linked := 0, 0
	for _, e := range p.Entries {
		switch {
		case e.Hardlink == "" && e.Type == image.File:
			own++
		case e.Hardlink != "":
			linked++
			if first, ok := p.Find(e.Hardlink); !ok || first.Hardlink != "" || e.Size != 0 || e.Hardlink >= e.Path {
				t.Errorf("%+v is a link to %+v", e, first)
			}
		}
	}
	if e, ok := p.Find("/opt/bin/02"); !ok || e.Hardlink != "/opt/bin/01" {
		t.Errorf("%+v", e)
	}
	if e, ok := p.Find("/srv/z"); !ok || e.Hardlink != "/srv/private" {
		t.Errorf("%+v", e)
	}
	bytes, files := p.Size()
	if linked != 100 || files != own || bytes > 110_000 {
		t.Errorf("%d links, %d files of their own, the plan says %d bytes in %d", linked, own, bytes, files)
	}
}
