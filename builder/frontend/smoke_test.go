package frontend

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/moby/buildkit/client/llb"
	gateway "github.com/moby/buildkit/frontend/gateway/client"
	"github.com/moby/buildkit/solver/pb"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/whittle-oci/whittle/builder/graph"
	"github.com/whittle-oci/whittle/builder/image"
	"github.com/whittle-oci/whittle/builder/need/elf/elftest"
	"github.com/whittle-oci/whittle/builder/report"
	"github.com/whittle-oci/whittle/builder/smoke"
	"github.com/whittle-oci/whittle/builder/tree"
)

// amd64 is a builder that says what it runs.
type amd64 struct{ registry }

// BuildOpts implements gateway.Client.
func (a amd64) BuildOpts() gateway.BuildOpts {
	o := a.registry.BuildOpts()
	o.Workers = []gateway.WorkerInfo{{Platforms: []ocispecs.Platform{{OS: "linux", Architecture: "amd64"}}}}
	return o
}

func fromScratch(gateway.BuildOpts) (Program, error) {
	return Program{llb.Image("example.test/whittle"), "/whittle"}, nil
}

// TestTry looks at the step that tries an image, and at what becomes of its
// result.
func TestTry(t *testing.T) {
	built := &tree.Memory{}
	built.File("/app", 0o755, elftest.File{}.Bytes())
	built.Dir("/srv", 0o755)
	built.Dir("/data", 0o755)
	old, now := time.Unix(1e9, 0), time.Now().Add(time.Second)
	for name, tc := range map[string]struct {
		smoke    string
		results  []smoke.Result
		platform string
		says     string // of the report
		refused  string // or the error
		own      bool   // the image's own fault
		warned   string
	}{
		"nothing asked":           {},
		"passes":                  {smoke: "/app --check", results: []smoke.Result{{OK: true, Ended: true, At: old}}, says: "ended with exit code 0"},
		"fails":                   {smoke: "/app --check", results: []smoke.Result{{Ended: true, Code: 4, At: now}}, refused: `smoke: ["/app","--check"]: ended with exit code 4`, own: true},
		"failed once":             {smoke: "/app --check", results: []smoke.Result{{Ended: true, Code: 4, At: old}, {OK: true, Ended: true, At: now}}, says: "ended with exit code 0"},
		"fails again":             {smoke: "/app --check", results: []smoke.Result{{Ended: true, Code: 4, At: old}, {Ended: true, Code: 5, At: old}}, refused: "ended with exit code 5", own: true},
		"explained":               {smoke: "/app", results: []smoke.Result{{Ended: true, Code: 1, Output: "/none: not found\n", At: now}}, refused: "/none is not in the built image either", own: true},
		"http":                    {smoke: "http: GET / on 80 within 1s", results: []smoke.Result{{OK: true, Status: 204, At: now}}, says: "answered with status 204"},
		"http fails":              {smoke: "http: GET / on 80 within 1s", results: []smoke.Result{{TimedOut: true, Status: 500, At: now}}, refused: "Dockerfile:6: smoke: http: GET / on 80 within 1s: the last answer within 1s had status 500", own: true},
		"what nobody understands": {smoke: "hTTp: x", results: []smoke.Result{{At: now}}, refused: "could not be started", own: true},
		"one platform of two":     {smoke: "/app", platform: "linux/amd64,linux/s390x", results: []smoke.Result{{OK: true, Ended: true, At: now}}, says: "ended with exit code 0", warned: "smoke: the image for linux/s390x was not tried: this builder cannot run programs for linux/s390x"},
		"none":                    {smoke: "/app", platform: "linux/s390x", refused: "cannot run programs for linux/s390x; install an emulator"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := &tree.Memory{}
			dir.File("/Dockerfile", 0o644, []byte("FROM debian\nCOPY app /app\nRUN x\nENV A=b\nWORKDIR /srv\nENTRYPOINT [\"/app\"]\nCMD [\"serve\"]\n"))
			opts := map[string]string{"platform": "linux/amd64"}
			if tc.smoke != "" {
				opts["build-arg:WHITTLE_SMOKE"], opts["build-arg:WHITTLE_WRITABLE"] = tc.smoke, "/data"
			}
			if tc.platform != "" {
				opts["platform"] = tc.platform
				dir.File("/Dockerfile", 0o644, []byte("FROM debian\nCOPY app /app\nENTRYPOINT [\"/app\"]\nCMD [\"serve\"]\n"))
			}
			var steps []*pb.Op
			var again []bool
			warned := make(chan string, 20)
			b := &builder{t: t, opts: opts, warn: func(msg string) { warned <- msg }, solve: func(_ context.Context, req gateway.SolveRequest, g *graph.Graph) (tree.Tree, error) {
				for _, d := range g.Order {
					op := g.Ops[d]
					if op.GetExec() == nil || !strings.Contains(strings.Join(op.GetExec().Meta.Args, " "), trialProgram) {
						continue
					}
					data, err := json.Marshal(tc.results[len(steps)])
					if err != nil {
						return nil, err
					}
					steps, again = append(steps, op), append(again, req.Definition.Metadata[string(d)].GetIgnoreCache())
					result := &tree.Memory{}
					result.File("/0/json", 0o644, data)
					return result, nil
				}
				return built, nil
			}}
			reports := make(chan *report.Report, 2)
			_, err := New(Options{
				ConfigName: ".whittle.yaml", Local: map[string]tree.Tree{"dockerfile": dir, "context": dir}, Program: fromScratch,
				OnReport: func(r *report.Report, _ *image.Plan) { reports <- r },
			})(t.Context(), amd64{registry{b}})
			if len(steps) != len(tc.results) {
				t.Fatalf("%d steps, want %d: %v", len(steps), len(tc.results), err)
			}
			for i, a := range again {
				if a != (i == 1) {
					t.Errorf("step %d ignores the cache: %v", i, a)
				}
			}
			if len(steps) > 0 && tc.platform == "" {
				step(t, steps[0].GetExec())
			}
			close(warned)
			var said []string
			for w := range warned {
				said = append(said, w)
			}
			if tc.warned != "" && !strings.Contains(strings.Join(said, "\n"), tc.warned) {
				t.Errorf("warned of %q", said)
			}
			if tc.refused != "" {
				refused, _ := errors.AsType[*RefusedError](err)
				if err == nil || !strings.Contains(err.Error(), tc.refused) || len(reports) > 0 || (refused != nil) != tc.own {
					t.Fatalf("%v, want %s", err, tc.refused)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			close(reports)
			for r := range reports {
				switch {
				case tc.smoke == "" && r.Smoke != nil, tc.smoke != "" && r.Smoke == nil:
					t.Errorf("the report says %+v", r.Smoke)
				case r.Smoke != nil && r.Platform == "linux/amd64" && r.Smoke.Result != tc.says:
					t.Errorf("%s, want %s", r.Smoke.Result, tc.says)
				}
			}
		})
	}
}

// step holds the execution to what is promised of it.
func step(t *testing.T, e *pb.ExecOp) {
	t.Helper()
	if e.Network != pb.NetMode_NONE || e.Security != pb.SecurityMode_SANDBOX {
		t.Errorf("network %s, security %s", e.Network, e.Security)
	}
	if e.Meta.Cwd != "/srv" || e.Meta.User != "65532:65532" || !strings.Contains(strings.Join(e.Meta.Env, " "), "A=b") {
		t.Errorf("it runs in %s as %q with %q", e.Meta.Cwd, e.Meta.User, e.Meta.Env)
	}
	var got []string
	for _, m := range e.Mounts {
		kind := " writable"
		if m.Readonly {
			kind = " read-only"
		}
		if m.Output >= 0 {
			kind += ", a result"
		}
		got = append(got, m.Dest+kind)
	}
	want := []string{"/ read-only", "/data writable", "/dev/.whittle/program read-only", "/dev/.whittle/result writable, a result"}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("mounts (-want +got)\n%s", d)
	}
}

