package image_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/whittle-oci/whittle/builder/image"
	"github.com/whittle-oci/whittle/builder/packages"
)

func plan() *image.Plan {
	p := &image.Plan{
		Entries: []image.Entry{
			{Path: "/app", Type: image.File, Mode: 0o755, Size: 10, Reason: "CMD", Source: "/app"},
			{Path: "/etc/passwd", Type: image.File, Mode: 0o644, Size: 2, Data: []byte("ab"), Reason: "x"},
			{Path: "/lib", Type: image.Symlink, Linkname: "usr/lib", Reason: "x"},
		},
		Packages:   []packages.Package{{Name: "libc6", Version: "1", Arch: "amd64", Origin: "dpkg"}},
		Components: []image.Component{{Type: "golang", Name: "stdlib", Version: "1.26", Program: "/app"}},
	}
	p.Config.User, p.Config.Env = "1:1", []string{"A=1"}
	return p
}

func TestDiff(t *testing.T) {
	if d := image.Diff(plan(), plan()); len(d) != 0 {
		t.Errorf("equal plans differ: %v", d)
	}
	for _, tc := range []struct {
		name   string
		change func(*image.Plan)
		want   []image.Difference
	}{
		{"a file more", func(p *image.Plan) {
			p.Entries = append(p.Entries, image.Entry{Path: "/z", Type: image.Dir, Mode: 0o755})
		}, []image.Difference{{"file", "/z", "", "dir 0755 0:0 0 bytes"}}},
		{"one less", func(p *image.Plan) { p.Entries = p.Entries[1:] }, []image.Difference{{"file", "/app", "file 0755 0:0 10 bytes", ""}}},
		{"another type", func(p *image.Plan) { p.Entries[2] = image.Entry{Path: "/lib", Type: image.Dir} }, []image.Difference{{"file", "/lib", "symlink 0000 0:0 0 bytes", "dir 0000 0:0 0 bytes"}}},
		{"mode, owner and reason", func(p *image.Plan) {
			p.Entries[0].Mode, p.Entries[0].UID, p.Entries[0].Reason = 0o700, 5, "ENTRYPOINT"
		}, []image.Difference{{"mode", "/app", "0755", "0700"}, {"owner", "/app", "0:0", "5:0"}, {"reason", "/app", "CMD", "ENTRYPOINT"}}},
		{"content of the same size", func(p *image.Plan) { p.Entries[1].Data = []byte("ac") }, []image.Difference{{"content", "/etc/passwd", "2 bytes", "2 bytes, other ones"}}},
		{"a link", func(p *image.Plan) { p.Entries[2].Linkname = "/usr/lib" }, []image.Difference{{"link", "/lib", "usr/lib", "/usr/lib"}}},
		{"configuration", func(p *image.Plan) {
			p.Config.User, p.Config.Env, p.Config.WorkingDir = "", []string{"A=2"}, "/w"
		}, []image.Difference{{"config", "Env", `["A=1"]`, `["A=2"]`}, {"config", "User", `"1:1"`, ""}, {"config", "WorkingDir", "", `"/w"`}}},
		{"packages and components", func(p *image.Plan) {
			p.Packages[0].Version = "2"
			p.Components = []image.Component{{Type: "golang", Name: "x", Program: "/app"}}
		}, []image.Difference{{"component", "golang:stdlib of /app", "1.26", ""}, {"component", "golang:x of /app", "", "no version"}, {"package", "dpkg:libc6:amd64", "1", "2"}}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			b := plan()
			tc.change(b)
			if d := cmp.Diff(tc.want, image.Diff(plan(), b)); d != "" {
				t.Errorf("(-want +got)\n%s", d)
			}
			if back := image.Diff(b, plan()); len(back) != len(tc.want) {
				t.Errorf("the other way round: %v", back)
			}
		})
	}
}
