package llb

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/moby/buildkit/client/llb"
	"github.com/moby/buildkit/solver/pb"

	"github.com/whittle-oci/whittle/builder/image"
)

// TestCapabilities holds docs/compatibility.md to what definitions ask for: each
// capability has a line, and those with a way around are not asked for where the
// builder lacks them.
func TestCapabilities(t *testing.T) {
	page, err := os.ReadFile(filepath.Join("..", "..", "..", "docs", "compatibility.md"))
	if err != nil {
		t.Fatal(err)
	}
	entries := []image.Entry{
		{Path: "/d", Type: image.Dir, Mode: 0o755},
		{Path: "/d/a", Source: "/d/a", Mode: 0o644},
		{Path: "/d/made", Data: []byte("x"), Mode: 0o600, UID: 65532, GID: 65532},
		{Path: "/l", Type: image.Symlink, Linkname: "d/a", Source: "/l"},
		{Path: "/w", Type: image.Dir, Mode: 0o1777},
	}
	p := &image.Plan{Entries: entries, Layers: []image.Layer{{Entries: entries, Subtrees: []image.Subtree{{Root: "/s", Exclude: []string{"x"}, Mode: "a+rX,go-w,u-s,g-s"}}}}}
	asked := func(can Can) map[string]bool {
		def, err := State(p, Sources{Built: llb.Image("docker.io/library/debian:12")}, time.Unix(0, 0), can).Marshal(t.Context(), llb.LinuxAmd64)
		if err != nil {
			t.Fatal(err)
		}
		out := map[string]bool{}
		for _, md := range def.Metadata {
			for c := range md.Caps {
				out[string(c)] = true
			}
		}
		// What an action asks for is not in the metadata of its op.
		for _, dt := range def.Def {
			op := &pb.Op{}
			if err := op.UnmarshalVT(dt); err != nil {
				t.Fatal(err)
			}
			for _, a := range op.GetFile().GetActions() {
				copied := a.GetCopy()
				out[string(pb.CapFileSymlinkCreate)] = out[string(pb.CapFileSymlinkCreate)] || a.GetSymlink() != nil
				out[string(pb.CapFileCopyModeStringFormat)] = out[string(pb.CapFileCopyModeStringFormat)] || copied.GetModeStr() != ""
				out[string(pb.CapFileCopyIncludeExcludePatterns)] = out[string(pb.CapFileCopyIncludeExcludePatterns)] || len(copied.GetExcludePatterns())+len(copied.GetIncludePatterns()) > 0
				out[string(pb.CapFileCopyRequiredPaths)] = out[string(pb.CapFileCopyRequiredPaths)] || len(copied.GetRequiredPaths()) > 0
				out[string(pb.CapFileCopyAlwaysReplaceExistingDestPaths)] = out[string(pb.CapFileCopyAlwaysReplaceExistingDestPaths)] || copied.GetAlwaysReplaceExistingDestPaths()
			}
		}
		return out
	}
	with, without := asked(Can{Symlinks: true, SymbolicModes: true}), asked(Can{})
	for c, asked := range with {
		if asked && !strings.Contains(string(page), "`"+c+"`") {
			t.Errorf("docs/compatibility.md says nothing of %s", c)
		}
	}
	for _, c := range []string{"file.symlink.create", "file.copy.modestring"} {
		if !with[c] || without[c] {
			t.Errorf("%s is asked for: %v; where the builder lacks it: %v", c, with[c], without[c])
		}
	}
}
