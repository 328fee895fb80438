package frontend

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/moby/buildkit/client/llb/sourceresolver"
	gateway "github.com/moby/buildkit/frontend/gateway/client"
	digest "github.com/opencontainers/go-digest"

	"github.com/whittle-oci/whittle/builder/graph"
	"github.com/whittle-oci/whittle/builder/image"
	"github.com/whittle-oci/whittle/builder/need/elf/elftest"
	"github.com/whittle-oci/whittle/builder/report"
	"github.com/whittle-oci/whittle/builder/tree"
)

// nowhere is a builder whose registry has nothing.
type nowhere struct{ *builder }

// ResolveImageConfig implements gateway.Client.
func (nowhere) ResolveImageConfig(_ context.Context, ref string, _ sourceresolver.Opt) (string, digest.Digest, []byte, error) {
	return "", "", nil, errors.New(ref + ": not found")
}

// TestFailsEarly ends a build whose base image is not there while its context
// is still on its way, and lets the linter say what it has to, if that does not
// take long.
func TestFailsEarly(t *testing.T) {
	dir := &tree.Memory{}
	dir.File("/Dockerfile", 0o644, []byte("FROM none\nCOPY . .\n"))
	for name, tc := range map[string]struct {
		lint   time.Duration // how long it takes
		warned bool
	}{
		"a quick linter":             {20 * time.Millisecond, true},
		"a linter that does not end": {time.Hour, false},
	} {
		sent := make(chan error, 1)
		warned := make(chan string, 10)
		b := &builder{t: t, warn: func(msg string) { warned <- msg }, solve: func(ctx context.Context, _ gateway.SolveRequest, _ *graph.Graph) (tree.Tree, error) {
			<-ctx.Done() // a context that takes for ever to send
			sent <- context.Cause(ctx)
			return nil, context.Cause(ctx)
		}}
		begun := time.Now()
		_, err := New(Options{
			ConfigName: ".whittle.yaml", Local: map[string]tree.Tree{"dockerfile": dir, "context": dir},
			Check: func(ctx context.Context, _ Checked) ([]Finding, error) {
				select {
				case <-ctx.Done():
					return nil, ctx.Err()
				case <-time.After(tc.lint):
					return []Finding{{Rule: "a-b", Severity: "warning", Message: "m", Line: 1, End: 1}}, nil
				}
			},
		})(t.Context(), nowhere{b})
		if err == nil || !strings.Contains(err.Error(), "none:latest: not found") {
			t.Errorf("%s: %v", name, err)
		}
		if took := time.Since(begun); took > time.Minute {
			t.Errorf("%s: the build took %s", name, took)
		}
		select {
		case err := <-sent:
			if !errors.Is(err, context.Canceled) {
				t.Errorf("%s: sending ended with %v", name, err)
			}
		default: // it had not begun
		}
		close(warned)
		var got []string
		for w := range warned {
			got = append(got, w)
		}
		if (len(got) == 1) != tc.warned || len(got) > 1 {
			t.Errorf("%s: warnings %q", name, got)
		}
	}
}

// TestUnmeasured builds from a base image that cannot be measured: a name there
// is not UTF-8, or measuring panics. The report
// says so, and nothing else comes of it.
func TestUnmeasured(t *testing.T) {
	tainted := &tree.Memory{}
	tainted.File("/srv/\xff\xfe", 0o644, nil)
	dir := &tree.Memory{}
	dir.File("/Dockerfile", 0o644, []byte("FROM debian\nCOPY app /app\nENTRYPOINT [\"/app\"]\n"))
	built := &tree.Memory{}
	built.File("/app", 0o755, elftest.File{}.Bytes())
	built.File("/bin/sh", 0o755, elftest.File{}.Bytes())
	for name, tc := range map[string]struct {
		base    tree.Tree
		size    string // max-size
		unknown string
		refused string
	}{
		"fine":                         {base: built},
		"a name that is not UTF-8":     {base: tainted, unknown: "readdir /srv: it holds a name that is not UTF-8"},
		"a panic":                      {base: broken{tainted}, unknown: "listing /srv failed inside: broken"},
		"a limit is held all the same": {base: tainted, size: "1B", unknown: "-", refused: "more than max-size allows"},
	} {
		opts := map[string]string{}
		if tc.size != "" {
			opts["build-arg:WHITTLE_MAX_SIZE"] = tc.size
		}
		b := &builder{t: t, opts: opts, solve: func(_ context.Context, _ gateway.SolveRequest, g *graph.Graph) (tree.Tree, error) {
			if len(g.Order) == 2 && strings.HasPrefix(sources(g), "docker-image://") {
				return tc.base, nil
			}
			return built, nil
		}}
		var got *report.Report
		_, err := New(Options{
			ConfigName: ".whittle.yaml", Local: map[string]tree.Tree{"dockerfile": dir, "context": dir},
			OnReport: func(r *report.Report, _ *image.Plan) { got = r },
		})(t.Context(), registry{b})
		if tc.refused != "" {
			if err == nil || !strings.Contains(err.Error(), tc.refused) {
				t.Errorf("%s: %v, want %s", name, err, tc.refused)
			}
			continue
		}
		if err != nil || got == nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		side := got.Before
		if (side.Unknown == "") != (tc.unknown == "") || !strings.Contains(side.Unknown, tc.unknown) || side.Shell != "/bin/sh" || side.User != "root" || (side.Files > 0) != (tc.unknown == "") {
			t.Errorf("%s: before it was %+v", name, side)
		}
		var text strings.Builder
		if err := got.Text(&text, report.TextOptions{}); err != nil {
			t.Fatal(err)
		}
		if said := strings.Contains(text.String(), "the size before is unknown: "); said != (tc.unknown != "") {
			t.Errorf("%s: the report says\n%s", name, text.String())
		}
	}
}

