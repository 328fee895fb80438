package staging_test

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/whittle-oci/whittle/builder/oci/staging"
)

// listing gives the names below dir with what is in the files, in order.
func listing(t *testing.T, dir string) []string {
	t.Helper()
	var out []string
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || path == dir {
			return err
		}
		name := strings.TrimPrefix(filepath.ToSlash(path), filepath.ToSlash(dir)+"/")
		switch {
		case e.IsDir():
			name += "/"
		case e.Type().IsRegular():
			data, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			name += "=" + string(data)
		}
		out = append(out, name)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func want(t *testing.T, dir string, names ...string) {
	t.Helper()
	if got := listing(t, dir); !slices.Equal(got, names) {
		t.Errorf("%s holds %q, want %q", filepath.Base(dir), got, names)
	}
}

func put(t *testing.T, dir string, files map[string]string) {
	t.Helper()
	for name, text := range files {
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// TestFile shows nothing before Commit and leaves nothing after Discard.
func TestFile(t *testing.T) {
	for _, before := range []map[string]string{nil, {"out": "before"}} {
		for _, commit := range []bool{false, true} {
			dir := t.TempDir()
			put(t, dir, before)
			s := staging.New(t.Context())
			w, err := s.File(filepath.Join(dir, "out"))
			if err != nil {
				t.Fatal(err)
			}
			if _, err := w.Write([]byte("after")); err != nil {
				t.Fatal(err)
			}
			got, err := os.ReadFile(filepath.Join(dir, "out"))
			if string(got) != before["out"] || (err == nil) != (before != nil) {
				t.Errorf("before Commit it has %q (%v)", got, err)
			}
			if commit {
				if err := s.Commit(); err != nil {
					t.Fatal(err)
				}
			}
			s.Discard()
			switch {
			case commit:
				want(t, dir, "out=after")
			case before != nil:
				want(t, dir, "out=before")
			default:
				want(t, dir)
			}
		}
	}
}

// TestFilesAreAllOrNone publishes no output when another one could not be
// written.
func TestFilesAreAllOrNone(t *testing.T) {
	dir := t.TempDir()
	s := staging.New(t.Context())
	if _, err := s.File(filepath.Join(dir, "good")); err != nil {
		t.Fatal(err)
	}
	broken := s.Stream("the pipe", failing{})
	_, _ = broken.Write([]byte("x"))
	err := s.Commit()
	if err == nil || err.Error() != "write the pipe: broken" {
		t.Errorf("committed: %v", err)
	}
	s.Discard()
	want(t, dir)
}

type failing struct{}

func (failing) Write([]byte) (int, error) { return 0, errors.New("broken") }

// TestEnds fails with the cause once the run is over, and leaves nothing.
func TestEnds(t *testing.T) {
	dir := t.TempDir()
	ctx, cancel := context.WithCancelCause(t.Context())
	s := staging.New(ctx)
	w, err := s.File(filepath.Join(dir, "out"))
	if err != nil {
		t.Fatal(err)
	}
	blocked := s.Stream("nobody reads", waiting{})
	_, _ = blocked.Write([]byte("x"))
	cause := errors.New("interrupted")
	cancel(cause)
	for name, err := range map[string]error{"Write": second(w.Write([]byte("x"))), "Commit": s.Commit(), "Close of a stream": blocked.Close()} {
		if !errors.Is(err, cause) {
			t.Errorf("%s: %v", name, err)
		}
	}
	s.Discard()
	want(t, dir)
}

func second(_ int, err error) error { return err }

type waiting struct{}

func (waiting) Write([]byte) (int, error) { select {} }

// TestStream writes in order, and never closes what it was given.
func TestStream(t *testing.T) {
	var b bytes.Buffer
	s := staging.New(t.Context())
	w := s.Stream("a buffer", &b)
	for _, text := range []string{"one ", "two"} {
		if _, err := w.Write([]byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(w.Close(), w.Close(), s.Commit()); err != nil || b.String() != "one two" {
		t.Errorf("%q, %v", b.String(), err)
	}
}

// TestDir adds to a directory that is there and makes one that is not, with
// its parents, and does neither when it is discarded.
func TestDir(t *testing.T) {
	made := map[string]string{"a": "new", "sub/b": "new", "index": "new"}
	for _, c := range []struct {
		name, dest    string
		before        map[string]string
		mirror        bool
		after, failed []string // what the parent holds
	}{
		{"new", "out", nil, false, []string{"out/", "out/a=new", "out/index=new", "out/sub/", "out/sub/b=new"}, nil},
		{"new with parents", "x/y/out", nil, false, []string{"x/", "x/y/", "x/y/out/", "x/y/out/a=new", "x/y/out/index=new", "x/y/out/sub/", "x/y/out/sub/b=new"}, nil},
		{"added to", "out", map[string]string{"out/a": "old", "out/sub/c": "old", "out/d": "old"}, false,
			[]string{"out/", "out/a=new", "out/d=old", "out/index=new", "out/sub/", "out/sub/b=new", "out/sub/c=old"},
			[]string{"out/", "out/a=old", "out/d=old", "out/sub/", "out/sub/c=old"}},
		{"mirrored", "out", map[string]string{"out/a": "old", "out/sub/c": "old", "out/d/e": "old", "out/index/x": "old"}, true,
			[]string{"out/", "out/a=new", "out/index=new", "out/sub/", "out/sub/b=new"},
			[]string{"out/", "out/a=old", "out/d/", "out/d/e=old", "out/index/", "out/index/x=old", "out/sub/", "out/sub/c=old"}},
	} {
		for _, commit := range []bool{false, true} {
			parent := t.TempDir()
			put(t, parent, c.before)
			s := staging.New(t.Context())
			tmp, err := s.Dir(filepath.Join(parent, filepath.FromSlash(c.dest)), staging.DirOptions{Last: []string{"index"}, Mirror: c.mirror})
			if err != nil {
				t.Fatalf("%s: %v", c.name, err)
			}
			put(t, tmp, made)
			if commit {
				if err := s.Commit(); err != nil {
					t.Fatalf("%s: %v", c.name, err)
				}
			}
			s.Discard()
			if commit {
				want(t, parent, c.after...)
			} else {
				want(t, parent, c.failed...)
			}
		}
	}
}

// TestDirConflict moves nothing when a file would replace a directory, or the
// other way round.
func TestDirConflict(t *testing.T) {
	for new, old := range map[string]string{"z": "z/file", "z/file": "z", "s/z": "s/z/file"} {
		dir := t.TempDir()
		put(t, dir, map[string]string{old: "old", "a": "old"})
		before := listing(t, dir)
		s := staging.New(t.Context())
		tmp, err := s.Dir(dir, staging.DirOptions{})
		if err != nil {
			t.Fatal(err)
		}
		put(t, tmp, map[string]string{new: "new", "a": "new"})
		err = s.Commit()
		if _, ok := errors.AsType[*staging.ConflictError](err); !ok || !strings.Contains(err.Error(), "remove it first") {
			t.Errorf("%s over %s: %v", new, old, err)
		}
		s.Discard()
		want(t, dir, before...)
	}
}

// TestKind tells files and directories apart before anything is written.
func TestKind(t *testing.T) {
	dir := t.TempDir()
	put(t, dir, map[string]string{"file": "x"})
	s := staging.New(t.Context())
	_, err := s.File(dir)
	if err == nil || err.Error() != dir+" is a directory, not a file" {
		t.Error(err)
	}
	file := filepath.Join(dir, "file")
	if _, err = s.Dir(file, staging.DirOptions{}); err == nil || err.Error() != file+" is a file, not a directory" {
		t.Error(err)
	}
	nowhere := filepath.Join(dir, "nowhere", "file")
	if _, err = s.File(nowhere); !errors.Is(err, fs.ErrNotExist) || !strings.HasPrefix(err.Error(), "open "+nowhere+": ") {
		t.Error(err)
	}
	want(t, dir, "file=x")
}

// TestOccupied asks whether there is anything to add to.
func TestOccupied(t *testing.T) {
	dir := t.TempDir()
	for name, want := range map[string]bool{dir: false, filepath.Join(dir, "none"): false, filepath.Dir(dir): true} {
		if got, err := staging.Occupied(name); got != want || err != nil {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
}
