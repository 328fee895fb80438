package frontend

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/moby/buildkit/client/llb"
	gateway "github.com/moby/buildkit/frontend/gateway/client"
	"github.com/moby/buildkit/solver/pb"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
	"google.golang.org/protobuf/proto"

	"github.com/whittle-oci/whittle/builder/graph"
	"github.com/whittle-oci/whittle/builder/image"
	"github.com/whittle-oci/whittle/builder/need/elf/elftest"
	"github.com/whittle-oci/whittle/builder/packages"
	"github.com/whittle-oci/whittle/builder/report"
	"github.com/whittle-oci/whittle/builder/tree"
)

// mkfile finds the file of that name that a definition writes.
func mkfile(g *graph.Graph, name string) []byte {
	for _, d := range g.Order {
		for _, a := range g.Ops[d].GetFile().GetActions() {
			if f := a.GetMkfile(); f.GetPath() == name {
				return f.Data
			}
		}
	}
	return nil
}

// attached is what a build of several platforms attaches.
type attached struct {
	contents [][]byte
	sboms    [][]byte
	reports  [][]byte
	messages int // bytes of all definitions that the result carries
	plans    []*image.Plan
	warned   []string
}

// attach builds an image of a tree for three platforms with everything that a
// client may ask for.
func attach(t *testing.T, built *tree.Memory) (attached, error) {
	t.Helper()
	var out attached
	var mu sync.Mutex
	dir := &tree.Memory{}
	dir.File("/Dockerfile", 0o644, []byte("FROM scratch\nCOPY . /\nENTRYPOINT [\"/app\"]\n"))
	b := &builder{t: t, opts: map[string]string{
		"platform": "linux/amd64,linux/arm64,linux/arm/v7", "attest:sbom": "", "attest:provenance": "mode=max", "build-arg:WHITTLE_CONTENTS": "true",
	}, warn: func(msg string) {
		mu.Lock()
		defer mu.Unlock()
		out.warned = append(out.warned, msg)
	}, solve: func(_ context.Context, req gateway.SolveRequest, g *graph.Graph) (tree.Tree, error) {
		mu.Lock()
		defer mu.Unlock()
		if n := proto.Size(req.Definition); n >= maxMessage {
			t.Errorf("a definition has %d bytes", n)
		}
		if strings.HasPrefix(sources(g), "local://dockerfile") {
			return dir, nil
		}
		contents, sbom := mkfile(g, "/contents.json"), mkfile(g, "/sbom.spdx.json")
		if contents != nil {
			out.contents = append(out.contents, contents)
		}
		if sbom != nil {
			out.sboms = append(out.sboms, sbom)
		}
		if contents != nil || sbom != nil || strings.Contains(fmt.Sprint(req.Definition.Metadata), "minimal image") {
			out.messages += proto.Size(req.Definition)
		}
		return built, nil
	}}
	res, err := New(Options{
		ConfigName: ".whittle.yaml", Version: "1.2.3",
		OnReport: func(_ *report.Report, p *image.Plan) {
			mu.Lock()
			defer mu.Unlock()
			out.plans = append(out.plans, p)
		},
	})(t.Context(), registry{b})
	if err != nil {
		return out, err
	}
	for key, dt := range res.Metadata {
		if strings.HasPrefix(key, reportKey) {
			out.reports = append(out.reports, dt)
			out.messages += len(dt)
		}
	}
	return out, nil
}

