//go:build linux

package sink_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/moby/buildkit/client/llb"
	"github.com/moby/buildkit/client/llb/sourceresolver"
	"github.com/moby/buildkit/frontend/dockerfile/dockerfile2llb"
	dockerspec "github.com/moby/docker-image-spec/specs-go/v1"
	digest "github.com/opencontainers/go-digest"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/whittle-oci/whittle/builder/graph"
	"github.com/whittle-oci/whittle/builder/image"
	dockerfilesink "github.com/whittle-oci/whittle/builder/sink/dockerfile"
)

// resolver knows one image, which has no configuration. Without a layer BuildKit
// would not look at it.
type resolver struct{}

func (resolver) ResolveImageConfig(context.Context, string, sourceresolver.Opt) (string, digest.Digest, []byte, error) {
	data, err := json.Marshal(ocispecs.Image{Platform: ocispecs.Platform{OS: "linux", Architecture: "amd64"}, RootFS: ocispecs.RootFS{Type: "layers", DiffIDs: []digest.Digest{digest.FromString("layer")}}})
	return builtRef, digest.FromString("built"), data, err
}

// translated gives what BuildKit's own frontend makes of a Dockerfile.
func translated(t *testing.T, r *dockerfilesink.Result) (*dockerfile2llb.Result, string) {
	t.Helper()
	dir := t.TempDir()
	for _, f := range r.Files {
		name := filepath.Join(dir, f.Path)
		if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, f.Data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	main := llb.Local("context")
	amd64 := ocispecs.Platform{OS: "linux", Architecture: "amd64"}
	res, err := dockerfile2llb.Dockerfile2LLB(t.Context(), r.Text, dockerfile2llb.ConvertOpt{MetaResolver: resolver{}, MainContext: &main, TargetPlatform: &amd64})
	if err != nil {
		t.Fatalf("%v in\n%s", err, r.Text)
	}
	return res, dir
}

// timeless takes times out of the list of a tar, and the names of one file
// apart: copies of single files are files of their own.
var timeless = regexp.MustCompile(`^("(?:[^"\\]|\\.)*" . [0-7]{4} \d+:\d+) -?\d+`)

func withoutTimes(lines []string) (out []string) {
	for _, l := range lines {
		l = strings.Replace(timeless.ReplaceAllString(l, "$1"), `/" 5 `, `" 5 `, 1)
		if i := strings.Index(l, ` = "`); i > 0 {
			l = l[:i] + " further name"
		}
		out = append(out, l)
	}
	slices.Sort(out)
	return out
}

// conformDockerfile builds the Dockerfile of a plan with BuildKit's own code
// and compares it with the tar that the other sinks make.
func conformDockerfile(t *testing.T, p *image.Plan, layers []string, built string) {
	t.Helper()
	last := map[string]string{} // by name: directories are in every layer that has something in them
	for _, l := range layers {
		name, _, _ := cutName(l)
		last[name] = l
	}
	want := slices.Sorted(maps.Values(last))
	for _, files := range []string{"generated", ""} {
		r, err := dockerfilesink.New(p, dockerfilesink.Source{Text: []byte("FROM " + builtRef + "\n")}, dockerfilesink.Options{Files: files})
		if bad, ok := errors.AsType[*dockerfilesink.UnwritableError](err); ok {
			if files != "" && !strings.Contains(bad.Why, "name") {
				t.Errorf("with files in the context: %v", err)
			}
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		if files != "" && r.Files == nil {
			continue // it is the same
		}
		if slices.ContainsFunc(r.Unsaid, func(s string) bool { return strings.HasPrefix(s, "The owner and mode") }) {
			t.Errorf("left unsaid: %q", r.Unsaid)
		}
		res, dir := translated(t, r)
		exact(t, res)
		got := withoutTimes(list(t, bytes.NewReader(whole(t, res.State, map[string]string{"local://context": dir, "": built}))))
		expected := withoutTimes(separate(want, got))
		if d := cmp.Diff(expected, got); d != "" {
			t.Errorf("files %q (-plan +Dockerfile):\n%s\n%s", files, d, r.Text)
		}
	}
}

// exact looks at what a copy asks to be there: names, not patterns.
func exact(t *testing.T, res *dockerfile2llb.Result) {
	t.Helper()
	def, err := res.State.Marshal(t.Context(), llb.LinuxAmd64)
	if err != nil {
		t.Fatal(err)
	}
	g, err := graph.Parse(def.ToPB())
	if err != nil {
		t.Fatal(err)
	}
	for _, op := range g.Ops {
		for _, a := range op.GetFile().GetActions() {
			for _, name := range a.GetCopy().GetRequiredPaths() {
				if strings.ContainsAny(name, "\\*?[]") {
					t.Errorf("it looks for %s", name)
				}
			}
		}
	}
}

// separate writes the further names of a file as files of their own where got
// has them so.
func separate(want, got []string) []string {
	content := map[string]string{} // of the first of several names
	for _, l := range want {
		if name, rest, ok := cutName(l); ok && strings.Contains(rest, "size=") {
			content[name] = rest
		}
	}
	own := map[string]bool{}
	for _, l := range got {
		if name, rest, ok := cutName(l); ok && strings.Contains(rest, "size=") {
			own[name] = true
		}
	}
	var out []string
	for _, l := range want {
		name, _, _ := cutName(l)
		if i := strings.Index(l, ` = "`); i > 0 && own[name] {
			l = name + content[strings.TrimPrefix(l[i:], " = ")]
		}
		out = append(out, l)
	}
	return out
}

func cutName(line string) (name, rest string, ok bool) {
	i := strings.Index(line[1:], `" `)
	if i < 0 {
		return "", "", false
	}
	return line[:i+2], line[i+2:], true
}

// TestDockerfileConfig writes configurations with everything that has a
// meaning in a Dockerfile.
func TestDockerfileConfig(t *testing.T) {
	var c dockerspec.DockerOCIImageConfig
	c.Env = []string{"PATH=/app/bin:/usr/bin", `A=a b "c" 'd' $E \f \\ ${G}`, "EMPTY=", "TAB=\tx", "UTF=größe"}
	c.Labels = map[string]string{"a.b": `v "w" $x \y`, "one more": "z"}
	c.ExposedPorts = map[string]struct{}{"80/tcp": {}, "53/udp": {}}
	c.Volumes = map[string]struct{}{"/data": {}, "/with space": {}, "/$x": {}}
	c.StopSignal, c.WorkingDir, c.User = "SIGQUIT", "/srv/$a b", "65532:65532"
	c.Entrypoint, c.Cmd = []string{"/app", "a \"b\"", "$HOME", `\`, "<&>"}, []string{"x", ""}
	c.Shell, c.OnBuild = []string{"/bin/bash", "-c"}, []string{"RUN true"}
	c.Healthcheck = &dockerspec.HealthcheckConfig{Test: []string{"CMD", "/app", "check it"}, Interval: 5e9, Timeout: 1e9, StartPeriod: 2e9, StartInterval: 3e9, Retries: 4}
	p := &image.Plan{Config: c, Entries: []image.Entry{{Path: "/srv", Type: image.Dir, Mode: 0o755}, {Path: "/srv/$a b", Type: image.Dir, Mode: 0o755}}}
	for _, head := range []string{"", "# escape=`\n"} {
		r, err := dockerfilesink.New(p, dockerfilesink.Source{Text: []byte(head + "FROM " + builtRef + "\n")}, dockerfilesink.Options{})
		if err != nil {
			t.Fatal(err)
		}
		res, _ := translated(t, r)
		got := res.Image.Config
		slices.Sort(got.Env)
		want := c
		want.Env = slices.Sorted(slices.Values(c.Env))
		want.ArgsEscaped = true // BuildKit's own frontend says so of every CMD
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("(-plan +Dockerfile):\n%s\n%s", d, r.Text)
		}
	}
	for _, test := range [][]string{{"CMD-SHELL", `wget -q "$URL" || exit 1`}, {"NONE"}, {"CMD-SHELL", "a\nb"}} {
		p := &image.Plan{}
		p.Config.Healthcheck = &dockerspec.HealthcheckConfig{Test: test}
		r, err := dockerfilesink.New(p, dockerfilesink.Source{Text: []byte("FROM " + builtRef + "\n")}, dockerfilesink.Options{})
		if err != nil {
			t.Fatal(err)
		}
		want := test
		if strings.Contains(test[len(test)-1], "\n") {
			want = []string{"CMD", "/bin/sh", "-c", test[1]}
		}
		res, _ := translated(t, r)
		if d := cmp.Diff(want, res.Image.Config.Healthcheck.Test); d != "" {
			t.Errorf("%s", d)
		}
	}
}
