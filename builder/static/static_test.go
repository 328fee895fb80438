package static_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/moby/buildkit/client/llb"
	"github.com/moby/buildkit/solver/pb"
	digest "github.com/opencontainers/go-digest"

	"github.com/whittle-oci/whittle/builder/graph"
	"github.com/whittle-oci/whittle/builder/static"
)

// build makes the definition of a stage with one RUN before and one after the
// script that is looked at.
func build(t *testing.T, script string, env ...string) *pb.Definition {
	t.Helper()
	st := llb.Image("docker.io/library/golang:1.26")
	for _, kv := range env {
		k, v, _ := strings.Cut(kv, "=")
		st = st.AddEnv(k, v)
	}
	st = st.Run(llb.Args([]string{"/bin/sh", "-c", "go mod download"})).Root()
	st = st.Run(llb.Args([]string{"/bin/sh", "-c", script}), llb.AddMount("/root/.cache", llb.Scratch(), llb.AsPersistentCacheDir("c", llb.CacheMountShared))).Root()
	st = st.Run(llb.Args([]string{"/bin/sh", "-c", "true"})).Root()
	def, err := st.Marshal(t.Context(), llb.LinuxAmd64)
	if err != nil {
		t.Fatal(err)
	}
	return def.ToPB()
}

func TestFind(t *testing.T) {
	for _, tc := range []struct {
		name, script string
		env          []string
		commands     []string
		doubt        string
	}{
		{name: "plain", script: "go build -o /app .", commands: []string{"go build -o /app ."}},
		{name: "none", script: "make build"},
		{name: "test only", script: "go test ./..."},
		{name: "two", script: "go build -o /a ./cmd/a && cd sub && go install ./...", commands: []string{"go build -o /a ./cmd/a", "go install ./..."}},
		{name: "in a string", script: "echo 'go build .'"},
		{name: "the user decided", script: "CGO_ENABLED=1 go build .", commands: []string{"go build ."}, doubt: "the command sets CGO_ENABLED itself"},
		{name: "the Dockerfile decided", script: "go build .", env: []string{"CGO_ENABLED=0"}, commands: []string{"go build ."}, doubt: "the Dockerfile sets CGO_ENABLED=0"},
		{name: "race", script: "go build -race .", commands: []string{"go build -race ."}, doubt: "go build is called with -race"},
		{name: "a tool", script: "go install example.test/tool@v1.2.3", commands: []string{"go install example.test/tool@v1.2.3"}, doubt: "go install is called for a version, of which go list knows nothing"},
		{name: "plugin", script: "go build -buildmode=plugin .", commands: []string{"go build -buildmode=plugin ."}, doubt: "go build sets a build mode"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			steps, err := static.Find(build(t, tc.script, tc.env...))
			if err != nil {
				t.Fatal(err)
			}
			var commands []string
			doubt := ""
			for _, s := range steps {
				commands, doubt = append(commands, s.Commands...), s.Doubt
			}
			if d := cmp.Diff(tc.commands, commands); d != "" {
				t.Errorf("commands (-want +got):\n%s", d)
			}
			if doubt != tc.doubt {
				t.Errorf("doubt %q, want %q", doubt, tc.doubt)
			}
		})
	}
}

// execs lists the RUNs of a definition in order.
func execs(t *testing.T, def *pb.Definition) []*pb.ExecOp {
	t.Helper()
	g, err := graph.Parse(def)
	if err != nil {
		t.Fatal(err)
	}
	var out []*pb.ExecOp
	for _, d := range g.Order {
		if e := g.Ops[d].GetExec(); e != nil {
			out = append(out, e)
		}
	}
	return out
}