// TestProgram finds the program that watches, or says why not.
func TestProgram(t *testing.T) {
	if _, err := ProgramOfImage(gateway.BuildOpts{}); err == nil {
		t.Error("a frontend image without a name was found")
	}
	p, err := ProgramOfImage(gateway.BuildOpts{Opts: map[string]string{"source": "example.test/whittle:1"}})
	if err != nil || !strings.HasPrefix(p.Path, "/") {
		t.Errorf("%+v, %v", p, err)
	}
	own := ProgramOfClient("whittle")
	if p, err := own(gateway.BuildOpts{}); err != nil || p.Path != "/whittle" {
		t.Errorf("%+v, %v", p, err)
	}
	foreign := gateway.BuildOpts{Workers: []gateway.WorkerInfo{{Platforms: []ocispecs.Platform{{OS: "linux", Architecture: "s390x"}}}}}
	if _, err := own(foreign); err == nil || !strings.Contains(err.Error(), "which the builder does not run") {
		t.Errorf("%v", err)
	}
}

// TestCheckSetting reads a check from every source.
func TestCheckSetting(t *testing.T) {
	request := &smoke.Request{Method: "GET", Path: "/healthz", Port: 8080, Within: 10 * time.Second}
	for text, want := range map[string]smoke.Check{
		"app --check 'a b'":                               {Argv: []string{"app", "--check", "a b"}},
		"[app, --check, a b]":                             {Argv: []string{"app", "--check", "a b"}},
		"\n    http: GET /healthz on 8080 within 10s":     {HTTP: request},
		"'http: GET /healthz on 8080 within 10 s'":        {HTTP: request},
		"{http: 'GET /healthz on 8080 within 10s'}":       {HTTP: request},
		"\"[\\\"app\\\", \\\"--check\\\", \\\"a b\\\"]\"": {Argv: []string{"app", "--check", "a b"}},
		"''": {},
	} {
		file, err := FromFile(".whittle.yaml", []byte("build:\n  smoke: "+text+"\n"))
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		c, err := config(file)
		if d := cmp.Diff(want, c.Smoke); d != "" || err != nil {
			t.Errorf("%s: %v (-want +got)\n%s", text, err, d)
		}
	}
	for text, want := range map[string]string{
		"[]":                        "smoke: want a command line",
		"[[a]]":                     "smoke: want a command line",
		"{tcp: 80}":                 "smoke: want a command line",
		"{http: {GET: /}}":          "smoke: want a command line",
		"{http: GET / on 80, x: 1}": "smoke: want a command line",
		"\"'\"":                     `smoke: "'" cannot be cut into words`,
		"'http: GET /'":             `smoke: "GET /" is no request; write GET /path on PORT within 10s`,
	} {
		file, err := FromFile(".whittle.yaml", []byte("build:\n  smoke: "+text+"\n"))
		if err == nil {
			_, err = config(file)
		}
		if err == nil || !strings.HasPrefix(err.Error(), ".whittle.yaml:2: "+want) {
			t.Errorf("%s: %v, want %s", text, err, want)
		}
	}
}

func FuzzParseCheck(f *testing.F) {
	for _, s := range []string{"a b", `["a"]`, "http: GET / on 80", "http:", "\x03 <"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		c, err := ParseCheck(s)
		if err != nil || !utf8.ValidString(s) { // BuildKit's messages hold nothing else
			return
		}
		if again, err := ParseCheck(c.String()); err != nil || !cmp.Equal(c, again) {
			t.Errorf("%q is written %q, which is %+v, %v", s, c, again, err)
		}
	})
}
