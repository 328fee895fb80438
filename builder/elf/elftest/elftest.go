// Package elftest writes small ELF files for tests, so that none are kept in
// the repository. They can be read, not run.
package elftest

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
)

// A File is what a test file says of itself. The zero value is a static
// x86-64 program.
type File struct {
	Machine elf.Machine // 0 for x86-64
	Library bool
	Interp  string
	Needed  []string
	SoName  string
	RPath   string
	RunPath string
	Imports []string // undefined dynamic symbols
}

const (
	headerSize  = 64
	progSize    = 56
	sectionSize = 64
)

// Bytes writes the file: headers, one string table, a dynamic section, a symbol
// table.
func (f File) Bytes() []byte {
	if f.Machine == 0 {
		f.Machine = elf.EM_X86_64
	}
	le := binary.LittleEndian
	strtab := []byte{0}
	str := func(s string) uint64 {
		at := len(strtab)
		strtab = append(append(strtab, s...), 0)
		return uint64(at)
	}
	var dynamic []byte
	tag := func(t elf.DynTag, v uint64) {
		dynamic = le.AppendUint64(le.AppendUint64(dynamic, uint64(t)), v)
	}
	for _, n := range f.Needed {
		tag(elf.DT_NEEDED, str(n))
	}
	for _, x := range []struct {
		tag   elf.DynTag
		value string
	}{{elf.DT_SONAME, f.SoName}, {elf.DT_RPATH, f.RPath}, {elf.DT_RUNPATH, f.RunPath}} {
		if x.value != "" {
			tag(x.tag, str(x.value))
		}
	}
	isDynamic := len(dynamic) > 0 || f.Library || f.Interp != ""
	tag(elf.DT_NULL, 0)
	symbols := make([]byte, 24)
	for _, s := range f.Imports {
		symbols = le.AppendUint32(symbols, uint32(str(s)))
		symbols = append(symbols, byte(elf.STB_GLOBAL)<<4|byte(elf.STT_FUNC), 0, 0, 0)
		symbols = append(symbols, make([]byte, 16)...)
	}
	interp := append([]byte(f.Interp), 0)

	progs := 0
	if f.Interp != "" {
		progs++
	}
	if isDynamic {
		progs++
	}
	at := uint64(headerSize + progs*progSize)
	var body []byte
	put := func(b []byte) (off, size uint64) {
		off = at + uint64(len(body))
		body = append(body, b...)
		return off, uint64(len(b))
	}
	interpOff, interpSize := put(interp)
	dynOff, dynSize := put(dynamic)
	strOff, strSize := put(strtab)
	symOff, symSize := put(symbols)
	nameOff, nameSize := put([]byte("\x00.dynamic\x00.dynstr\x00.dynsym\x00.shstrtab\x00"))
	sections := at + uint64(len(body))

	var out bytes.Buffer
	kind := elf.ET_EXEC
	if f.Library {
		kind = elf.ET_DYN
	}
	ident := [16]byte{0x7f, 'E', 'L', 'F', byte(elf.ELFCLASS64), byte(elf.ELFDATA2LSB), byte(elf.EV_CURRENT)}
	_ = binary.Write(&out, le, elf.Header64{
		Ident: ident, Type: uint16(kind), Machine: uint16(f.Machine), Version: 1, Phoff: headerSize, Shoff: sections,
		Ehsize: headerSize, Phentsize: progSize, Phnum: uint16(progs), Shentsize: sectionSize, Shnum: 5, Shstrndx: 4,
	})
	if f.Interp != "" {
		_ = binary.Write(&out, le, elf.Prog64{Type: uint32(elf.PT_INTERP), Off: interpOff, Filesz: interpSize, Memsz: interpSize})
	}
	if isDynamic {
		_ = binary.Write(&out, le, elf.Prog64{Type: uint32(elf.PT_DYNAMIC), Off: dynOff, Filesz: dynSize, Memsz: dynSize})
	}
	out.Write(body)
	for _, s := range []elf.Section64{
		{},
		{Name: 1, Type: uint32(elf.SHT_DYNAMIC), Off: dynOff, Size: dynSize, Link: 2, Entsize: 16},
		{Name: 10, Type: uint32(elf.SHT_STRTAB), Off: strOff, Size: strSize},
		{Name: 18, Type: uint32(elf.SHT_DYNSYM), Off: symOff, Size: symSize, Link: 2, Entsize: 24},
		{Name: 26, Type: uint32(elf.SHT_STRTAB), Off: nameOff, Size: nameSize},
	} {
		_ = binary.Write(&out, le, s)
	}
	return out.Bytes()
}
