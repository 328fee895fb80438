package elf_test

import (
	"bytes"
	"crypto/sha256"
	"debug/elf"
	"strings"
	"testing"

	"github.com/whittle-oci/whittle/builder/need/elf/elftest"
)

// TestAttached takes programs that carry an application for unknown, wherever
// it is, and no others.
func TestAttached(t *testing.T) {
	with := func(sections ...elftest.Section) elftest.File {
		return elftest.File{Interp: "/lib/ld.so", Sections: sections}
	}
	payload := bytes.Repeat([]byte("console.log(1)\n"), 10)
	for why, data := range map[string][]byte{
		"has an application in its section .bun":      with(elftest.Section{Name: ".bun", Data: payload}).Bytes(),
		"has an application in its section .note.sui": with(elftest.Section{Name: ".note.sui", Data: payload}).Bytes(),
		"has an application in its section pydata":    with(elftest.Section{Name: "pydata", Data: payload}).Bytes(),
		"was compiled ahead of time by .NET":          with(elftest.Section{Name: "__managedcode", Data: payload}).Bytes(),
		"has an application of Node.js in it":         elftest.File{Interp: "/lib/ld.so", Text: "x NODE_SEA_FUSE_fce680ab2cc467b6e072b8b5df1996b2:1\x00"}.Bytes(),
		"has something attached to its end":           append(with().Bytes(), payload...),
		"has something attached to its end, such":     append(elftest.File{Interp: "/lib/ld.so", NoSections: false, Machine: elf.EM_AARCH64}.Bytes(), payload...),
		"has something attached to its end, such a":   append(elftest.File{Text: "no library"}.Bytes(), payload...),
	} {
		everything(t, read(t, data), why)
	}
	for name, data := range map[string][]byte{
		"nothing":               with().Bytes(),
		"padding":               append(with().Bytes(), make([]byte, 4096)...),
		"a few bytes":           append(with().Bytes(), "signature"...),
		"Node.js":               elftest.File{Interp: "/lib/ld.so", Text: "NODE_SEA_FUSE_fce680ab2cc467b6e072b8b5df1996b2:0\x00"}.Bytes(),
		"Go, which shows":       append(elftest.File{Sections: []elftest.Section{{Name: ".gopclntab", Data: elftest.GoTable(0xfffffff1)}}}.Bytes(), payload...),
		"a library":             append(elftest.File{Library: true, SoName: "x.so"}.Bytes(), payload...),
		"a section of that end": with(elftest.Section{Name: ".notbun", Data: payload}).Bytes(),
	} {
		if i := read(t, data); i.Unknown != "" {
			t.Errorf("%s: unknown because it %s", name, i.Unknown)
		}
	}
}

// TestHost tells the hosts of .NET by their mark.
func TestHost(t *testing.T) {
	mark := sha256.Sum256([]byte(".net core bundle"))
	data := append(append(make([]byte, 8), mark[:]...), 0)
	host := elftest.File{Interp: "/lib/ld.so", Sections: []elftest.Section{{Name: ".data", Data: data}}}
	if !read(t, host.Bytes()).Host {
		t.Error("a host is none")
	}
	// In one file with its assemblies, whose place stands before the mark.
	data[0] = 1
	if !read(t, append(host.Bytes(), strings.Repeat("MZ", 100)...)).Host {
		t.Error("a host with assemblies attached is none")
	}
	data[8] ^= 1
	if read(t, host.Bytes()).Host {
		t.Error("a program with another mark is a host")
	}
}
