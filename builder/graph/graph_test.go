package graph_test

import (
	"testing"

	"github.com/moby/buildkit/client/llb"

	"github.com/whittle-oci/whittle/builder/graph"
)

func TestBase(t *testing.T) {
	image := llb.Image("docker.io/library/debian:12")
	other := llb.Image("docker.io/library/golang:1.26")
	local := llb.Local("context")
	for _, tc := range []struct {
		name  string
		state llb.State
		want  string
	}{
		{"the image itself", image, "docker-image://docker.io/library/debian:12"},
		{"after a RUN", image.Run(llb.Shlex("true")).Root(), "docker-image://docker.io/library/debian:12"},
		{"after copies from another stage", image.File(llb.Copy(other, "/a", "/a").Mkdir("/b", 0o755)).File(llb.Copy(local, "/c", "/c")), "docker-image://docker.io/library/debian:12"},
		{"a mount does not count", image.Run(llb.Shlex("true"), llb.AddMount("/go", other)).Root(), "docker-image://docker.io/library/debian:12"},
		{"merged", llb.Merge([]llb.State{image, other}), "docker-image://docker.io/library/debian:12"},
		{"scratch", llb.Scratch().File(llb.Copy(other, "/a", "/a")), ""},
		{"a directory is no image", local.Run(llb.Shlex("true")).Root(), ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			def, err := tc.state.Marshal(t.Context(), llb.LinuxAmd64)
			if err != nil {
				t.Fatal(err)
			}
			g, err := graph.Parse(def.ToPB())
			if err != nil {
				t.Fatal(err)
			}
			d, id, ok := g.Base()
			if ok != (tc.want != "") || ok && id != tc.want {
				t.Fatalf("base %q, %v; want %q", id, ok, tc.want)
			}
			if !ok {
				return
			}
			cut, err := g.UpTo(d, 0)
			if err != nil {
				t.Fatal(err)
			}
			if len(cut.Def) != 2 {
				t.Errorf("the base alone has %d ops, want the source and the end", len(cut.Def))
			}
		})
	}
}