// TestManyFiles keeps all that is generated for many files on three platforms
// within what one message holds, with every file's reason.
func TestManyFiles(t *testing.T) {
	const n, name = 20_000, "/srv/static/%02d/asset-%d.js"
	built := &tree.Memory{}
	built.File("/app", 0o755, elftest.File{}.Bytes())
	for i := range n {
		built.File(fmt.Sprintf(name, i%100, i), 0o644, nil)
	}
	got, err := attach(t, built)
	if err != nil {
		t.Fatal(err)
	}
	if len(got.contents) != 3 || len(got.sboms) != 3 || len(got.reports) != 3 {
		t.Fatalf("%d contents, %d SBOMs, %d reports", len(got.contents), len(got.sboms), len(got.reports))
	}
	generated := 0
	for _, list := range [][][]byte{got.contents, got.sboms, got.reports} {
		for _, doc := range list {
			generated += len(doc)
		}
	}
	for _, p := range got.plans {
		for _, e := range p.Entries {
			generated += len(e.Data)
		}
	}
	if generated > maxGenerated || got.messages > maxMessage-envelope || len(got.warned) > 0 {
		t.Errorf("%d bytes are generated, %d sent; warnings %q", generated, got.messages, got.warned)
	}
	for _, doc := range got.contents {
		r, err := report.Parse(doc)
		if err != nil {
			t.Fatal(err)
		}
		if why := r.Why(fmt.Sprintf(name, 77, 77)); len(r.Files) < n || len(why) != 1 || why[0].Files != 0 || why[0].Reason == "" {
			t.Errorf("%s: %d files, one is there because %+v", r.Platform, len(r.Files), why)
		}
	}
}

// TestDocuments holds all that is said about images to its bound, whatever it
// is that is large, and says it when files are summed up.
func TestDocuments(t *testing.T) {
	for _, tc := range []struct {
		name             string
		platforms        int
		files, packages  int
		changes          int
		generated        int // bytes of files that the plan writes
		warned, refused  string
		compact, grouped bool
	}{
		{name: "little", platforms: 3, files: 10, packages: 10},
		{name: "long names", platforms: 3, files: 90_000, grouped: true, warned: "says why directories are in the image, not files: with all files of linux/amd64"},
		{name: "many changes", platforms: 3, files: 10, changes: 30_000},
		{name: "many platforms", platforms: 20, files: 5000, packages: 200, changes: 3000, generated: 200_000, grouped: true, warned: "says why directories"},
		{name: "many packages", platforms: 6, files: 10, packages: 3000, compact: true},
		{name: "far too many packages", platforms: 20, files: 10, packages: 3000, refused: "the SBOMs of 20 platforms have"},
		{name: "large files", platforms: 6, files: 10, generated: 2 << 20, refused: "build fewer platforms at a time"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var warned []string
			fake := &builder{t: t, opts: map[string]string{"attest:sbom": "", "attest:provenance": ""}}
			b := fake.start("FROM scratch\n")
			b.src.Warn = func(_ context.Context, msg string, _ gateway.WarnOpts) { warned = append(warned, msg) }
			b.config.Contents = "auto"
			a := newAttestations(b)
			p := &image.Plan{Entries: []image.Entry{{Path: "/etc/x", Type: image.File, Data: make([]byte, tc.generated)}}}
			for i := range tc.files {
				p.Entries = append(p.Entries, image.Entry{Path: fmt.Sprintf("/srv/%02d/the-name-of-an-asset-with-its-digest-%032x.js", i%100, i), Type: image.File, ModeText: "0644", Reason: "COPY"})
			}
			for i := range tc.packages {
				name := fmt.Sprintf("package-with-a-name-%d", i)
				p.Packages = append(p.Packages, packages.Package{Name: name, Version: "1.2.3-4", Source: name, Origin: "dpkg", PURL: "pkg:deb/debian/" + name + "@1.2.3-4?arch=amd64&distro=debian-12"})
			}
			for i := range tc.changes {
				p.Changes = append(p.Changes, image.Change{Kind: "mode", Name: fmt.Sprint("/srv/file-", i), From: "0640", To: "0644", Why: "the user could not read it"})
			}
			for i := range tc.platforms {
				arch := []string{"amd64", "arm64", "arm", "s390x", "ppc64le", "riscv64"}[i%6]
				target := ocispecs.Platform{OS: "linux", Architecture: arch}
				if i >= 6 {
					target.OSVersion = fmt.Sprint(i)
				}
				a.add(&target, report.New(platformName(&target), p), p, llb.Scratch(), time.Unix(0, 0))
				b.weight.Add(int64(tc.generated + 10_000))
			}
			docs, err := a.documents(t.Context())
			if tc.refused != "" {
				if err == nil || !strings.Contains(err.Error(), tc.refused) {
					t.Errorf("%v, want %s", err, tc.refused)
				}
				return
			}
			if err != nil || len(docs) != tc.platforms {
				t.Fatalf("%d documents, %v", len(docs), err)
			}
			total := tc.platforms * tc.generated
			for id, d := range docs {
				total += len(d.report) + len(d.contents) + len(d.sbom)
				c, err := report.Parse(d.contents)
				if err != nil {
					t.Fatal(err)
				}
				if grouped := c.Files[0].Files > 0; grouped != tc.grouped {
					t.Errorf("%s: summed up by directory: %v", id, grouped)
				}
				var r report.Report
				if err := json.Unmarshal(d.report, &r); err != nil || len(d.report) > maxReport || r.Platform != id {
					t.Errorf("%s: the report has %d bytes, %v", id, len(d.report), err)
				}
				if n := bytes.Count(d.sbom, []byte("referenceLocator")); n != tc.packages {
					t.Errorf("%s: the SBOM has %d packages, want %d", id, n, tc.packages)
				}
				if compact := !bytes.Contains(d.sbom, []byte("sourceInfo")); tc.packages > 0 && compact != tc.compact {
					t.Errorf("%s: compact SBOM: %v", id, compact)
				}
			}
			if total > maxGenerated {
				t.Errorf("%d bytes are generated", total)
			}
			if got := strings.Join(warned, "\n"); (got == "") != (tc.warned == "") || !strings.Contains(got, tc.warned) {
				t.Errorf("warnings %q, want %q", got, tc.warned)
			}
		})
	}
}

