// Package elf finds what a program needs from its loader, and what the program
// itself shows that it uses.
package elf

import (
	"bytes"
	"debug/buildinfo"
	"debug/elf"
	"errors"
	"fmt"
	"io"
	"runtime/debug"
)

// Magic is what every ELF file begins with.
const Magic = elf.ELFMAG

// ErrNotELF is returned for a file that does not begin with the ELF magic.
var ErrNotELF = errors.New("not an ELF file")

// ErrBroken is returned for a file that begins with the ELF magic and says what
// cannot be.
var ErrBroken = errors.New("broken ELF file")

// Info is what the headers of one ELF file say.
type Info struct {
	Class   elf.Class
	Machine elf.Machine
	Type    elf.Type

	Interp         string        // PT_INTERP, "" when the file names no loader
	Needed         []string      // DT_NEEDED, in order
	RPath, RunPath []string      // DT_RPATH and DT_RUNPATH, unexpanded
	SoName         string        // DT_SONAME
	Requires       []Requirement // DT_VERNEED
	Provides       []string      // DT_VERDEF
	Imports        []string      // undefined dynamic symbols, sorted
	Dlopens        []Dlopen      // .note.dlopen
	Go             *GoInfo       // nil when Go did not build it

	// Unknown says why the file does not show what it uses, as words that
	// follow its name; "" when it does.
	Unknown string
	// Host says that the program starts an application of .NET, which is beside
	// it or attached to it.
	Host bool

	dynamic     bool
	pie         bool     // DF_1_PIE
	asksNothing bool     // it has no library or runtime that could ask
	words       []string // what a program holds as text, of what matters
}

// A Requirement is a symbol version that a file expects of a library.
type Requirement struct {
	Library, Version string
	Weak             bool
}

// GoInfo is what Go leaves in a program.
type GoInfo struct {
	Version   string
	BuildInfo *debug.BuildInfo
	functions []byte // the function name table
	mixed     bool   // it holds more than names
}

// Has reports whether a function of that name is linked into the program.
func (g *GoInfo) Has(name string) bool {
	if g.mixed {
		return bytes.Contains(g.functions, append([]byte(name), 0))
	}
	return bytes.Contains(g.functions, append(append([]byte{0}, name...), 0))
}

// library reports whether the file is one that programs load, rather than a
// program. A static program that can be loaded anywhere has a dynamic section
// too.
func (i *Info) library() bool {
	return i.dynamic && i.Type == elf.ET_DYN && i.Interp == "" && (i.SoName != "" || !i.pie)
}

// Dynamic reports whether a loader has to prepare the program.
func (i *Info) Dynamic() bool { return i.dynamic }

// Limits on what one file may make us read, in bytes. They are far above what
// real programs have.
const (
	maxTable   = 64 << 20
	maxScanned = 64 << 20
)

// Read reads the headers of an ELF file. Sizes in the file are not believed:
// what lies is an error and costs no memory.
func Read(in io.ReaderAt) (_ *Info, err error) {
	r := newBlocks(in)
	defer func() {
		// debug/elf has panicked on broken files before.
		if x := recover(); x != nil {
			err = fmt.Errorf("%v", x)
		}
		switch {
		case err == nil || errors.Is(err, ErrNotELF):
		case r.err != nil:
			err = r.err // nothing is known of the file
		case errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF):
			err = fmt.Errorf("%w: it ends before what its headers say", ErrBroken)
		default:
			err = fmt.Errorf("%w: %w", ErrBroken, err)
		}
	}()
	magic := make([]byte, 4)
	if n, _ := r.ReadAt(magic, 0); n < 4 || string(magic) != elf.ELFMAG {
		return nil, ErrNotELF
	}
	f, err := elf.NewFile(r)
	if err != nil {
		return nil, err
	}
	i := &Info{Class: f.Class, Machine: f.Machine, Type: f.Type}
	if err := i.programHeaders(f); err != nil {
		return nil, err
	}
	if i.dynamic {
		if err := i.symbols(f); err != nil {
			return nil, err
		}
		i.dlopenNotes(f)
	}
	if i.library() {
		return i, nil
	}
	i.Unknown = i.hidden(f, r)
	i.golang(f, r)
	i.text(f)
	switch carries := i.carries(f, r); {
	case carries != "":
		if i.Unknown == "" && i.Go == nil {
			i.Unknown = carries
		}
	case i.silent(f):
		i.asksNothing, i.Unknown = true, ""
	}
	i.Host = dotnetHost(f)
	return i, nil
}

func (i *Info) programHeaders(f *elf.File) error {
	for _, p := range f.Progs {
		switch p.Type {
		case elf.PT_INTERP:
			if p.Filesz > 4096 {
				return errors.New("the name of its loader is too long")
			}
			b := make([]byte, p.Filesz)
			if _, err := p.ReadAt(b, 0); err != nil && !errors.Is(err, io.EOF) {
				return fmt.Errorf("reading the name of the loader: %w", err)
			}
			i.Interp = string(bytes.TrimRight(b, "\x00"))
		case elf.PT_DYNAMIC:
			i.dynamic = true
			if err := i.dynamicSegment(f, p); err != nil {
				return err
			}
		}
	}
	return nil
}

