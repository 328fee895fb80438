package elf

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"io"
	"math"
	"slices"
)

// applications are the sections in which runtimes put the application that a
// program was made of (Bun 1.4.5; Deno 2.9.6, which is denoland/sui; PyInstaller 6,
// PyInstaller/building/api.py; .NET 8 ahead of time, ILCompiler's ObjectWriter;
// 2026-12).
var applications = map[string]string{
	".bun":          "has an application in its section .bun",
	".note.sui":     "has an application in its section .note.sui",
	"pydata":        "has an application in its section pydata",
	"__managedcode": "was compiled ahead of time by .NET",
}

// seaFuse is in Node.js's text, with 1 at its end in a program that was made of
// it (nodejs.org/api/single-executable-applications.html; 2026-12).
const seaFuse = "NODE_SEA_FUSE_fce680ab2cc467b6e072b8b5df1996b2:1"

// minAttached is how much is attached to a program at least, in bytes. Less is
// padding or a signature.
const minAttached = 64

// carries says what of a program is no code of its own, as words that follow
// its name: a script, an archive or assemblies that a runtime attached to
// itself. "" where there is nothing.
func (i *Info) carries(f *elf.File, r io.ReaderAt) string {
	for _, s := range f.Sections {
		if why := applications[s.Name]; why != "" {
			return why
		}
	}
	if slices.Contains(i.words, seaFuse) {
		return "has an application of Node.js in it"
	}
	end, ok := end(f, r)
	if !ok {
		return ""
	}
	data := make([]byte, minAttached)
	if n, _ := r.ReadAt(data, end); n < len(data) || len(bytes.Trim(data, "\x00")) == 0 {
		return ""
	}
	return "has something attached to its end, such as a script or an archive"
}

// end is where an ELF file ends by its own headers: behind its segments,
// sections and their table (System V ABI, ELF header).
func end(f *elf.File, r io.ReaderAt) (int64, bool) {
	head := make([]byte, 64)
	if n, _ := r.ReadAt(head, 0); n < len(head) {
		return 0, false
	}
	table := uint64(0)
	if f.Class == elf.ELFCLASS64 {
		table = f.ByteOrder.Uint64(head[0x28:]) + uint64(len(f.Sections))*uint64(binary.Size(elf.Section64{}))
	} else {
		table = uint64(f.ByteOrder.Uint32(head[0x20:])) + uint64(len(f.Sections))*uint64(binary.Size(elf.Section32{}))
	}
	last := table
	for _, s := range f.Sections {
		if s.Type != elf.SHT_NOBITS {
			last = max(last, s.Offset+s.FileSize)
		}
	}
	for _, p := range f.Progs {
		last = max(last, p.Off+p.Filesz)
	}
	return int64(last), last <= math.MaxInt64-minAttached
}
