package frontend

import (
	"context"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/containerd/platforms"
	"github.com/moby/buildkit/client/llb/sourceresolver"
	"github.com/moby/buildkit/exporter/containerimage/exptypes"
	gateway "github.com/moby/buildkit/frontend/gateway/client"
	digest "github.com/opencontainers/go-digest"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/whittle-oci/whittle/builder/graph"
	"github.com/whittle-oci/whittle/builder/image"
	"github.com/whittle-oci/whittle/builder/need/elf/elftest"
	"github.com/whittle-oci/whittle/builder/report"
	"github.com/whittle-oci/whittle/builder/tree"
)

// registry is a builder that knows every image.
type registry struct{ *builder }

// ResolveImageConfig implements gateway.Client.
func (registry) ResolveImageConfig(_ context.Context, ref string, opt sourceresolver.Opt) (string, digest.Digest, []byte, error) {
	config, err := json.Marshal(ocispecs.Image{
		Platform: *opt.ImageOpt.Platform,
		Config:   ocispecs.ImageConfig{Env: []string{"PATH=/usr/local/go/bin:/usr/bin:/bin"}},
		RootFS:   ocispecs.RootFS{Type: "layers", DiffIDs: []digest.Digest{digest.FromString(ref)}},
	})
	return ref, digest.FromString(ref + platforms.Format(*opt.ImageOpt.Platform)), config, err
}

// TestWholeBuild runs everything that runs side by side in a build, for two
// platforms at once; the race detector has its say too.
func TestWholeBuild(t *testing.T) {
	const dockerfile = "FROM --platform=$BUILDPLATFORM golang:1.26 AS build\nARG TARGETARCH\nCOPY . .\nRUN GOARCH=$TARGETARCH go build -o /app .\nFROM scratch\nCOPY --from=build /app /app\nENTRYPOINT [\"/app\"]\n"
	dir := &tree.Memory{}
	dir.File("/Dockerfile", 0o644, []byte(dockerfile))
	built := &tree.Memory{}
	built.File("/app", 0o755, elftest.File{}.Bytes())
	answer := &tree.Memory{}
	answer.File("/cgo", 0o644, nil)
	var mu sync.Mutex
	made := map[string]*image.Plan{}
	linted := 0
	b := &builder{t: t, opts: map[string]string{"platform": "linux/amd64,linux/arm64"}, solve: func(_ context.Context, _ gateway.SolveRequest, g *graph.Graph) (tree.Tree, error) {
		if what, _ := purpose(g); what == question {
			return answer, nil
		}
		return built, nil
	}}
	res, err := New(Options{
		ConfigName: ".whittle.yaml", Local: map[string]tree.Tree{"dockerfile": dir, "context": dir},
		Check: func(context.Context, Checked) ([]Finding, error) {
			linted++
			return nil, nil
		},
		OnReport: func(r *report.Report, p *image.Plan) {
			mu.Lock()
			defer mu.Unlock()
			made[r.Platform] = p
		},
	})(t.Context(), registry{b})
	if err != nil {
		t.Fatal(err)
	}
	if got := slices.Sorted(maps.Keys(res.Refs)); strings.Join(got, " ") != "linux/amd64 linux/arm64" {
		t.Errorf("refs for %q", got)
	}
	if len(made) != 2 || linted != 1 {
		t.Errorf("%d plans, linted %d times", len(made), linted)
	}
	for name, p := range made {
		if _, ok := p.Find("/app"); !ok || len(p.Entries) != 1 {
			t.Errorf("%s: %d files, /app among them: %v", name, len(p.Entries), ok)
		}
	}
	var list exptypes.Platforms
	if err := json.Unmarshal(res.Metadata[exptypes.ExporterPlatformsKey], &list); err != nil || len(list.Platforms) != 2 {
		t.Errorf("platforms %+v, %v", list, err)
	}
}

// TestFatal stops a build whose Dockerfile wants findings to stop it, and not
// for what BuildKit says itself or for small things.
func TestFatal(t *testing.T) {
	dir := &tree.Memory{}
	dir.File("/Dockerfile", 0o644, []byte("ARG A\nFROM scratch AS x\nCOPY a /\nENTRYPOINT [\"/a\"]\n"))
	built := &tree.Memory{}
	built.File("/a", 0o755, elftest.File{}.Bytes())
	for name, tc := range map[string]struct {
		found Finding
		want  string
	}{
		"fatal":      {Finding{Rule: "a-b", Severity: "warning", Message: "m", Line: 3, End: 3, Fatal: true}, "Dockerfile:3: check=error=true is asked for, and there are findings of a-b"},
		"small":      {Finding{Rule: "a-b", Severity: "info", Line: 3, End: 3, Fatal: true}, ""},
		"BuildKit's": {Finding{Rule: "a-b", Severity: "warning", Line: 3, End: 3, Aliases: []string{"DL1", "MaintainerDeprecated"}, Fatal: true}, ""},
		"not fatal":  {Finding{Rule: "a-b", Severity: "error", Line: 3, End: 3}, ""},
	} {
		var saw Checked
		b := &builder{t: t, opts: map[string]string{"target": "x", "build-arg:A": "1", "context:b": "local:b", "context:b::linux/amd64": "local:c"}, solve: func(context.Context, gateway.SolveRequest, *graph.Graph) (tree.Tree, error) { return built, nil }}
		_, err := New(Options{
			ConfigName: ".whittle.yaml", Local: map[string]tree.Tree{"dockerfile": dir, "context": dir},
			Check: func(_ context.Context, c Checked) ([]Finding, error) {
				saw = c
				return []Finding{tc.found}, nil
			},
		})(t.Context(), registry{b})
		if (err == nil) != (tc.want == "") || err != nil && err.Error() != tc.want {
			t.Errorf("%s: %v, want %s", name, err, tc.want)
		}
		if saw.Target != "x" || saw.Args["A"] != "1" || saw.Name != "Dockerfile" || !slices.Equal(saw.Contexts, []string{"b"}) {
			t.Errorf("%s: the check was told %+v", name, saw)
		}
	}
}

// TestPanics keeps a panic from ending the connection without a word, wherever
// it happens: in the build it is an error, in the question no answer.
func TestPanics(t *testing.T) {
	dir := &tree.Memory{}
	dir.File("/Dockerfile", 0o644, []byte("FROM golang:1.26\nRUN go build -o /app .\nENTRYPOINT [\"/app\"]\n"))
	built := &tree.Memory{}
	built.File("/app", 0o755, elftest.File{}.Bytes())
	built.File("/cgo", 0o644, nil)
	for _, in := range []string{question, compiled} {
		b := &builder{t: t, solve: func(_ context.Context, _ gateway.SolveRequest, g *graph.Graph) (tree.Tree, error) {
			if what, _ := purpose(g); what == in {
				panic("in the " + in)
			}
			return built, nil
		}}
		why := ""
		_, err := New(Options{
			ConfigName: ".whittle.yaml", Local: map[string]tree.Tree{"dockerfile": dir, "context": dir},
			OnReport: func(r *report.Report, _ *image.Plan) { why = r.Static.Why },
		})(t.Context(), registry{b})
		if in == compiled && (err == nil || !strings.Contains(err.Error(), "in the static")) {
			t.Errorf("a panic in the build gives %v", err)
		}
		if in == question && (err != nil || !strings.Contains(why, "in the question")) {
			t.Errorf("a panic in the question gives %v, %q", err, why)
		}
	}
}
