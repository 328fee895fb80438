package cli_test

import (
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/static"

	"github.com/whittle-oci/whittle/builder/report"
	"github.com/whittle-oci/whittle/cmd/whittle/internal/cli"
)

// ran is one run of the program in this process.
type ran struct {
	code        int
	stdout, err string
}

func whittle(t *testing.T, args ...string) ran {
	t.Helper()
	var out, errs strings.Builder
	code := cli.Main(t.Context(), args, cli.IO{In: strings.NewReader(""), Out: &out, Err: &errs})
	return ran{code, out.String(), errs.String()}
}

// withReasons is an index of one image whose contents are attested as BuildKit
// attests them.
func withReasons(t *testing.T, predicate string) v1.ImageIndex {
	t.Helper()
	img, err := random.Image(64, 1)
	if err != nil {
		t.Fatal(err)
	}
	h, err := img.Digest()
	if err != nil {
		t.Fatal(err)
	}
	st := fmt.Sprintf(`{"_type":"https://in-toto.io/Statement/v0.1","predicateType":%q,"subject":[{"name":"_","digest":{"sha256":%q}}],"predicate":%s}`, report.ContentsPredicate, h.Hex, predicate)
	attested, err := mutate.Append(empty.Image, mutate.Addendum{
		Layer:       static.NewLayer([]byte(st), "application/vnd.in-toto+json"),
		Annotations: map[string]string{"in-toto.io/predicate-type": report.ContentsPredicate},
	})
	if err != nil {
		t.Fatal(err)
	}
	return mutate.AppendManifests(empty.Index,
		mutate.IndexAddendum{Add: img, Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: "linux", Architecture: "amd64"}}},
		mutate.IndexAddendum{Add: attested, Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: "unknown", Architecture: "unknown"}, Annotations: map[string]string{
			"vnd.docker.reference.type": "attestation-manifest", "vnd.docker.reference.digest": h.String(),
		}}})
}

const reasons = `{"version":1,"platform":"linux/amd64","left":[{"path":"/src","why":"source of the program"}],
	"files":[{"path":"/app","bytes":1,"mode":"0755","reason":"ENTRYPOINT"},{"path":"/etc/app/a","bytes":1,"mode":"0644","reason":"COPY"}]}`

// tables are the same reasons as they are written now, grouped those of files
// that are summed up by directory.
const (
	tables = `{"version":2,"platform":"linux/amd64","reasons":[{"reason":"ENTRYPOINT","mode":"0755"},{"reason":"COPY","mode":"0644"}],
	"paths":[{"directory":"/","reason":0,"names":["app"],"bytes":[1]},{"directory":"/etc/app","reason":1,"names":["a"],"bytes":[1]}]}`
	grouped = `{"version":2,"platform":"linux/amd64","grouped":true,"reasons":[{"reason":"ENTRYPOINT"},{"reason":"COPY"},{"reason":"package x"}],
	"paths":[{"directory":"/","reason":0,"bytes":[1],"files":1},{"directory":"/etc","reason":1,"bytes":[7],"files":2},{"directory":"/etc","reason":2,"bytes":[7],"files":3}]}`
)

func serveIndex(t *testing.T, index v1.ImageIndex) (ref string) {
	t.Helper()
	s := httptest.NewServer(registry.New(registry.WithReferrersSupport(true)))
	t.Cleanup(s.Close)
	tag, err := name.NewTag(strings.TrimPrefix(s.URL, "http://") + "/app:1")
	if err != nil {
		t.Fatal(err)
	}
	if err := remote.WriteIndex(tag, index); err != nil {
		t.Fatal(err)
	}
	return tag.String()
}

