package elf_test

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	goelf "github.com/whittle-oci/whittle/builder/need/elf"
	"github.com/whittle-oci/whittle/builder/need/elf/elftest"
)

func read(t *testing.T, data []byte) *goelf.Info {
	t.Helper()
	i, err := goelf.Read(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	return i
}

// everything holds a file that does not show what it uses to counting as one
// that uses everything.
func everything(t *testing.T, i *goelf.Info, why string) {
	t.Helper()
	if !strings.Contains(i.Unknown, why) || i.Unknown == "" {
		t.Errorf("unknown because it %q, want %q", i.Unknown, why)
	}
	e := i.Evidence()
	for what, reason := range map[string]string{
		"certificates": e.Certificates, "zones": e.Zones, "users": e.Users, "groups": e.Groups, "temp": e.Temp, "names": e.Names, "MIME": e.MIME, "services": e.Services, "protocols": e.Protocols,
	} {
		if reason == "" {
			t.Errorf("nothing asks for %s", what)
		}
	}
	if i.Asks() == "" {
		t.Error("it asks for nothing")
	}
}

// TestGoTables reads the function tables of every version of Go, and takes what
// it cannot read for unknown.
func TestGoTables(t *testing.T) {
	program := func(table []byte) []byte {
		return elftest.File{Sections: []elftest.Section{{Name: ".gopclntab", Data: table}}}.Bytes()
	}
	for _, magic := range []uint32{0xfffffffb, 0xfffffffa, 0xfffffff0, 0xfffffff1} {
		i := read(t, program(elftest.GoTable(magic, "crypto/x509.loadSystemRoots", "os.MkdirTemp")))
		if i.Go == nil || i.Unknown != "" {
			t.Fatalf("%#x: %+v, %s", magic, i.Go, i.Unknown)
		}
		e := i.Evidence()
		if e.Certificates != "links crypto/x509.loadSystemRoots" || e.Temp == "" || e.Zones != "" || e.Users != "" {
			t.Errorf("%#x: %+v", magic, e)
		}
	}
	good := elftest.GoTable(0xfffffff1, "os.MkdirTemp")
	changed := func(at int, value byte) []byte {
		out := bytes.Clone(good)
		out[at] = value
		return out
	}
	for why, table := range map[string][]byte{
		"unknown form, 0xfffffff7": changed(0, 0xf7),
		"of an unknown form":       changed(7, 3),
		"broken Go function table": changed(8+8*4, 0),
		"without the names":        bytes.ReplaceAll(good, []byte("runtime.main"), []byte("obfuscatedxy")),
	} {
		everything(t, read(t, program(table)), why)
	}
	everything(t, read(t, elftest.File{Sections: []elftest.Section{{Name: ".gopclntab", Data: good, Compressed: true}}}.Bytes()), "compressed")
}

// TestUnknown takes programs whose sections are gone, packed or compressed
// for unknown.
func TestUnknown(t *testing.T) {
	big := strings.Repeat("x", 8192)
	for why, f := range map[string]elftest.File{
		"has no section headers":              {NoSections: true, Text: big},
		"is packed by UPX":                    {Text: "UPX!"},
		"has a compressed section .zrodata":   {Interp: "/lib/ld.so", Sections: []elftest.Section{{Name: ".zrodata"}}},
		"has a compressed section .gopclntab": {Interp: "/lib/ld.so", Sections: []elftest.Section{{Name: ".gopclntab", Compressed: true, Data: make([]byte, 100)}}},
	} {
		everything(t, read(t, f.Bytes()), why)
	}
	everything(t, read(t, elftest.File{Interp: "/lib/ld.so", NoSections: true}.Bytes()), "has no section headers")
}

// TestSilent tells programs that provably ask for nothing from those that may.
func TestSilent(t *testing.T) {
	for name, c := range map[string]struct {
		file elftest.File
		asks bool
	}{
		"no library":                      {elftest.File{Text: "Hello, world!"}, false},
		"no library, no sections":         {elftest.File{Text: "Hello, world!", NoSections: true}, false},
		"a loader":                        {elftest.File{Interp: "/lib/ld.so"}, true},
		"start files of C":                {elftest.File{Sections: []elftest.Section{{Name: ".init", Data: []byte{0xc3}}}}, true},
		"destructors":                     {elftest.File{Sections: []elftest.Section{{Name: ".fini_array", Data: make([]byte, 8)}}}, true},
		"the word HOME":                   {elftest.File{Text: "HOME"}, true},
		"a file of accounts":              {elftest.File{Text: "/etc/passwd"}, true},
		"too large to be sure":            {elftest.File{Text: strings.Repeat("x", 70<<10)}, true},
		"too large without section names": {elftest.File{Text: strings.Repeat("x", 5<<10), NoSections: true}, true},
		"Go":                              {elftest.File{Sections: []elftest.Section{{Name: ".gopclntab", Data: elftest.GoTable(0xfffffff1)}}}, true},
	} {
		if got := read(t, c.file.Bytes()).Asks(); (got != "") != c.asks {
			t.Errorf("%s: it %q, want asks: %v", name, got, c.asks)
		}
	}
}

// TestRealGo builds a program and cuts off what shows its needs.
func TestRealGo(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"go.mod":  "module example.test/x\n\ngo 1.26\n",
		"main.go": "package main\n\nimport \"os\"\n\nfunc main() { os.MkdirTemp(\"\", \"x\") }\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	bin := filepath.Join(dir, "x")
	cmd := exec.CommandContext(t.Context(), "go", "build", "-trimpath", "-ldflags=-s -w", "-o", bin, ".")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH=amd64", "GOFLAGS=")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	data, err := os.ReadFile(bin)
	if err != nil {
		t.Fatal(err)
	}
	i := read(t, data)
	if e := i.Evidence(); i.Unknown != "" || e.Temp == "" || e.Certificates != "" || i.Asks() != "is a Go program" {
		t.Errorf("%s %+v", i.Unknown, e)
	}
	// sstrip cuts the section headers off and says that there are none.
	f, err := elf.NewFile(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	end := uint64(0)
	for _, p := range f.Progs {
		end = max(end, p.Off+p.Filesz)
	}
	cut := bytes.Clone(data[:end])
	binary.LittleEndian.PutUint64(cut[40:], 0) // e_shoff
	copy(cut[58:], make([]byte, 6))            // e_shentsize, e_shnum, e_shstrndx
	i = read(t, cut)
	everything(t, i, "has no section headers")
	if i.Go == nil || i.Go.BuildInfo == nil {
		t.Error("its modules are not known")
	}
	// UPX is not at hand everywhere; its mark lies behind the program headers.
	packed := bytes.Clone(cut)
	copy(packed[64+56*len(f.Progs)+4:], "UPX!")
	everything(t, read(t, packed), "is packed by UPX")
}
