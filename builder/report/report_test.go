package report_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/whittle-oci/whittle/builder/packages"
	"github.com/whittle-oci/whittle/builder/plan"
	"github.com/whittle-oci/whittle/builder/report"
)

var update = flag.Bool("update", false, "write the golden files anew")

// shop is the report of a plan with everything that one can tell.
func shop() *report.Report {
	p := &plan.Plan{
		Entries: []plan.Entry{
			{Path: "/app", Type: plan.File, Size: 5_759_138, ModeText: "0755", Reason: "ENTRYPOINT"},
			{Path: "/etc", Type: plan.Dir, ModeText: "0755", Reason: "holds /etc/passwd"},
			{Path: "/etc/passwd", Type: plan.File, Size: 120, ModeText: "0644", Reason: "/app links os/user.Current"},
			{Path: "/lib/libz.so.1", Type: plan.Symlink, ModeText: "0777", Linkname: "libz.so.1.3", Reason: "library libz.so.1 of /app", Package: "zlib1g"},
			{Path: "/srv/\x1b[31mred\nline", Type: plan.File, Size: 1000, ModeText: "0644", Reason: "the final stage put it there", Droppable: true},
			{Path: "/srv/" + strings.Repeat("n", 100), Type: plan.File, ModeText: "0644", Reason: "the final stage put it there", Droppable: true},
		},
		Packages: []packages.Package{{Name: "zlib1g"}},
		Changes: []plan.Change{
			{Kind: "environment", Name: "GOPATH", From: "/go", Why: "only a build reads it"},
			{Kind: "environment", Name: "SSL_CERT_FILE", To: "/etc/ssl/certs/ca-certificates.crt", Why: "OpenSSL looks elsewhere by itself"},
			{Kind: "mode", Name: "/srv/conf", From: "0600", To: "0644", Why: "the user could not read it"},
			{Kind: "user", Name: "USER", From: "root", To: "65532:65532", Why: "containers should not run as root"},
		},
		Left:     []plan.Left{{Path: "/root/.cache", Why: "is a compiler's cache"}, {Path: "/srv/.env", Files: 1, Bytes: 12, Why: "is an environment file"}},
		Warnings: []plan.Warning{{Instruction: "COPY", Message: "/srv/.env was left out", Hint: "mount it"}},
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
		`{"version": 99}`: "the contents attestation has version 99, this whittle reads 1; use a newer one",
		`[`:               "reading the contents attestation",
	} {
		if _, err := report.Parse([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want %q", text, err, want)
		}
	}
}

// TestMarshal cuts a report that would not travel.
func TestMarshal(t *testing.T) {
	r := shop()
	for i := range 1000 {
		r.Files = append(r.Files, report.File{Path: fmt.Sprint("/srv/", i), Reason: "the final stage put it there"})
	}
	whole, err := r.Marshal(1 << 20)
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		limit       int
		files, left bool
	}{{len(whole), true, true}, {len(whole) - 1, false, true}, {1400, false, true}, {1000, false, false}} {
		dt, err := r.Marshal(tc.limit)
		if err != nil {
			t.Fatal(err)
		}
		got, err := report.Parse(dt)
		if err != nil {
			t.Fatal(err)
		}
		if len(dt) > tc.limit || len(got.Files) > 0 != tc.files || got.Truncated == tc.files || len(got.Left) > 0 != tc.left {
			t.Errorf("limit %d: %d bytes, files %v, truncated %v, left %v", tc.limit, len(dt), len(got.Files) > 0, got.Truncated, len(got.Left) > 0)
		}
	}
	if len(r.Files) < 1000 || r.Truncated {
		t.Error("cutting changed the report itself")
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
