package tree_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/whittle-oci/whittle/builder/tree"
)

// usr is a small root with merged /usr, as Debian has it.
func usr() *tree.Memory {
	t := &tree.Memory{}
	t.Symlink("/lib", "usr/lib")
	t.File("/usr/lib/libz.so.1.3", 0o644, []byte("z"))
	t.Symlink("/usr/lib/libz.so.1", "libz.so.1.3")
	t.Symlink("/usr/lib/abs", "/usr/lib/libz.so.1")
	t.Symlink("/usr/lib/up", "../../../../usr/lib/libz.so.1.3")
	t.Symlink("/a", "b")
	t.Symlink("/b", "a")
	t.Symlink("/dangling", "/nowhere")
	t.Symlink("/root-link", "/")
	t.Symlink("/through-file", "usr/lib/libz.so.1.3/..")
	return t
}

func TestResolve(t *testing.T) {
	for _, tc := range []struct {
		name, path string
		links      string
		err        error
	}{
		{"/usr/lib/libz.so.1.3", "/usr/lib/libz.so.1.3", "", nil},
		{"/lib/libz.so.1", "/usr/lib/libz.so.1.3", "/lib /usr/lib/libz.so.1", nil},
		{"/lib/abs", "/usr/lib/libz.so.1.3", "/lib /usr/lib/abs /usr/lib/libz.so.1", nil},
		{"/usr/lib/up", "/usr/lib/libz.so.1.3", "/usr/lib/up", nil},
		{"/usr/../lib/./libz.so.1.3", "/usr/lib/libz.so.1.3", "/lib", nil},
		{"/../../..", "/", "", nil},
		{"/root-link/lib", "/usr/lib", "/root-link /lib", nil},
		{"/lib", "/usr/lib", "/lib", nil},
		{"/a", "", "", tree.ErrLoop},
		{"/dangling", "", "/dangling", fs.ErrNotExist},
		{"/usr/lib/libz.so.1.3/x", "", "", fs.ErrNotExist},
		{"/missing/x", "", "", fs.ErrNotExist},
		// What is no directory has nothing in it, neither "." nor "..".
		{"/usr/lib/libz.so.1.3/..", "", "", fs.ErrNotExist},
		{"/usr/lib/libz.so.1.3/../libz.so.1.3", "", "", fs.ErrNotExist},
		{"/usr/lib/libz.so.1.3/.", "", "", fs.ErrNotExist},
		{"/usr/lib/libz.so.1.3/", "", "", fs.ErrNotExist},
		{"/usr/lib/libz.so.1/..", "", "/usr/lib/libz.so.1", fs.ErrNotExist},
		{"/through-file", "", "/through-file", fs.ErrNotExist},
		{"/missing/..", "", "", fs.ErrNotExist},
		{"/usr/lib/../lib/./libz.so.1.3", "/usr/lib/libz.so.1.3", "", nil},
		{"/usr/lib/", "/usr/lib", "", nil},
		{"/lib/..", "/usr", "/lib", nil},
		{"//usr//lib//", "/usr/lib", "", nil},
	} {
		res, err := tree.Resolve(t.Context(), usr(), tc.name)
		if !errors.Is(err, tc.err) {
			t.Errorf("%s: error %v, want %v", tc.name, err, tc.err)
			continue
		}
		if res.Path != tc.path {
			t.Errorf("%s is %s, want %s", tc.name, res.Path, tc.path)
		}
		if tc.err == nil || tc.links != "" {
			if got := strings.Join(res.Links, " "); got != tc.links {
				t.Errorf("%s: links %q, want %q", tc.name, got, tc.links)
			}
		}
	}
}

func TestReadFileLimit(t *testing.T) {
	m := usr()
	m.File("/big", 0o644, make([]byte, 100))
	if _, err := tree.ReadFile(t.Context(), m, "/big", 99); err == nil || !strings.Contains(err.Error(), "limit of 99") {
		t.Errorf("reading past the limit: %v", err)
	}
	if b, err := tree.ReadFile(t.Context(), m, "/lib/libz.so.1", 10); err != nil || string(b) != "z" {
		t.Errorf("%q, %v", b, err)
	}
	if _, err := tree.ReadFile(t.Context(), m, "/usr", 10); err == nil {
		t.Error("a directory was read")
	}
}

