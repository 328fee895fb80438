// Package elftest writes small ELF files for tests, so that none are kept in
// the repository. They can be read, not run.
package elftest

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"maps"
	"slices"
)

// A File is what a test file says of itself. The zero value is a static
// x86-64 program.
type File struct {
	Machine    elf.Machine // 0 for x86-64
	Library    bool
	Interp     string
	Needed     []string
	SoName     string
	RPath      string
	RunPath    string
	Imports    []string            // undefined dynamic symbols
	Requires   map[string][]string // symbol versions by the library they are of
	Provides   []string            // symbol versions that it defines
	Dlopen     string              // JSON of a note in .note.dlopen
	Text       string              // content of .rodata
	NoSections bool                // no section headers, as after sstrip
	Sections   []Section           // further ones
}

// A Section is a further section of a File.
type Section struct {
	Name       string
	Data       []byte
	Compressed bool // SHF_COMPRESSED
}

// GoTable writes a table of Go functions as .gopclntab has it, with the magic
// number of a Go version: 0xfffffffb for Go 1.2 to 1.15, 0xfffffffa for 1.16 and
// 1.17, 0xfffffff0 for 1.18 and 1.19, 0xfffffff1 since 1.20.
func GoTable(magic uint32, functions ...string) []byte {
	var names []byte
	for _, f := range append([]string{"", "runtime.main"}, functions...) {
		names = append(append(names, f...), 0)
	}
	out := append(le.AppendUint32(nil, magic), 0, 0, 1, 8)
	const words = 8
	start := uint64(8 + 8*words)
	end := start + uint64(len(names))
	table := map[uint32][]uint64{
		0xfffffffb: {2, 1},
		0xfffffffa: {2, 1, start, end, end, end, end},
		0xfffffff0: {2, 1, 0x401000, start, end, end, end, end},
		0xfffffff1: {2, 1, 0x401000, start, end, end, end, end},
	}[magic]
	for i := range words {
		w := uint64(0)
		if i < len(table) {
			w = table[i]
		}
		out = le.AppendUint64(out, w)
	}
	return append(out, names...)
}

const (
	headerSize  = 64
	progSize    = 56
	sectionSize = 64
)

var le = binary.LittleEndian

// section is one section with its header.
type section struct {
	name    string
	kind    elf.SectionType
	data    []byte
	link    uint32
	info    uint32
	entsize uint64
	flags   elf.SectionFlag
}

// strings is a string table.
type strings struct{ data []byte }

func (s *strings) add(text string) uint64 {
	if len(s.data) == 0 {
		s.data = []byte{0}
	}
	at := len(s.data)
	s.data = append(append(s.data, text...), 0)
	return uint64(at)
}

// Bytes writes the file: program headers, sections, section headers. What is
// loaded at an address lies at that offset.
func (f File) Bytes() []byte {
	if f.Machine == 0 {
		f.Machine = elf.EM_X86_64
	}
	var names strings
	dynamic, isDynamic := f.dynamic(&names)
	const dynstr, dynsym = 2, 3 // numbers of sections that others refer to
	sections := []section{
		{},
		{name: ".dynamic", kind: elf.SHT_DYNAMIC, data: dynamic, link: dynstr, entsize: 16},
		{name: ".dynstr", kind: elf.SHT_STRTAB},
		{name: ".dynsym", kind: elf.SHT_DYNSYM, data: f.symbols(&names), link: dynstr, entsize: 24},
		{name: ".interp", kind: elf.SHT_PROGBITS, data: append([]byte(f.Interp), 0)},
		{name: ".rodata", kind: elf.SHT_PROGBITS, data: []byte(f.Text)},
	}
	if len(f.Requires) > 0 || len(f.Provides) > 0 {
		need, needs := f.verneed(&names)
		def, defs := f.verdef(&names)
		sections = append(sections,
			section{name: ".gnu.version", kind: elf.SHT_GNU_VERSYM, data: make([]byte, 2*(1+len(f.Imports))), link: dynsym, entsize: 2},
			section{name: ".gnu.version_r", kind: elf.SHT_GNU_VERNEED, data: need, link: dynstr, info: needs},
			section{name: ".gnu.version_d", kind: elf.SHT_GNU_VERDEF, data: def, link: dynstr, info: defs})
	}
	if f.Dlopen != "" {
		sections = append(sections, section{name: ".note.dlopen", kind: elf.SHT_NOTE, data: note(f.Dlopen)})
	}
	for _, s := range f.Sections {
		more := section{name: s.Name, kind: elf.SHT_PROGBITS, data: s.Data, flags: elf.SHF_ALLOC}
		if s.Compressed {
			more.flags |= elf.SHF_COMPRESSED
			// Elf64_Chdr: ELFCOMPRESS_ZLIB, the size of what follows, no alignment.
			more.data = append(le.AppendUint64(le.AppendUint64(le.AppendUint64(nil, 1), uint64(len(s.Data))), 1), s.Data...)
		}
		sections = append(sections, more)
	}
	sections[dynstr].data = append(names.data, 0)
	return f.write(sections, isDynamic)
}