// broken is a tree of which a directory cannot be listed.
type broken struct{ tree.Tree }

// ReadDir implements tree.Tree.
func (b broken) ReadDir(ctx context.Context, name string) ([]tree.Entry, error) {
	if name == "/srv" {
		panic("broken")
	}
	return b.Tree.ReadDir(ctx, name)
}

// TestConfiguration takes nothing but a file that is not there, or a directory
// that is not shared, for a build without configuration.
func TestConfiguration(t *testing.T) {
	dir, with := &tree.Memory{}, &tree.Memory{}
	dir.File("/Dockerfile", 0o644, nil)
	with.File("/.whittle.yaml", 0o644, []byte("build:\n  user: \"7\"\n"))
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	for name, tc := range map[string]struct {
		opts                map[string]string
		dockerfile, context tree.Tree
		errors              map[string]error // of what is read
		ctx                 context.Context
		user, want          string
	}{
		"nowhere":               {dockerfile: dir, context: dir},
		"beside the Dockerfile": {dockerfile: with, context: dir, user: "7"},
		"in the context":        {dockerfile: dir, context: with, user: "7"},
		"a Dockerfile's directory that is not shared": {dockerfile: dir, context: with, errors: map[string]error{"local://dockerfile": errors.New("rpc error: code = NotFound desc = no access allowed to dir \"dockerfile\"")}, user: "7"},
		"a request that is refused":                   {dockerfile: with, context: dir, errors: map[string]error{"local://dockerfile": errors.New("rpc error: code = Unavailable desc = transport is closing")}, want: "looking for .whittle.yaml: rpc error: code = Unavailable"},
		"one for the context":                         {dockerfile: dir, context: with, errors: map[string]error{"local://context": errors.New("permission denied")}, want: "looking for .whittle.yaml: permission denied"},
		"a repository that is not there":              {opts: map[string]string{"context": "https://git.example/x.git"}, dockerfile: dir, errors: map[string]error{"git://git.example/x.git": errors.New("repository not found")}, want: "looking for .whittle.yaml: repository not found"},
		"a request that is cancelled":                 {dockerfile: with, context: dir, ctx: cancelled, want: "context canceled"},
	} {
		b := (&builder{t: t, opts: tc.opts, solve: func(ctx context.Context, _ gateway.SolveRequest, g *graph.Graph) (tree.Tree, error) {
			if ctx.Err() != nil {
				return nil, ctx.Err()
			}
			from := sources(g)
			if err := tc.errors[from]; err != nil {
				return nil, err
			}
			if from == "local://dockerfile" {
				return tc.dockerfile, nil
			}
			return tc.context, nil
		}}).start("FROM scratch\n")
		b.src.Filename = "Dockerfile"
		ctx := tc.ctx
		if ctx == nil {
			ctx = t.Context()
		}
		err := b.configure(ctx, nil)
		if (err == nil) != (tc.want == "") || err != nil && !strings.Contains(err.Error(), tc.want) || b.config.Plan.User != tc.user {
			t.Errorf("%s: user %q, %v; want %q, %s", name, b.config.Plan.User, err, tc.user, tc.want)
		}
	}
}

// TestFetched says why a configuration of the network cannot be had.
func TestFetched(t *testing.T) {
	b := (&builder{t: t, solve: func(context.Context, gateway.SolveRequest, *graph.Graph) (tree.Tree, error) {
		return nil, errors.New("digest mismatch")
	}}).start("FROM scratch\n")
	if _, err := b.fetch(t.Context(), "https://example.test/x.yaml", digest.FromString("").String()); err == nil || !strings.Contains(err.Error(), "digest mismatch") || !strings.Contains(err.Error(), "https://example.test/x.yaml") {
		t.Error(err)
	}
}