func walk(t *testing.T, x tree.Tree) string {
	t.Helper()
	var out []string
	if err := tree.Walk(t.Context(), x, "/", func(name string, e tree.Entry) error {
		if !e.IsDir() {
			out = append(out, name)
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return strings.Join(out, " ")
}

func TestReadOptional(t *testing.T) {
	m := &tree.Memory{}
	m.File("/a", 0o644, []byte("a"))
	m.Dir("/d", 0o755)
	m.Symlink("/loop", "loop")
	m.Symlink("/gone", "nowhere")
	for name, want := range map[string]string{"/a": "a", "/b": "", "/a/b": "", "/loop": "", "/gone": "", "/d": ""} {
		if b, err := tree.ReadOptional(t.Context(), m, name, 10); err != nil || string(b) != want || want == "" && b != nil {
			t.Errorf("%s: %q, %v", name, b, err)
		}
	}
	if b, err := tree.ReadOptional(t.Context(), m, "/a", 0); err == nil || tree.Missing(err) {
		t.Errorf("/a: %q, %v", b, err)
	}
}

func TestDifference(t *testing.T) {
	base, final := usr(), usr()
	final.File("/usr/lib/libz.so.1.3", 0o644, []byte("patched"))
	final.File("/app/run", 0o755, []byte("x"))
	final.Symlink("/a", "c")
	d := tree.Difference{Base: base, Final: final}
	if got, want := walk(t, d), "/a /app/run /usr/lib/libz.so.1.3"; got != want {
		t.Errorf("differs in %s, want %s", got, want)
	}
	if _, err := d.Lstat(t.Context(), "/usr/lib/libz.so.1"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("an equal file is there: %v", err)
	}
}

// TestBefore reads a tree as it was before files were added, replaced and
// removed.
func TestBefore(t *testing.T) {
	base, final, changed := usr(), usr(), &tree.Memory{}
	for _, x := range []*tree.Memory{final, changed} {
		x.File("/usr/lib/libz.so.1.3", 0o644, []byte("patched"))
		x.File("/app/run", 0o755, []byte("x"))
	}
	before := tree.Before{Base: base, Final: final, Changed: changed}
	if got, want := walk(t, before), walk(t, base); got != want {
		t.Errorf("it had %s, want %s", got, want)
	}
	was, err := tree.ReadFile(t.Context(), base, "/usr/lib/libz.so.1.3", 100)
	if err != nil {
		t.Fatal(err)
	}
	if b, err := tree.ReadFile(t.Context(), before, "/usr/lib/libz.so.1.3", 100); err != nil || string(b) != string(was) {
		t.Errorf("it was %q, %v, want %q", b, err, was)
	}
	if _, err := before.Lstat(t.Context(), "/app"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("what was added was there: %v", err)
	}
}

func TestOverlay(t *testing.T) {
	upper := &tree.Memory{}
	upper.File("/usr/lib/libz.so.1.3", 0o600, []byte("mine"))
	upper.File("/app", 0o755, nil)
	o := tree.Overlay{Upper: upper, Lower: usr()}
	if b, err := tree.ReadFile(t.Context(), o, "/lib/libz.so.1", 10); err != nil || string(b) != "mine" {
		t.Errorf("%q, %v", b, err)
	}
	entries, err := o.ReadDir(t.Context(), "/")
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name)
	}
	if want := []string{"a", "app", "b", "dangling", "lib", "root-link", "through-file", "usr"}; !slices.Equal(names, want) {
		t.Errorf("names %v, want %v", names, want)
	}
}

// TestDirStaysInside puts a secret beside a root and links to it in every way.
func TestDirStaysInside(t *testing.T) {
	outside := t.TempDir()
	root := filepath.Join(outside, "root")
	for _, err := range []error{
		os.WriteFile(filepath.Join(outside, "secret"), []byte("s"), 0o600),
		os.Mkdir(root, 0o755),
		os.Symlink("../secret", filepath.Join(root, "relative")),
		os.Symlink(filepath.Join(outside, "secret"), filepath.Join(root, "absolute")),
		os.Symlink("..", filepath.Join(root, "up")),
		os.WriteFile(filepath.Join(root, "in"), []byte("i"), 0o600),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	d, err := tree.OpenDir(root)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	for _, name := range []string{"/relative", "/absolute", "/up/secret"} {
		if b, err := tree.ReadFile(t.Context(), d, name, 100); err == nil {
			t.Errorf("%s led outside: %q", name, b)
		}
	}
	if b, err := tree.ReadFile(t.Context(), d, "/up/in", 100); err != nil || string(b) != "i" {
		t.Errorf("/up/in: %q, %v", b, err)
	}
}
