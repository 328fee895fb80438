package elf_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/whittle-oci/whittle/builder/need/elf"
	"github.com/whittle-oci/whittle/builder/need/elf/elftest"
)

// TestGoStrings finds the literals of a Go program that its code or its tables
// name, and no words that only occur in it.
func TestGoStrings(t *testing.T) {
	dir := t.TempDir()
	const source = `package main

import "os/exec"

var table = []string{"pg_dump", "clone"}

type job struct{ name string }

//go:noinline
func start(j *job) error { return exec.Command(j.name, table...).Run() }

func main() {
	if _, err := exec.LookPath("git"); err != nil {
		println("digital ipsum archive")
	}
	_ = exec.Command("iptables", "-L").Run()
	_ = start(&job{"zq"})
	_ = exec.Command("sh", "-c", "wares -r .town data | sift 1").Run()
	_ = exec.Command("sh", shell...).Run()
}

var shell = []string{"-c", "count < stock"}
`
	for name, text := range map[string]string{"main.go": source, "go.mod": "module example.test/x\n\ngo 1.24\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.CommandContext(t.Context(), "go", "build", "-ldflags=-s -w", "-o", "x", ".")
	cmd.Dir, cmd.Env = dir, append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH=amd64")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	data, err := os.ReadFile(filepath.Join(dir, "x"))
	if err != nil {
		t.Fatal(err)
	}
	text, err := elf.ReadText(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	found, sure := text.Has([]string{"git", "pg_dump", "iptables", "zq", "ip", "tar", "arch", "sum", "ar", "igit"})
	if want := []string{"git", "pg_dump", "iptables", "zq"}; !sure || !slices.Equal(found, want) {
		t.Errorf("%q (sure: %v), want %q", found, sure, want)
	}
	lines := text.Lines()
	for _, want := range []string{"wares -r .town data | sift 1", "count < stock"} {
		if !slices.Contains(lines, want) {
			t.Errorf("%q is not among %d lines", want, len(lines))
		}
	}
}

// FuzzText reads the text of any file.
func FuzzText(f *testing.F) {
	f.Add(elftest.File{Interp: "/lib/ld.so", Text: "\x00git\x00/usr/share/x:/etc/y\x00"}.Bytes())
	f.Add(elftest.File{Text: "/rustc/ git /etc/x"}.Bytes())
	f.Fuzz(func(t *testing.T, data []byte) {
		text, err := elf.ReadText(bytes.NewReader(data))
		if err != nil {
			return
		}
		text.Has([]string{"git", "x", ""})
		text.Lines()
		text.Paths("/etc/", "/usr/share/")
	})
}

// TestManyStrings reads a program with 100,000 strings.
func TestManyStrings(t *testing.T) {
	var b strings.Builder
	for i := range 100_000 {
		fmt.Fprintf(&b, "\x00word%d", i)
	}
	text, err := elf.ReadText(bytes.NewReader(elftest.File{Interp: "/lib/ld.so", Text: b.String() + "\x00"}.Bytes()))
	if err != nil || len(text.Strings) < 100_000 {
		t.Fatalf("%v", err)
	}
	if found, sure := text.Has([]string{"word99999", "word100000"}); !sure || !slices.Equal(found, []string{"word99999"}) {
		t.Errorf("%q", found)
	}
}