// dynamic writes the dynamic section but for the place of the string table,
// which write knows.
func (f File) dynamic(names *strings) (data []byte, wanted bool) {
	tag := func(t elf.DynTag, v uint64) { data = le.AppendUint64(le.AppendUint64(data, uint64(t)), v) }
	for _, n := range f.Needed {
		tag(elf.DT_NEEDED, names.add(n))
	}
	for _, x := range []struct {
		tag   elf.DynTag
		value string
	}{{elf.DT_SONAME, f.SoName}, {elf.DT_RPATH, f.RPath}, {elf.DT_RUNPATH, f.RunPath}} {
		if x.value != "" {
			tag(x.tag, names.add(x.value))
		}
	}
	wanted = len(data) > 0 || f.Library || f.Interp != ""
	tag(elf.DT_STRTAB, 0)
	tag(elf.DT_NULL, 0)
	return data, wanted
}

func (f File) symbols(names *strings) []byte {
	out := make([]byte, 24)
	for _, s := range f.Imports {
		out = le.AppendUint32(out, uint32(names.add(s)))
		out = append(out, byte(elf.STB_GLOBAL)<<4|byte(elf.STT_FUNC), 0, 0, 0)
		out = append(out, make([]byte, 16)...)
	}
	return out
}

// verneed writes Elf64_Verneed and Elf64_Vernaux records.
func (f File) verneed(names *strings) (data []byte, count uint32) {
	libraries := slices.Sorted(maps.Keys(f.Requires))
	for i, lib := range libraries {
		versions := f.Requires[lib]
		next := uint32(16 + 16*len(versions))
		if i == len(libraries)-1 {
			next = 0
		}
		data = le.AppendUint16(data, 1)
		data = le.AppendUint16(data, uint16(len(versions)))
		data = le.AppendUint32(data, uint32(names.add(lib)))
		data = le.AppendUint32(data, 16)
		data = le.AppendUint32(data, next)
		for j, v := range versions {
			next := uint32(16)
			if j == len(versions)-1 {
				next = 0
			}
			data = le.AppendUint32(data, 0)
			data = le.AppendUint16(data, 0)
			data = le.AppendUint16(data, uint16(j+2))
			data = le.AppendUint32(data, uint32(names.add(v)))
			data = le.AppendUint32(data, next)
		}
	}
	return data, uint32(len(libraries))
}

// verdef writes Elf64_Verdef and Elf64_Verdaux records.
func (f File) verdef(names *strings) (data []byte, count uint32) {
	for i, v := range f.Provides {
		next := uint32(28)
		if i == len(f.Provides)-1 {
			next = 0
		}
		data = le.AppendUint16(data, 1)
		data = le.AppendUint16(data, 0)
		data = le.AppendUint16(data, uint16(i+1))
		data = le.AppendUint16(data, 1)
		data = le.AppendUint32(data, 0)
		data = le.AppendUint32(data, 20)
		data = le.AppendUint32(data, next)
		data = le.AppendUint32(data, uint32(names.add(v)))
		data = le.AppendUint32(data, 0)
	}
	return data, uint32(len(f.Provides))
}