// TestTooLarge refuses what BuildKit would not take in words that lead on.
func TestTooLarge(t *testing.T) {
	def := func(actions, size int) *pb.Definition {
		op := &pb.Op{Op: &pb.Op_File{File: &pb.FileOp{}}}
		for range actions {
			op.GetFile().Actions = append(op.GetFile().Actions, &pb.FileAction{Action: &pb.FileAction_Mkfile{Mkfile: &pb.FileActionMkFile{Data: bytes.Repeat([]byte{'x'}, size)}}})
		}
		dt, err := proto.Marshal(op)
		if err != nil {
			t.Fatal(err)
		}
		return &pb.Definition{Def: [][]byte{dt}}
	}
	run, err := proto.Marshal(&pb.Op{Op: &pb.Op_Exec{Exec: &pb.ExecOp{Meta: &pb.Meta{Args: []string{strings.Repeat("x", maxMessage)}}}}})
	if err != nil {
		t.Fatal(err)
	}
	b := (&builder{t: t}).start("FROM scratch\n")
	for name, tc := range map[string]struct {
		def  *pb.Definition
		want string
	}{
		"small":      {def(10, 1000), ""},
		"many files": {def(17, 1<<20), "the definition of the build has 17.0 MiB, and BuildKit takes 16.0 MiB in one message; most of it are 17 files and directories that are copied or written one by one"},
		"a script":   {&pb.Definition{Def: [][]byte{run}}, "put large scripts and heredocs into files of the context"},
	} {
		err := b.sendable(tc.def)
		if (err == nil) != (tc.want == "") || err != nil && !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: %v, want %s", name, err, tc.want)
		}
	}
	b.weight.Store(maxMessage)
	if err := b.fits(); err == nil || !strings.Contains(err.Error(), "build fewer platforms at a time") {
		t.Errorf("all together: %v", err)
	}
}

func TestShares(t *testing.T) {
	for _, tc := range []struct {
		need []int
		room int
		want []int
	}{
		{[]int{5, 1, 3}, 10, []int{5, 1, 3}},
		{[]int{9, 1, 9}, 11, []int{5, 1, 5}},
		{[]int{9, 9, 9}, 3, []int{1, 1, 1}},
		{nil, 3, []int{}},
	} {
		if got := shares(tc.need, tc.room); !slices.Equal(got, tc.want) {
			t.Errorf("%v of %d: %v, want %v", tc.need, tc.room, got, tc.want)
		}
	}
}
