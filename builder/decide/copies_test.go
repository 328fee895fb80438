package decide_test

import (
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"testing"

	"github.com/whittle-oci/whittle/builder/decide"
	"github.com/whittle-oci/whittle/builder/image"
	"github.com/whittle-oci/whittle/builder/tree"
)

// TestTreesDivide copies directories of which files that no image holds, or
// that the Dockerfile's own settings bring, have to stay behind or come along.
func TestTreesDivide(t *testing.T) {
	devices := func(x *tree.Memory) {
		for i := range 8 {
			x.File(fmt.Sprintf("/srv/www/%d.html", i), 0o644, []byte("x"))
		}
		x.Add("/srv/www/pipe", tree.Entry{Mode: fs.ModeNamedPipe | 0o666}, nil)
		x.Add("/srv/www/sub/socket", tree.Entry{Mode: fs.ModeSocket | 0o777}, nil)
		x.Add("/srv/www/null", tree.Entry{Mode: fs.ModeDevice | fs.ModeCharDevice | 0o666}, nil)
		x.Add("/srv/www/disk", tree.Entry{Mode: fs.ModeDevice | 0o660}, nil)
		x.Dir("/srv/www/empty", 0o755)
		x.File("/srv/.git/HEAD", 0o644, []byte("ref"))
	}
	for _, tc := range []struct {
		name    string
		based   bool // in the base image already, so that include: alone brings it
		include []string
		members int
	}{
		{"kept", false, nil, 8},
		{"included", true, []string{"/srv"}, 9},
		{"kept and included", false, []string{"/srv"}, 9},
		{"one is included by name", false, []string{"/srv/www/null"}, 8},
	} {
		t.Run(tc.name, func(t *testing.T) {
			base, built, changed := app()
			devices(built)
			if tc.based {
				devices(base)
			} else {
				devices(changed)
			}
			in := decide.Input{Tree: built, Changed: changed, Base: base, Config: config("/app"), Options: decide.Options{Include: tc.include}}
			p, err := decide.Decide(t.Context(), in)
			if err != nil {
				t.Fatal(err)
			}
			wellFormed(t, in, p)
			if len(copies(p)) != 1 || copies(p)[0].Root != "/srv" {
				t.Fatalf("trees %+v", copies(p))
			}
			if len(copies(p)[0].Members) != tc.members {
				t.Errorf("members %v", copies(p)[0].Members)
			}
			for _, name := range []string{"/srv/www/pipe", "/srv/www/null", "/srv/www/disk", "/srv/www/sub/socket"} {
				if e, ok := p.Find(name); ok {
					t.Errorf("the image holds %s: %+v", name, e)
				}
				left := slices.ContainsFunc(p.Left, func(l image.Left) bool { return l.Path == name })
				if !left || !slices.ContainsFunc(p.Warnings, func(w image.Warning) bool { return strings.HasPrefix(w.Message, name+" was left out") }) {
					t.Errorf("nothing says that %s was left out: %+v", name, p.Left)
				}
			}
		})
	}
}
