package frontend

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/moby/buildkit/client/llb"
	dockerspec "github.com/moby/docker-image-spec/specs-go/v1"
)

func TestOrigin(t *testing.T) {
	one, two := "sha256:"+strings.Repeat("a", 64), "sha256:"+strings.Repeat("b", 64)
	a, b := "docker.io/library/debian:12@"+one, "docker.io/library/golang:1.26@"+two
	debian, golang := llb.Image(a), llb.Image(b)
	for _, tc := range []struct {
		name  string
		state llb.State
		want  map[string]string
	}{
		{"two stages", debian.File(llb.Copy(golang, "/a", "/a")), map[string]string{
			BaseNameLabel: "docker.io/library/debian:12", BaseDigestLabel: one, SourcesLabel: a + " " + b,
		}},
		{"from scratch", llb.Scratch().File(llb.Copy(golang, "/a", "/a")), map[string]string{SourcesLabel: b}},
		{"no digest is known", llb.Image("docker.io/library/debian:12").File(llb.Mkdir("/x", 0o755)), map[string]string{}},
		{"no image", llb.Scratch().File(llb.Copy(llb.Local("context"), "/a", "/a")), map[string]string{}},
	} {
		def, err := tc.state.Marshal(t.Context(), llb.LinuxAmd64)
		if err != nil {
			t.Fatal(err)
		}
		got, err := origin(def.ToPB())
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(tc.want, got); d != "" {
			t.Errorf("%s (-want +got)\n%s", tc.name, d)
		}
	}
}

// TestLabelled: a Dockerfile's own label wins, that of the image it is built on
// does not.
func TestLabelled(t *testing.T) {
	image := func(labels map[string]string) *dockerspec.DockerOCIImage {
		img := &dockerspec.DockerOCIImage{}
		img.Config.Labels = labels
		return img
	}
	ours := map[string]string{BaseNameLabel: "debian:12", BaseDigestLabel: "sha256:aaaa"}
	got := labelled(image(map[string]string{BaseNameLabel: "mine", BaseDigestLabel: "theirs", "other": "x"}), image(map[string]string{BaseDigestLabel: "theirs", "other": "x"}), ours)
	want := map[string]string{BaseNameLabel: "mine", BaseDigestLabel: "sha256:aaaa", "other": "x"}
	if d := cmp.Diff(want, got.Config.Labels); d != "" {
		t.Errorf("(-want +got)\n%s", d)
	}
	if len(ours) != 2 {
		t.Errorf("the labels that were handed over have changed: %v", ours)
	}
}
