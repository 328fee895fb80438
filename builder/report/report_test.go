package report_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/whittle-oci/whittle/builder/image"
	"github.com/whittle-oci/whittle/builder/packages"
	"github.com/whittle-oci/whittle/builder/report"
)

var update = flag.Bool("update", false, "write the golden files anew")

// shop is the report of a plan with everything that one can tell.
func shop() *report.Report {
	p := &image.Plan{
		Entries: []image.Entry{
			{Path: "/app", Type: image.File, Size: 5_759_138, ModeText: "0755", Reason: "ENTRYPOINT"},
			{Path: "/etc", Type: image.Dir, ModeText: "0755", Reason: "holds /etc/passwd"},
			{Path: "/etc/passwd", Type: image.File, Size: 120, ModeText: "0644", Reason: "/app links os/user.Current"},
			{Path: "/lib/libz.so.1", Type: image.Symlink, ModeText: "0777", Linkname: "libz.so.1.3", Reason: "library libz.so.1 of /app", Package: "zlib1g"},
			{Path: "/srv/\x1b[31mred\nline", Type: image.File, Size: 1000, ModeText: "0644", Reason: "the final stage put it there", Droppable: true},
			{Path: "/srv/" + strings.Repeat("n", 100), Type: image.File, ModeText: "0644", Reason: "the final stage put it there", Droppable: true},
		},
		Packages: []packages.Package{{Name: "zlib1g"}},
		Changes: []image.Change{
			{Kind: "environment", Name: "GOPATH", From: "/go", Why: "only a build reads it"},
			{Kind: "environment", Name: "SSL_CERT_FILE", To: "/etc/ssl/certs/ca-certificates.crt", Why: "OpenSSL looks elsewhere by itself"},
			{Kind: "mode", Name: "/srv/conf", From: "0600", To: "0644", Why: "the user could not read it"},
			{Kind: "user", Name: "USER", From: "root", To: "65532:65532", Why: "containers should not run as root"},
		},
		Left:     []image.Left{{Path: "/root/.cache", Why: "is a compiler's cache"}, {Path: "/srv/.env", Files: 1, Bytes: 12, Why: "is an environment file"}},
		Warnings: []image.Warning{{Instruction: "COPY", Message: "/srv/.env was left out", Hint: "mount it"}},
		Programs: []string{"/app"},
		Shell:    "/bin/sh",
	}
	p.Config.User = "65532:65532"
	r := report.New("linux/amd64", p)
	r.Before = report.Side{Bytes: 912_345_678, Files: 12345, Packages: 100, User: report.UserText(""), Shell: "/bin/sh"}
	r.Static = &report.Static{Made: true, Why: "no package outside the standard library uses cgo", Set: []string{"CGO_ENABLED=0"}}
	return r
}

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	name = "testdata/" + name
	if *update {
		if err := os.WriteFile(name, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(want), string(got)); d != "" {
		t.Errorf("%s (-want +got):\n%s", name, d)
	}
}

func TestText(t *testing.T) {
	for name, o := range map[string]report.TextOptions{"summary.txt": {}, "files.txt": {Files: true}} {
		var b bytes.Buffer
		if err := shop().Text(&b, o); err != nil {
			t.Fatal(err)
		}
		if bytes.ContainsRune(b.Bytes(), '\x1b') {
			t.Errorf("%s: an escape sequence of a file's name reaches the terminal", name)
		}
		golden(t, name, b.Bytes())
	}
}

