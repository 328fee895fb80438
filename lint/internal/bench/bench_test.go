package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/whittle-oci/whittle/lint/internal/archive"
)

// TestMain stands for the program that is measured, when a test runs it: it
// sleeps and ends with a code.
func TestMain(m *testing.M) {
	if what := os.Getenv("BENCH_PROGRAM"); what != "" {
		sleep, code, _ := strings.Cut(what, " ")
		d, err := time.ParseDuration(sleep)
		n, codeErr := strconv.Atoi(code)
		if errors.Join(err, codeErr) != nil {
			n = 3
		}
		time.Sleep(d)
		os.Exit(n)
	}
	os.Exit(m.Run())
}

// packed writes an archive of two files and one that is out of place.
func packed(t *testing.T) string {
	t.Helper()
	var b bytes.Buffer
	zw := gzip.NewWriter(&b)
	tw := tar.NewWriter(zw)
	for _, name := range []string{"x/a.Dockerfile", "x/b.Dockerfile", "../c.Dockerfile"} {
		text := "FROM scratch\n"
		if err := tw.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: int64(len(text))}); err != nil {
			t.Fatal(err)
		}
		if _, err := tw.Write([]byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(tw.Close(), zw.Close()); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, archive.Name), b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

// A program that is slow from the start misses that bar; findings are no
// failure, anything else is.
func TestRun(t *testing.T) {
	corpus := packed(t)
	for program, want := range map[string]struct {
		err  error
		text string
	}{
		"100ms 0": {errFailed, "MISSED"},
		"50ms 1":  {errFailed, "2 Dockerfiles in one process"},
		"0s 2":    {nil, ""},
	} {
		t.Setenv("BENCH_PROGRAM", program)
		var out strings.Builder
		err := run(t.Context(), &out, corpus, os.Args[0], "", 1)
		if want.err != nil && !errors.Is(err, want.err) || want.err == nil && (err == nil || errors.Is(err, errFailed)) {
			t.Errorf("%s: %v", program, err)
		}
		if !strings.Contains(out.String(), want.text) {
			t.Errorf("%s: want %q in\n%s", program, want.text, &out)
		}
	}
	if err := run(t.Context(), &strings.Builder{}, t.TempDir(), os.Args[0], "", 1); err == nil {
		t.Error("an archive that is not there was measured")
	}
}

// A program is measured beside an older one.
func TestBefore(t *testing.T) {
	t.Setenv("BENCH_PROGRAM", "50ms 0")
	var out strings.Builder
	err := run(t.Context(), &out, packed(t), os.Args[0], os.Args[0], 1)
	if !errors.Is(err, errFailed) || !strings.Contains(out.String(), "times "+os.Args[0]) {
		t.Errorf("%v in\n%s", err, &out)
	}
	if err := run(t.Context(), &out, packed(t), os.Args[0], "nowhere", 1); err == nil || errors.Is(err, errFailed) {
		t.Errorf("an older program that is not there: %v", err)
	}
}

func TestShapes(t *testing.T) {
	for _, s := range shapes {
		for i, size := range s.sizes {
			if i > 0 && size != 2*s.sizes[i-1] {
				t.Errorf("%s: %d is not twice %d", s.name, size, s.sizes[i-1])
			}
		}
		small, large := s.text(10_000), s.text(20_000)
		if len(large) < len(small)*3/2 || !bytes.HasPrefix(small, []byte("FROM ")) {
			t.Errorf("%s does not grow", s.name)
		}
	}
}
