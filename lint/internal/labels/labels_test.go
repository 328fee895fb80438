package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/whittle-oci/whittle/lint/internal/archive"
)

// corpus writes an archive of one Dockerfile.
func corpus(t *testing.T, text string) string {
	t.Helper()
	var b bytes.Buffer
	zw := gzip.NewWriter(&b)
	tw := tar.NewWriter(zw)
	if err := tw.WriteHeader(&tar.Header{Name: "realworld/x", Mode: 0o644, Size: int64(len(text))}); err != nil {
		t.Fatal(err)
	}
	for _, err := range []error{func() error { _, err := tw.Write([]byte(text)); return err }(), tw.Close(), zw.Close()} {
		if err != nil {
			t.Fatal(err)
		}
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, archive.Name), b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestRun(t *testing.T) {
	const (
		text = "FROM debian:12\nENV API_TOKEN=k8Fh3mQz91 AUTHORS=us \\\n    TZ=UTC\nENV KEY_DIR=/keys\n"
		ours = "x\t2\t5\tsecret-in-variable\tAPI_TOKEN\tsecret\tIt is a token.\n"
		who  = "x\t2\t26\t-\tAUTHORS\tnot\tIt names people.\n"
		dir  = "x\t4\t5\t-\tKEY_DIR\tnot\tIt is a directory.\n"
	)
	for _, c := range []struct{ name, list, want string }{
		{"agreement", ours + who + dir, ""},
		{"a finding without a label", who + dir, "x:2:5: secret-in-variable has no label"},
		{"a variable without a label", ours + dir, "x:2:26: the variable AUTHORS has no label"},
		{"a finding that is none", ours + strings.Replace(who, "-", "secret-in-variable", 1) + dir, "x:2:26 AUTHORS: the label says secret-in-variable, the linter -"},
		{"silence that is none", strings.Replace(ours, "secret-in-variable", "-", 1) + who + dir, "x:2:5 API_TOKEN: the label says -, the linter secret-in-variable"},
		{"a word that is no variable", ours + who + "x\t3\t5\t-\tTZ\tnot\tIt is a zone.\n" + dir, ""},
		{"another name", ours + strings.Replace(who, "AUTHORS", "OTHERS", 1) + dir, "x:2:26: no OTHERS stands there"},
		{"another line", ours + who + "x\t9\t5\t-\tTZ\tnot\tIt is a zone.\n", "x:9:5: no TZ stands there"},
		{"another column", ours + who + "x\t3\t99\t-\tTZ\tnot\tIt is a zone.\n" + dir, "x:3:99: no TZ stands there"},
		{"another file", ours + who + dir + "y\t3\t5\t-\tTZ\tnot\tIt is a zone.\n", "y:3:5: no TZ stands there"},
		{"a credential that is lost", ours + who + strings.Replace(dir, "not", "secret", 1), "x:4:5 KEY_DIR: a credential that is not found: It is a directory."},
		{"too many that are none", strings.Replace(ours, "\tsecret\t", "\tnot\t", 1) + who + dir, "1 of 1 findings by name are no credentials"},
		{"no label at all", "", "0 of 0 findings"},
		{"two labels for a place", ours + ours, "x:2:5 is not behind x:2:5"},
		{"an order of its own", dir + ours, "x:2:5 is not behind x:4:5"},
		{"a line cut short", "x\t2\t5\n", "list.tsv:2: a line is"},
		{"an empty field", strings.Replace(ours, "API_TOKEN", "", 1), "list.tsv:2: a line is"},
		{"no number of a line", strings.Replace(ours, "\t2\t", "\ttwo\t", 1), "list.tsv:2: the line:"},
		{"no number of a column", strings.Replace(ours, "\t5\t", "\tfive\t", 1), "list.tsv:2: the column:"},
		{"a rule that goes by values", strings.Replace(ours, "secret-in-variable", "secret-value", 1), "secret-value is no rule that goes by names"},
		{"another word for a label", strings.Replace(who, "\tnot\t", "\tmaybe\t", 1), `no "maybe"`},
		{"no sentence", strings.Replace(who, "It names people.", "so", 1), `"so" is no sentence`},
	} {
		t.Run(c.name, func(t *testing.T) {
			list := filepath.Join(t.TempDir(), "list.tsv")
			if err := os.WriteFile(list, []byte(header+"\n"+c.list), 0o600); err != nil {
				t.Fatal(err)
			}
			var out strings.Builder
			err := run(t.Context(), &out, corpus(t, text), list)
			said := out.String()
			if err != nil {
				said += err.Error()
			}
			if (err != nil) != (c.want != "") || !strings.Contains(said, c.want) {
				t.Errorf("want %q, got\n%s", c.want, said)
			}
		})
	}
	if err := run(t.Context(), &strings.Builder{}, t.TempDir(), filepath.Join(t.TempDir(), "none")); err == nil {
		t.Error("labels that are not there were read")
	}
}

// TestLabels holds the labels of the repository to the bars, without the archive
// that they are about.
func TestLabels(t *testing.T) {
	labels, err := read("../../../testdata/labels/secrets.tsv")
	if err != nil {
		t.Fatal(err)
	}
	c := tally(labels)
	for _, f := range c.faults() {
		t.Error(f)
	}
	if len(labels) < 200 || c.secrets == len(labels) {
		t.Errorf("%d labels, %d of which are credentials", len(labels), c.secrets)
	}
}