func TestQuestion(t *testing.T) {
	const list = `list -deps -f '{{if and .CgoFiles (not .Standard)}}{{.ImportPath}}{{end}}'`
	const out = " >>/.whittle/cgo"
	for script, want := range map[string]string{
		"go build -o /app .": "go " + list + " ." + out,
		"cd x && go build -tags=a,b -ldflags \"-X m.v=$V\" ./cmd": "cd x && go " + list + " -tags=a,b ./cmd" + out,
		"go build -mod vendor -o a . && cp a /b":                  "go " + list + " -mod vendor ." + out + " && cp a /b",
		"go install -v ./... ; ls":                                "go " + list + " ./..." + out + " ; ls",
	} {
		def := build(t, script)
		steps, err := static.Find(def)
		if err != nil || len(steps) != 1 {
			t.Fatalf("%d steps, %v", len(steps), err)
		}
		q, _, err := static.Question(def, steps[0])
		if err != nil {
			t.Fatal(err)
		}
		runs := execs(t, q)
		last := runs[len(runs)-1]
		if len(runs) != 2 {
			t.Errorf("%q: the side branch has %d RUNs, want go mod download and go list", script, len(runs))
		}
		if got := last.Meta.Args[2]; got != want {
			t.Errorf("%q:\n got %s\nwant %s", script, got, want)
		}
		if n := len(last.Mounts); n != 3 || last.Mounts[1].Dest != "/root/.cache" || last.Mounts[2].Dest != "/.whittle" {
			t.Errorf("%q: mounts %v", script, last.Mounts)
		}
	}
}

// TestApply checks that only the compiling RUN's environment changes.
func TestApply(t *testing.T) {
	for _, tc := range []struct {
		script string
		env    []string
		want   []string
	}{
		{"go build .", nil, []string{"CGO_ENABLED=0", "GOFLAGS=-trimpath -ldflags=-s"}},
		{"go build -trimpath -ldflags '-s -w -X a=b' .", nil, []string{"CGO_ENABLED=0"}},
		{"go build -ldflags=-X=a=b .", []string{"GOFLAGS=-mod=vendor"}, []string{"CGO_ENABLED=0", "GOFLAGS=-mod=vendor -trimpath"}},
	} {
		def := build(t, tc.script, tc.env...)
		steps, err := static.Find(def)
		if err != nil {
			t.Fatal(err)
		}
		out, set, err := static.Apply(def, steps)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(tc.want, set); d != "" {
			t.Errorf("%q: variables (-want +got):\n%s", tc.script, d)
		}
		before, after := execs(t, def), execs(t, out)
		for i := range before {
			compiles := i == 1
			if got := cmp.Equal(before[i].Meta.Env, after[i].Meta.Env); got == compiles {
				t.Errorf("%q: RUN %d: environment unchanged: %v", tc.script, i, got)
			}
			if !cmp.Equal(before[i].Meta.Args, after[i].Meta.Args) {
				t.Errorf("%q: RUN %d: the command changed", tc.script, i)
			}
		}
		// The definition still holds together: every input is an op of it.
		if _, err := llb.NewDefinitionOp(out); err != nil {
			t.Error(err)
		}
		g, err := graph.Parse(out)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range g.Order {
			for _, in := range g.Ops[d].Inputs {
				if _, ok := g.Ops[digestOf(in)]; !ok {
					t.Errorf("%q: input %s is missing", tc.script, in.Digest)
				}
			}
			if _, ok := out.Metadata[d.String()]; !ok {
				t.Errorf("%q: %s lost its metadata", tc.script, d)
			}
		}
	}
}

// TestFirst asks no step before those that it is made from are settled.
func TestFirst(t *testing.T) {
	run := func(st llb.State, script string) llb.State {
		return st.Run(llb.Args([]string{"/bin/sh", "-c", script})).Root()
	}
	base := llb.Image("docker.io/library/golang:1.26")
	chain := run(run(run(base, "go build -o /a ./a"), "touch x"), "go build -o /b ./b")
	other := run(base, "go build -o /c ./c")
	def, err := chain.File(llb.Copy(other, "/c", "/c")).Marshal(t.Context(), llb.LinuxAmd64)
	if err != nil {
		t.Fatal(err)
	}
	now := def.ToPB()
	for _, want := range []string{"go build -o /a ./a,go build -o /c ./c", "go build -o /b ./b", ""} {
		steps, err := static.Find(now)
		if err != nil {
			t.Fatal(err)
		}
		steps = slices.DeleteFunc(steps, func(s static.Step) bool { return s.Doubt != "" }) // those that are static
		first, err := static.First(now, steps)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, s := range first {
			got = append(got, s.Commands...)
		}
		slices.Sort(got)
		if strings.Join(got, ",") != want {
			t.Errorf("first are %q, want %q", got, want)
		}
		if now, _, err = static.Apply(now, first); err != nil {
			t.Fatal(err)
		}
	}
}

func digestOf(in *pb.Input) digest.Digest { return digest.Digest(in.Digest) }
