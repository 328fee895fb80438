package decide_test

import (
	"fmt"
	"testing"

	"github.com/whittle-oci/whittle/builder/decide"
	"github.com/whittle-oci/whittle/builder/need/elf/elftest"
	"github.com/whittle-oci/whittle/builder/tree"
)

// BenchmarkRelations plans a program that links a library, with and without the
// relations of packages: eighty that depend on each other, each with a library,
// data and modules.
func BenchmarkRelations(b *testing.B) {
	s := stage{base: debian, config: entrypoint("/app"), change: func(t *tree.Memory) {
		const packages = 80
		var list []deb
		for i := range packages {
			name := fmt.Sprintf("lib%d.so.1", i)
			files := map[string][]byte{multiarch + name: library(name)}
			for f := range 20 {
				files[fmt.Sprintf("/usr/share/lib%d/%d", i, f)] = text
				files[fmt.Sprintf("%slib%d/%d.so", multiarch, i, f)] = library(fmt.Sprintf("%d.so", f), name)
			}
			list = append(list, deb{name: fmt.Sprintf("lib%d", i), automatic: true, depends: fmt.Sprintf("lib%d, lib%d", (i+1)%packages, (i*7)%packages), files: files})
		}
		debs(t, list...)
		t.File("/app", 0o755, program(elftest.File{Needed: []string{"lib0.so.1"}}))
	}}
	for _, strict := range []bool{true, false} {
		name := "auto"
		if strict {
			name = "strict"
		}
		b.Run(name, func(b *testing.B) {
			in := s.input()
			in.Options.StrictPackages = strict
			for b.Loop() {
				if _, err := decide.Decide(b.Context(), in); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
