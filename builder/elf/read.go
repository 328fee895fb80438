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

	dynamic bool
	pie     bool     // DF_1_PIE
	words   []string // what a program holds as text, of what matters
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
}

// Has reports whether a function of that name is linked into the program.
func (g *GoInfo) Has(name string) bool {
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
	i.golang(f, r)
	if i.Go == nil {
		i.text(f)
	}
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
	if table != nil {
		i.Go.functions = functionNames(table, f)
	}
}

// functionNames cuts the name table out of pclntab, whose header tells where
// it begins and where the next table does (runtime/symtab.go, pcHeader).
func functionNames(s *elf.Section, f *elf.File) []byte {
	head := make([]byte, 8+8*8)
	if n, _ := s.ReadAt(head, 0); n < len(head) || head[7] != 8 && head[7] != 4 {
		return nil
	}
	word := func(n int) uint64 {
		if head[7] == 8 {
			return f.ByteOrder.Uint64(head[8+8*n:])
		}
		return uint64(f.ByteOrder.Uint32(head[8+4*n:]))
	}
	// nfunc, nfiles, textStart, funcnameOffset, cuOffset
	from, to := word(3), word(4)
	if from >= to || to > s.Size || to-from > maxTable {
		return nil
	}
	names := make([]byte, to-from)
	if n, _ := s.ReadAt(names, int64(from)); uint64(n) < to-from {
		return nil
	}
	return append([]byte{0}, names...)
}

// text looks for words in the data of a program.
func (i *Info) text(f *elf.File) {
	for _, s := range f.Sections {
		if s.Name != ".rodata" || s.Type != elf.SHT_PROGBITS || s.Size > maxScanned {
			continue
		}
		data := make([]byte, s.Size)
		n, _ := s.ReadAt(data, 0)
		for _, t := range texts {
			if bytes.Contains(data[:n], []byte(t.text)) {
				i.words = append(i.words, t.text)
			}
		}
		for _, d := range dotnet {
			if bytes.Contains(data[:n], []byte(d.text)) {
				i.words = append(i.words, d.text)
			}
		}
	}
}
