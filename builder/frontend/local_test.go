package frontend

import (
	"context"
	"errors"
	"io/fs"
	"slices"
	"strings"
	"testing"

	"github.com/moby/buildkit/client/llb"
	"github.com/moby/buildkit/frontend/dockerui"
	gateway "github.com/moby/buildkit/frontend/gateway/client"

	"github.com/whittle-oci/whittle/builder/graph"
	"github.com/whittle-oci/whittle/builder/tree"
)

func TestSingleFiles(t *testing.T) {
	for _, tc := range []struct {
		name  string
		state llb.State
		dir   string
		files []string
	}{
		{"as the Dockerfile is read", llb.Local("dockerfile", llb.FollowPaths([]string{"Dockerfile", "x"}), llb.SessionID("s"), llb.SharedKeyHint("h"), llb.Differ(llb.DiffNone, false)), "dockerfile", []string{"Dockerfile", "x"}},
		{"the context", llb.Local("context", llb.SessionID("s")), "context", nil},
		{"less of the context", llb.Local("context", llb.FollowPaths([]string{"src"}), llb.ExcludePatterns([]string{"src/x"})), "", nil},
		{"patterns", llb.Local("context", llb.FollowPaths([]string{"*.txt"})), "", nil},
		{"another source", llb.Image("docker.io/library/debian:12"), "", nil},
		{"more than a source", llb.Local("dockerfile", llb.FollowPaths([]string{"Dockerfile"})).Dir("/x").File(llb.Rm("x")), "", nil},
	} {
		def, err := tc.state.Marshal(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		dir, files := singleFiles(def.ToPB())
		if dir != tc.dir || !slices.Equal(files, tc.files) {
			t.Errorf("%s: %q %q, want %q %q", tc.name, dir, files, tc.dir, tc.files)
		}
	}
}

// TestLocalFiles reads the Dockerfile and the ignore file as dockerui does.
func TestLocalFiles(t *testing.T) {
	dir := &tree.Memory{}
	dir.File("/real/Dockerfile", 0o644, []byte("FROM scratch\n"))
	dir.Symlink("/Dockerfile", "real/Dockerfile")
	dir.Symlink("/outside", "../../etc/passwd")
	dir.File("/.dockerignore", 0o644, []byte("node_modules\n"))
	dir.File("/huge", 0o644, make([]byte, 17<<20))
	for _, tc := range []struct {
		name, file string
		opts       map[string]string
		asked      int // how often the builder was
		fail       string
	}{
		{name: "a link", file: "Dockerfile"},
		{name: "missing", file: "Containerfile", fail: "Containerfile: no such file or directory"},
		{name: "out of the directory", file: "outside", fail: "outside: no such file or directory"},
		{name: "too large", file: "huge", fail: "exceeds maximum allowed size"},
		{name: "a directory", file: "real", fail: "not a regular file"},
		{name: "with provenance", file: "Dockerfile", opts: map[string]string{"attest:provenance": "mode=max"}, asked: 2},
	} {
		t.Run(tc.name, func(t *testing.T) {
			asked := 0
			opts := map[string]string{"filename": tc.file}
			for k, v := range tc.opts {
				opts[k] = v
			}
			b := &builder{t: t, opts: opts, solve: func(context.Context, gateway.SolveRequest, *graph.Graph) (tree.Tree, error) {
				asked++
				return dir, nil
			}}
			ui, err := dockerui.NewClient(newLocalFiles(b, map[string]tree.Tree{"dockerfile": dir, "context": dir}))
			if err != nil {
				t.Fatal(err)
			}
			src, err := ui.ReadEntrypoint(t.Context(), "Dockerfile")
			if tc.fail != "" {
				if err == nil || !strings.Contains(err.Error(), tc.fail) {
					t.Fatalf("error %v, want %q in it", err, tc.fail)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if string(src.Data) != "FROM scratch\n" {
				t.Errorf("it read %q", src.Data)
			}
			ignored, err := ui.DockerIgnorePatterns(t.Context())
			if err != nil || !slices.Equal(ignored, []string{"node_modules"}) {
				t.Errorf("ignored %q, %v", ignored, err)
			}
			if asked != tc.asked {
				t.Errorf("the builder was asked %d times, want %d", asked, tc.asked)
			}
		})
	}
}

// TestLocalRefHidesTheRest shows only the files that were shared.
func TestLocalRefHidesTheRest(t *testing.T) {
	dir := &tree.Memory{}
	dir.File("/Dockerfile", 0o644, []byte("FROM scratch\n"))
	dir.File("/secret", 0o600, []byte("s"))
	r := &localRef{dir: dir, files: []string{"Dockerfile"}}
	if _, err := r.ReadFile(t.Context(), gateway.ReadRequest{Filename: "secret"}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("error %v", err)
	}
	data, err := r.ReadFile(t.Context(), gateway.ReadRequest{Filename: "Dockerfile", Range: &gateway.FileRange{Offset: 5, Length: 100}})
	if err != nil || string(data) != "scratch\n" {
		t.Errorf("%q, %v", data, err)
	}
}