// TestJSON holds the form that travels in attestations, and reads it back.
func TestJSON(t *testing.T) {
	dt, err := json.MarshalIndent(shop(), "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "report.json", dt)
	back, err := report.Parse(dt)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(shop(), back); d != "" {
		t.Errorf("what was written and read again (-want +got):\n%s", d)
	}
	for text, want := range map[string]string{
		`{"version": 99}`: "the contents attestation has version 99, this whittle reads 2; use a newer one",
		`[`:               "reading the contents attestation",
	} {
		if _, err := report.Parse([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want %q", text, err, want)
		}
	}
}

// huge is a report with much of what a plan may say a lot of.
func huge(lists, text int) *report.Report {
	r := shop()
	for i := range lists {
		long := fmt.Sprint(i, strings.Repeat("\x01", text)) // six bytes each in JSON
		r.Left = append(r.Left, image.Left{Path: "/left/" + long, Why: long})
		r.Changes = append(r.Changes, image.Change{Kind: "mode", Name: long, From: long, To: long, Why: long})
		r.Warnings = append(r.Warnings, image.Warning{Message: long, Hint: long})
		r.Programs = append(r.Programs, long)
		r.Static.Cgo = append(r.Static.Cgo, long)
		r.Files = append(r.Files, report.File{Path: fmt.Sprintf("/srv/%d/%d/%s", i%7, i%100, long), Bytes: 1, Mode: "0644", Reason: "COPY " + long})
	}
	r.Static.Why = strings.Repeat("w", lists*text)
	r.Platform = "linux/" + strings.Repeat("p", text)
	return r
}

// TestLimit holds reports and contents to their limit whatever it is that is
// large, and to leaving out no more than that takes.
func TestLimit(t *testing.T) {
	for name, r := range map[string]*report.Report{"ordinary": shop(), "many": huge(2000, 0), "long": huge(2, 30<<10), "both": huge(60, 800)} {
		before, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		whole, err := r.Marshal(1 << 30)
		if err != nil {
			t.Fatal(err)
		}
		for _, limit := range []int{len(whole), len(whole) - 1, 900 << 10, 100 << 10, 10 << 10, 4000} {
			dt, err := r.Marshal(limit)
			if err != nil {
				t.Errorf("%s: %d: %v", name, limit, err)
				continue
			}
			var got report.Report
			if err := json.Unmarshal(dt, &got); err != nil {
				t.Fatal(err)
			}
			if len(dt) > limit || got.Truncated != (limit < len(whole)) || got.Truncated && len(got.Files) > 0 {
				t.Errorf("%s: %d: %d bytes, truncated %v, %d files", name, limit, len(dt), got.Truncated, len(got.Files))
			}
			for list, n := range map[string][2]int{"left": {len(r.Left), len(got.Left)}, "changes": {len(r.Changes), len(got.Changes)}, "warnings": {len(r.Warnings), len(got.Warnings)}, "programs": {len(r.Programs), len(got.Programs)}, "cgo": {len(r.Static.Cgo), len(got.Static.Cgo)}} {
				if n[0] != n[1]+got.Omitted[list] {
					t.Errorf("%s: %d: %s has %d of %d entries and %d are said to be left out", name, limit, list, n[1], n[0], got.Omitted[list])
				}
			}
			if len(got.Omitted) > 0 && len(dt) < limit/2 && limit >= 100<<10 {
				t.Errorf("%s: %d: only %d bytes are used, though %v was left out", name, limit, len(dt), got.Omitted)
			}
			contents, _, err := r.Contents(limit)
			if err != nil || len(contents) > limit {
				t.Errorf("%s: %d: contents of %d bytes, %v", name, limit, len(contents), err)
			}
			files := 0
			back, err := report.Parse(contents)
			if err != nil {
				t.Fatal(err)
			}
			for _, f := range back.Files {
				files += max(f.Files, 1)
			}
			if files != len(r.Files) {
				t.Errorf("%s: %d: contents of %d files, want %d", name, limit, files, len(r.Files))
			}
		}
		if after, err := json.Marshal(r); err != nil || !bytes.Equal(before, after) {
			t.Errorf("%s: cutting changed the report itself (%v)", name, err)
		}
	}
	if dt, err := shop().Marshal(10); err == nil {
		t.Errorf("a limit of nothing gives %s", dt)
	}
}

// TestContents holds the form of the predicate, and reads it back.
func TestContents(t *testing.T) {
	dt, grouped, err := shop().Contents(1 << 20)
	if err != nil || grouped {
		t.Fatalf("grouped %v, %v", grouped, err)
	}
	var indented bytes.Buffer
	if err := json.Indent(&indented, dt, "", "  "); err != nil {
		t.Fatal(err)
	}
	golden(t, "contents.json", indented.Bytes())
	back, err := report.Parse(dt)
	if err != nil {
		t.Fatal(err)
	}
	want := shop()
	slices.SortFunc(want.Files, func(a, b report.File) int { return strings.Compare(a.Path, b.Path) })
	if d := cmp.Diff(want, back); d != "" {
		t.Errorf("what was written and read again (-want +got):\n%s", d)
	}
	for text, want := range map[string]string{
		`{"version":2,"reasons":[{"reason":"x"}],"paths":[{"directory":"/a","reason":-1}]}`:              "/a has reason -1 of 1",
		`{"version":2,"reasons":[{"reason":"x"}],"paths":[{"directory":"/a","names":["b"],"bytes":[]}]}`: "/a has 1 names and 0 sizes",
		`{"version":2,"paths":[7]}`: "reading the contents attestation",
	} {
		if _, err := report.Parse([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want %q", text, err, want)
		}
	}
}

// TestGrouped sums files up by directory no more than a limit takes, and still
// says why each of them is there.
func TestGrouped(t *testing.T) {
	r := &report.Report{Version: report.Version, Platform: "linux/amd64"}
	for i := range 10_000 {
		why := "COPY"
		if i%100 == 0 {
			why = "package x"
		}
		r.Files = append(r.Files, report.File{Path: fmt.Sprintf("/srv/%02d/%03d/file-%d", i%10, i%1000, i), Bytes: 1, Mode: "0644", Reason: why, Droppable: why == "COPY"})
	}
	for _, tc := range []struct {
		limit int
		name  string
		want  []report.File
	}{
		{1 << 20, "/srv/07/107/file-107", []report.File{{Path: "/srv/07/107/file-107", Bytes: 1, Mode: "0644", Reason: "COPY", Droppable: true}}},
		{100 << 10, "/srv/07/107/file-107", []report.File{{Path: "/srv/07/107", Bytes: 10, Reason: "COPY", Droppable: true, Files: 10}}},
		{100 << 10, "/srv/00/100", []report.File{{Path: "/srv/00/100", Bytes: 10, Reason: "package x", Files: 10}}},
		{5 << 10, "/srv/00/100/file-100", []report.File{{Path: "/srv/00", Bytes: 1000, Reason: "package x, and 1 other reasons", Files: 1000}}},
		{600, "/srv/00/100/file-100", []report.File{{Path: "/srv", Bytes: 10_000, Reason: "package x, and 1 other reasons", Files: 10_000}}},
		{1 << 20, "/srv/07/107/none", nil},
	} {
		dt, grouped, err := r.Contents(tc.limit)
		if err != nil || len(dt) > tc.limit || grouped != (tc.limit < 1<<20) {
			t.Fatalf("%d: %d bytes, grouped %v, %v", tc.limit, len(dt), grouped, err)
		}
		back, err := report.Parse(dt)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(tc.want, back.Why(tc.name)); d != "" {
			t.Errorf("%d: %s (-want +got):\n%s", tc.limit, tc.name, d)
		}
	}
}

func TestDirectories(t *testing.T) {
	r := &report.Report{Files: []report.File{{Path: "/a/b/c/x", Bytes: 1}, {Path: "/a/b/d/y", Bytes: 2}, {Path: "/z", Bytes: 3}, {Path: "/b/w", Bytes: 3}}}
	var got []string
	for _, f := range r.Directories(2) {
		got = append(got, fmt.Sprint(f.Path, " ", f.Bytes))
	}
	if d := cmp.Diff([]string{"/ 3", "/a/b 3", "/b 3"}, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

func TestSize(t *testing.T) {
	for n, want := range map[int64]string{0: "0 B", 999: "999 B", 1000: "1.00 kB", 1_585_314: "1.59 MB", 12_300_000_000: "12.30 GB"} {
		if got := report.Size(n); got != want {
			t.Errorf("%d is %s, want %s", n, got, want)
		}
	}
}

// FuzzParse reads predicates of anybody's, which must be understood or refused,
// and hold what they say when they are written anew.
func FuzzParse(f *testing.F) {
	whole, _, err := shop().Contents(1 << 20)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(whole)
	f.Add([]byte(`{"version":1,"files":[{"path":"/a","reason":"x"}]}`))
	f.Add([]byte(`{"version":2,"grouped":true,"reasons":[{"reason":"x"}],"paths":[{"directory":"/","reason":0,"bytes":[1],"files":2}]}`))
	f.Fuzz(func(t *testing.T, predicate []byte) {
		r, err := report.Parse(predicate)
		if err != nil {
			return
		}
		r.Why("/a/b")
		dt, grouped, err := r.Contents(1 << 20)
		if err != nil || grouped {
			return
		}
		back, err := report.Parse(dt)
		if err != nil || len(back.Files) != len(r.Files) {
			t.Errorf("%s became %s: %v", predicate, dt, err)
		}
	})
}