func TestWhy(t *testing.T) {
	t.Setenv("COSIGN_PASSWORD", "secret")
	prefix := filepath.Join(t.TempDir(), "cosign")
	other := filepath.Join(t.TempDir(), "other")
	for _, p := range []string{prefix, other} {
		if res := whittle(t, "keygen", "--output-key-prefix", p); res.code != cli.OK {
			t.Fatal(res.err)
		}
	}
	index := withReasons(t, reasons)
	unsigned, signed := serveIndex(t, index), serveIndex(t, index)
	if res := whittle(t, "attest", "--key", prefix+".key", signed); res.code != cli.OK {
		t.Fatal(res.err)
	}
	dir := filepath.Join(t.TempDir(), "layout")
	if _, err := layout.Write(dir, mutate.AppendManifests(empty.Index, mutate.IndexAddendum{Add: index})); err != nil {
		t.Fatal(err)
	}
	foreign := serveIndex(t, empty.Index)
	inTables, byDirectory := serveIndex(t, withReasons(t, tables)), serveIndex(t, withReasons(t, grouped))
	broken := serveIndex(t, withReasons(t, `{"version":2,"paths":[{"directory":"/","reason":1,"names":["a"],"bytes":[1]}]}`))
	newer := serveIndex(t, withReasons(t, `{"version":1000}`))
	for _, tc := range []struct {
		name   string
		args   []string
		code   int
		stdout string
		err    string
	}{
		{"unsigned", []string{unsigned, "/app"}, cli.OK, "/app  ENTRYPOINT\n", "whittle: the reasons are not signed: they are what the builder attached\n"},
		{"signed by someone", []string{signed, "/app"}, cli.OK, "/app  ENTRYPOINT\n", "whittle: the reasons are signed; --key checks by whom\n"},
		{"signed by the key", []string{"--key", prefix + ".pub", signed, "app"}, cli.OK, "/app  ENTRYPOINT\n", "whittle: the reasons are signed by the given key\n"},
		{"every file", []string{unsigned, "-q"}, cli.OK, "/app  ENTRYPOINT\n/etc/app/a  COPY\n", ""},
		{"a directory", []string{dir, "/etc", "-q"}, cli.OK, "/etc/app/a  COPY\n", ""},
		{"every file of the tables", []string{inTables, "-q"}, cli.OK, "/app  ENTRYPOINT\n/etc/app/a  COPY\n", ""},
		{"one file of the tables", []string{inTables, "/etc/app/a", "-q"}, cli.OK, "/etc/app/a  COPY\n", ""},
		{"a file of a directory", []string{byDirectory, "/etc/app/a", "-q"}, cli.OK, "/etc (2 files, which are not listed one by one)  COPY\n/etc (3 files, which are not listed one by one)  package x\n", ""},
		{"broken tables", []string{broken, "/a"}, cli.Failed, "", "/ has reason 1 of 0"},
		{"signed by another key", []string{"--key", other + ".pub", signed}, cli.Findings, "", "none by the given key"},
		{"signed by nobody", []string{"--key", prefix + ".pub", unsigned}, cli.Findings, "", "hint: whittle attest signs the reasons that a build attached"},
		{"a layout", []string{dir, "/app"}, cli.OK, "/app  ENTRYPOINT\n", "reading OCI layout " + dir},
		{"left out", []string{unsigned, "/src/main.go"}, cli.Findings, "", "/src/main.go is not in registry " + strings.TrimSuffix(unsigned, ":1")},
		{"not there", []string{unsigned, "/nowhere"}, cli.Findings, "", "/nowhere is not in registry " + strings.TrimSuffix(unsigned, ":1")},
		{"no reasons", []string{foreign}, cli.Findings, "", "hint: build with --sbom, --provenance or contents: true"},
		{"of the future", []string{newer}, cli.Failed, "", "use a newer one"},
		{"no such key", []string{"--key", "nowhere.pub", signed}, cli.Usage, "", "--key: "},
		{"no image", []string{"A B"}, cli.Usage, "", "is not an image reference"},
		{"no registry", []string{"127.0.0.1:1/app"}, cli.Failed, "", "registry 127.0.0.1:1/app"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			res := whittle(t, append([]string{"why"}, tc.args...)...)
			if res.code != tc.code || res.stdout != tc.stdout || !strings.Contains(res.err, tc.err) {
				t.Errorf("exit %d, want %d\nstdout %q, want %q\nstderr %q, want %q", res.code, tc.code, res.stdout, tc.stdout, res.err, tc.err)
			}
		})
	}
	for ref, want := range map[string][2]bool{unsigned: {false, false}, signed: {true, true}} {
		args := []string{"why", "--json", ref, "/app"}
		if want[0] {
			args = append(args, "--key", prefix+".pub")
		}
		res := whittle(t, args...)
		var got []struct {
			Source, Platform, Path, Reason string
			Signed, Verified               *bool
		}
		if err := json.Unmarshal([]byte(res.stdout), &got); err != nil {
			t.Fatalf("%v\n%s", err, res.stdout)
		}
		if len(got) != 1 || got[0].Path != "/app" || got[0].Source != "registry "+strings.TrimSuffix(ref, ":1") || got[0].Signed == nil || *got[0].Signed != want[0] || *got[0].Verified != want[1] {
			t.Errorf("%s", res.stdout)
		}
	}
}