// note writes an FDO note as .note.dlopen has it.
func note(text string) []byte {
	desc := append([]byte(text), 0)
	out := le.AppendUint32(nil, 4)
	out = le.AppendUint32(out, uint32(len(desc)))
	out = le.AppendUint32(out, 0x407c0c0a)
	out = append(append(out, "FDO\x00"...), desc...)
	for len(out)%4 != 0 {
		out = append(out, 0)
	}
	return out
}

// write lays the file out.
func (f File) write(sections []section, isDynamic bool) []byte {
	var names strings
	progs := 1
	if f.Interp != "" {
		progs++
	}
	if isDynamic {
		progs++
	}
	var titles []uint64
	for _, s := range sections {
		titles = append(titles, names.add(s.name))
	}
	titles = append(titles, names.add(".shstrtab"))
	sections = append(sections, section{name: ".shstrtab", kind: elf.SHT_STRTAB, data: names.data})
	at := uint64(headerSize + progs*progSize)
	offsets := make([]uint64, len(sections))
	var body []byte
	for i, s := range sections {
		offsets[i] = at + uint64(len(body))
		body = append(body, s.data...)
	}
	// The dynamic section's last entry but one is the string table's address.
	dyn := body[offsets[1]-at:][:len(sections[1].data)]
	le.PutUint64(dyn[len(dyn)-24:], offsets[2])

	var out bytes.Buffer
	kind := elf.ET_EXEC
	if f.Library {
		kind = elf.ET_DYN
	}
	header := elf.Header64{
		Ident: [16]byte{0x7f, 'E', 'L', 'F', byte(elf.ELFCLASS64), byte(elf.ELFDATA2LSB), byte(elf.EV_CURRENT)},
		Type:  uint16(kind), Machine: uint16(f.Machine), Version: 1, Phoff: headerSize,
		Ehsize: headerSize, Phentsize: progSize, Phnum: uint16(progs), Shentsize: sectionSize,
	}
	if !f.NoSections {
		header.Shoff, header.Shnum, header.Shstrndx = at+uint64(len(body)), uint16(len(sections)), uint16(len(sections)-1)
	}
	put := func(v any) { _ = binary.Write(&out, le, v) } // a buffer does not fail
	put(header)
	size := at + uint64(len(body))
	put(elf.Prog64{Type: uint32(elf.PT_LOAD), Filesz: size, Memsz: size})
	if f.Interp != "" {
		put(elf.Prog64{Type: uint32(elf.PT_INTERP), Off: offsets[4], Filesz: uint64(len(sections[4].data))})
	}
	if isDynamic {
		put(elf.Prog64{Type: uint32(elf.PT_DYNAMIC), Off: offsets[1], Filesz: uint64(len(sections[1].data))})
	}
	out.Write(body)
	if f.NoSections {
		return out.Bytes()
	}
	for i, s := range sections {
		put(elf.Section64{
			Name: uint32(titles[i]), Type: uint32(s.kind), Off: offsets[i], Size: uint64(len(s.data)), Link: s.link, Info: s.info, Entsize: s.entsize, Flags: uint64(s.flags),
		})
	}
	return out.Bytes()
}

// Cache writes an ld.so.cache that lists libraries by their paths, in order.
func Cache(files ...string) []byte {
	var table []byte
	const header, entry = 48, 24
	at := func(text string) uint32 {
		offset := header + entry*len(files) + len(table)
		table = append(append(table, text...), 0)
		return uint32(offset)
	}
	var entries []byte
	for _, f := range files {
		name := f[bytes.LastIndexByte([]byte(f), '/')+1:]
		entries = le.AppendUint32(entries, 0x0303)
		entries = le.AppendUint32(entries, at(name))
		entries = le.AppendUint32(entries, at(f))
		entries = append(entries, make([]byte, 12)...)
	}
	out := append([]byte("glibc-ld.so.cache1.1"), le.AppendUint32(nil, uint32(len(files)))...)
	out = le.AppendUint32(out, uint32(len(table)))
	out = append(out, 2, 0, 0, 0) // little endian
	out = append(out, make([]byte, header-len(out))...)
	return append(append(out, entries...), table...)
}
