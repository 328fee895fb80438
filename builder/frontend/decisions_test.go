package frontend

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/moby/buildkit/exporter/containerimage/exptypes"
	gateway "github.com/moby/buildkit/frontend/gateway/client"
	dockerspec "github.com/moby/docker-image-spec/specs-go/v1"

	"github.com/whittle-oci/whittle/builder/graph"
	"github.com/whittle-oci/whittle/builder/image"
	"github.com/whittle-oci/whittle/builder/need/elf/elftest"
	"github.com/whittle-oci/whittle/builder/report"
	"github.com/whittle-oci/whittle/builder/tree"
)

// decision is one build from a Dockerfile to what is shipped, or not.
type decision struct {
	name       string
	dockerfile string
	yaml       string
	opts       map[string]string
	args       map[string][]string
	dry        bool

	minimal bool   // a plan was made
	user    string // of the image that is shipped
	warned  string
	refused string
}

const stagesOfTwo = "FROM debian AS build\nARG WHITTLE_USER\nRUN make ${WHITTLE_USER}\nFROM debian AS app\nCOPY --from=build /app /app\nENTRYPOINT [\"/app\"]\n"

// TestDecisions holds targets, settings, budgets and fallbacks to what comes
// out of a whole build.
func TestDecisions(t *testing.T) {
	for _, tc := range []decision{
		{name: "no target", dockerfile: stagesOfTwo, minimal: true, user: "65532:65532"},
		{name: "the last stage by name", dockerfile: stagesOfTwo, opts: map[string]string{"target": "app"}, minimal: true, user: "65532:65532"},
		{name: "a stage that is not there", dockerfile: stagesOfTwo, opts: map[string]string{"target": "1"}, refused: `target stage "1" could not be found`},
		{name: "another target", dockerfile: stagesOfTwo, opts: map[string]string{"target": "build"}, warned: "the target build is not the last stage, so it is built as written"},
		{name: "another target, minimal", dockerfile: stagesOfTwo + "FROM app AS more\nENTRYPOINT [\"/gone\"]\n", opts: map[string]string{"target": "app", "build-arg:WHITTLE_MINIMAL": "true"}, minimal: true, user: "65532:65532"},
		{name: "settings: the file", dockerfile: stagesOfTwo, yaml: "build:\n  user: \"1\"\n", minimal: true, user: "1:0"},
		{name: "settings: a build argument over it", dockerfile: stagesOfTwo, yaml: "build:\n  user: \"1\"\n", opts: map[string]string{"build-arg:WHITTLE_USER": "2"}, minimal: true, user: "2:0"},
		{name: "settings: a flag over both", dockerfile: stagesOfTwo, yaml: "build:\n  user: \"1\"\n", opts: map[string]string{"build-arg:WHITTLE_USER": "2"}, args: map[string][]string{"user": {"3"}}, minimal: true, user: "3:0"},
		{name: "settings: an unknown key", dockerfile: stagesOfTwo, yaml: "build:\n  usr: x\n", refused: `.whittle.yaml:2: no such setting "usr"; did you mean user?`},
		{name: "settings: an unknown build argument", dockerfile: stagesOfTwo, opts: map[string]string{"build-arg:WHITTLE_MINMAL": "1"}, refused: "did you mean WHITTLE_MINIMAL?"},
		{name: "a budget that is met", dockerfile: stagesOfTwo, opts: map[string]string{"build-arg:WHITTLE_MAX_SIZE": "1MB"}, minimal: true, user: "65532:65532"},
		{name: "a budget that is not", dockerfile: stagesOfTwo, opts: map[string]string{"build-arg:WHITTLE_MAX_SIZE": "100B"}, refused: "more than max-size allows (100)"},
		{name: "a budget of what is built as written", dockerfile: stagesOfTwo, opts: map[string]string{"target": "build", "build-arg:WHITTLE_MAX_SIZE": "100B"}, refused: "more than max-size allows (100); it is built as written"},
		{name: "a language that is not known", dockerfile: "FROM debian\nCMD [\"lua\", \"app.lua\"]\n", warned: "lua runs on lua, whose files are not known to whittle; the image is built as written"},
		{name: "what cannot run", dockerfile: "FROM debian\nCMD [\"gone\"]\n", refused: "Dockerfile:2: CMD: gone is not along PATH"},
		{name: "a dry run", dockerfile: stagesOfTwo, dry: true, minimal: true},
	} {
		t.Run(tc.name, tc.test)
	}
}

func (tc decision) test(t *testing.T) {
	dir := &tree.Memory{}
	dir.File("/Dockerfile", 0o644, []byte(tc.dockerfile))
	if tc.yaml != "" {
		dir.File("/.whittle.yaml", 0o644, []byte(tc.yaml))
		dir.File("/.dockerignore", 0o644, []byte("*\n")) // hides the file from COPY, not from us
	}
	base, built := &tree.Memory{}, &tree.Memory{}
	for _, x := range []*tree.Memory{base, built} {
		x.File("/usr/bin/lua", 0o755, elftest.File{}.Bytes())
		x.File("/usr/share/big", 0o644, make([]byte, 5000))
	}
	built.File("/app", 0o755, elftest.File{}.Bytes())
	changed := &tree.Memory{}
	changed.File("/app", 0o755, elftest.File{}.Bytes())
	var mu sync.Mutex
	var warned []string
	plans, leaked := 0, false
	b := &builder{t: t, opts: tc.opts, solve: func(_ context.Context, _ gateway.SolveRequest, g *graph.Graph) (tree.Tree, error) {
		last := g.Ops[g.Order[len(g.Order)-2]]
		if strings.HasPrefix(last.GetSource().GetIdentifier(), "local://") {
			return dir, nil
		}
		for _, op := range g.Ops {
			if e := op.GetExec(); e != nil && slices.ContainsFunc(e.Meta.Env, func(kv string) bool { return strings.HasPrefix(kv, "WHITTLE_USER=") && kv != "WHITTLE_USER=" }) {
				mu.Lock()
				leaked = true
				mu.Unlock()
			}
		}
		switch {
		case last.GetDiff() != nil:
			return changed, nil
		case last.GetSource() != nil:
			return base, nil
		}
		return built, nil
	}}
	b.warn = func(msg string) {
		mu.Lock()
		defer mu.Unlock()
		warned = append(warned, msg)
	}
	res, err := New(Options{
		Args: tc.args, DryRun: tc.dry,
		OnReport: func(*report.Report, *image.Plan) { plans++ },
	})(t.Context(), registry{b})
	if leaked {
		t.Error("a setting reached the user's RUN")
	}
	if tc.refused != "" {
		if err == nil || !strings.Contains(err.Error(), tc.refused) {
			t.Errorf("error %v, want %q", err, tc.refused)
		}
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	if (plans == 1) != tc.minimal {
		t.Errorf("%d plans were made", plans)
	}
	if tc.warned != "" && !slices.ContainsFunc(warned, func(w string) bool { return strings.Contains(w, tc.warned) }) {
		t.Errorf("warned %q, want %q", warned, tc.warned)
	}
	if tc.dry {
		if len(res.Metadata) > 0 || res.Ref != nil {
			t.Errorf("a dry run gave %v", res)
		}
		return
	}
	var img dockerspec.DockerOCIImage
	if err := json.Unmarshal(res.Metadata[exptypes.ExporterImageConfigKey], &img); err != nil {
		t.Fatal(err)
	}
	if img.Config.User != tc.user {
		t.Errorf("user %q, want %q", img.Config.User, tc.user)
	}
}