// golang reads Go's build information and the table of function names.
func (i *Info) golang(f *elf.File, r io.ReaderAt) {
	table := f.Section(".gopclntab")
	if table == nil {
		table = f.Section(".data.rel.ro.gopclntab")
	}
	bi, err := buildinfo.Read(r)
	if err != nil && table == nil {
		return
	}
	i.Go = &GoInfo{}
	if err == nil {
		i.Go.Version, i.Go.BuildInfo = bi.GoVersion, bi
	}
	switch {
	case table != nil:
		if i.Go.functions, i.Go.mixed, err = functionNames(table, f.ByteOrder); err != nil && i.Unknown == "" {
			i.Unknown = err.Error()
		}
	case i.Unknown == "":
		i.Unknown = "is a Go program without a function table"
	}
}

// hidden says why a file does not show what it uses, "" when it does. What it
// links and calls stands behind section headers, and a packed program shows
// that of its unpacker.
func (i *Info) hidden(f *elf.File, r io.ReaderAt) string {
	// UPX puts its mark behind the program headers (src/stub/src/include/
	// linux.h, l_info).
	head := make([]byte, 4096)
	n, _ := r.ReadAt(head, 0)
	switch symbols := f.SectionByType(elf.SHT_DYNSYM); {
	case bytes.Contains(head[:n], []byte("UPX!")):
		return "is packed by UPX"
	case len(f.Sections) <= 1:
		return "has no section headers"
	case i.dynamic && i.Interp != "" && symbols == nil:
		return "has no section of dynamic symbols"
	}
	for _, name := range []string{".rodata", ".dynsym", ".dynstr", ".gopclntab"} {
		if s := f.Section(name); s != nil && s.Flags&elf.SHF_COMPRESSED != 0 {
			return "has a compressed section " + name
		}
	}
	for _, name := range []string{".zrodata", ".zgopclntab"} {
		if f.Section(name) != nil {
			return "has a compressed section " + name
		}
	}
	return ""
}

// text looks for words in the data of a program: in .rodata, or where it has
// none, in all that is loaded.
func (i *Info) text(f *elf.File) {
	only := f.Section(".rodata")
	left := uint64(maxScanned) // sections of a broken file may overlap
	for _, s := range f.Sections {
		if s.Type != elf.SHT_PROGBITS || only != nil && s != only || only == nil && s.Flags&elf.SHF_ALLOC == 0 {
			continue
		}
		if s.Size > left {
			if i.Go == nil {
				i.Unknown = "has a section " + s.Name + " that is too large to be read"
			}
			continue
		}
		left -= s.Size
		data := make([]byte, s.Size)
		n, _ := s.ReadAt(data, 0)
		for _, t := range texts {
			if i.Go != nil && t.text != varRun {
				continue
			}
			if bytes.Contains(data[:n], []byte(t.text)) {
				i.words = append(i.words, t.text)
			}
		}
		if bytes.Contains(data[:n], []byte(seaFuse)) {
			i.words = append(i.words, seaFuse)
		}
		for _, d := range dotnet {
			if i.Go == nil && bytes.Contains(data[:n], []byte(d.text)) {
				i.words = append(i.words, d.text)
			}
		}
	}
}

// Limits on a program that can be shown to have no library in it, in bytes of
// what is loaded: with the names of its sections, and without.
const (
	maxSilent = 64 << 10
	maxTiny   = 4 << 10
)

// silent reports whether a program provably has neither C's library nor a
// language's runtime in it, so that it can ask for nothing by a name: it has
// no loader, no dynamic section, no thread-local data, none of the sections by
// which the start files of C (crti.o, crtbegin.o) and of others take part, and
// none of the words by which programs ask. C programs that are linked with
// -nostdlib are so.
func (i *Info) silent(f *elf.File) bool {
	if i.Interp != "" || i.dynamic || i.Go != nil {
		return false
	}
	loaded := uint64(0)
	for _, p := range f.Progs {
		if p.Type == elf.PT_TLS || p.Filesz > maxSilent {
			return false
		}
		if p.Type == elf.PT_LOAD {
			loaded += p.Filesz
		}
	}
	if loaded > maxSilent || len(f.Sections) <= 1 && loaded > maxTiny {
		return false
	}
	for _, name := range []string{".init", ".fini", ".init_array", ".fini_array", ".preinit_array", ".ctors", ".tdata", ".tbss"} {
		if f.Section(name) != nil {
			return false
		}
	}
	for _, p := range f.Progs {
		if p.Type != elf.PT_LOAD {
			continue
		}
		data := make([]byte, p.Filesz)
		n, _ := p.ReadAt(data, 0)
		for _, word := range []string{"HOME", "getenv", "/etc/", "/home", "/root", "UPX!"} {
			if bytes.Contains(data[:n], []byte(word)) {
				return false
			}
		}
	}
	return true
}
