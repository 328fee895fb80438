package decide_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/whittle-oci/whittle/builder/decide"
	"github.com/whittle-oci/whittle/builder/image"
	"github.com/whittle-oci/whittle/builder/need/elf/elftest"
	"github.com/whittle-oci/whittle/builder/need/toy"
	"github.com/whittle-oci/whittle/builder/tree"
)

// TestAddRuntime adds a runtime as CONTRIBUTING says, a folder and a line, and
// decides about an application of it.
func TestAddRuntime(t *testing.T) {
	built := &tree.Memory{}
	built.File("/usr/bin/toy", 0o755, elftest.File{}.Bytes())
	built.File("/srv/main.toy", 0o644, []byte("use greet\n"))
	built.File("/usr/lib/toy/greet.toy", 0o644, []byte("use text\n"))
	built.File("/usr/lib/toy/text.toy", 0o644, []byte("use greet\n"))
	built.File("/usr/lib/toy/unused.toy", 0o644, []byte("say never\n"))
	in := decide.Input{Tree: built, Config: config("toy", "run", "main"), Options: decide.Options{NoEvidence: true}}
	in.Config.WorkingDir, in.Config.Env = "/srv", []string{"PATH=/usr/bin"}
	p, err := decide.With(t.Context(), in, toy.Runtime{}, toy.Runtime{})
	if err != nil {
		t.Fatal(err)
	}
	var files []string
	for _, e := range p.Entries {
		if e.Type == image.File {
			files = append(files, e.Path)
		}
	}
	if want := []string{"/srv/main.toy", "/usr/bin/toy", "/usr/lib/toy/greet.toy", "/usr/lib/toy/text.toy"}; !slices.Equal(files, want) {
		t.Errorf("files %v, want %v", files, want)
	}
	if len(p.Components) != 3 {
		t.Errorf("components %+v", p.Components)
	}
	built.File("/srv/main.toy", 0o644, []byte("use missing\n"))
	_, err = decide.With(t.Context(), in, toy.Runtime{}, toy.Runtime{})
	if !errors.As(err, new(*image.RefusedError)) || !strings.Contains(err.Error(), "/usr/lib/toy/missing.toy is not in the built image") {
		t.Errorf("a library that is not there: %v", err)
	}
}
