package elf

import (
	"bytes"
	"debug/elf"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// Limits on what the dynamic section may ask for. They are far above what real
// programs have.
const (
	maxDynamic = 1 << 20 // bytes of the section
	maxString  = 4096    // bytes of one name
)

// flagPIE marks a position-independent executable (DF_1_PIE of elf.h).
const flagPIE = 0x08000000

// dynamicSegment reads what the loader reads: the entries of PT_DYNAMIC, with
// strings found through DT_STRTAB. Section headers play no part, as they play
// none for the loader; a stripped file may have none.
func (i *Info) dynamicSegment(f *elf.File, p *elf.Prog) error {
	if p.Filesz > maxDynamic {
		return fmt.Errorf("a dynamic section of %d bytes", p.Filesz)
	}
	data := make([]byte, p.Filesz)
	if _, err := p.ReadAt(data, 0); err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("reading the dynamic section: %w", err)
	}
	type entry struct {
		tag   elf.DynTag
		value uint64
	}
	var entries []entry
	values := map[elf.DynTag]uint64{}
	word := 8
	if f.Class == elf.ELFCLASS32 {
		word = 4
	}
	read := func(b []byte) uint64 {
		if word == 4 {
			return uint64(f.ByteOrder.Uint32(b))
		}
		return f.ByteOrder.Uint64(b)
	}
	for ; len(data) >= 2*word; data = data[2*word:] {
		e := entry{elf.DynTag(read(data)), read(data[word:])}
		if e.tag == elf.DT_NULL {
			break
		}
		entries = append(entries, e)
		values[e.tag] = e.value
	}
	i.pie = values[elf.DT_FLAGS_1]&flagPIE != 0
	for _, e := range entries {
		var to *[]string
		var name []string
		switch e.tag {
		case elf.DT_NEEDED:
			to = &i.Needed
		case elf.DT_RPATH:
			to = &i.RPath
		case elf.DT_RUNPATH:
			to = &i.RunPath
		case elf.DT_SONAME:
			to = &name
		default:
			continue
		}
		s, err := stringAt(f, values[elf.DT_STRTAB]+e.value)
		if err != nil {
			return fmt.Errorf("reading %s: %w", e.tag, err)
		}
		if e.tag == elf.DT_RPATH || e.tag == elf.DT_RUNPATH {
			*to = append(*to, strings.Split(s, ":")...)
		} else {
			*to = append(*to, s)
		}
		if len(name) > 0 {
			i.SoName = name[0]
		}
	}
	return nil
}

// stringAt reads the string that is loaded at an address.
func stringAt(f *elf.File, address uint64) (string, error) {
	for _, p := range f.Progs {
		if p.Type != elf.PT_LOAD || address < p.Vaddr || address-p.Vaddr >= p.Filesz {
			continue
		}
		b := make([]byte, min(maxString, p.Filesz-(address-p.Vaddr)))
		n, err := p.ReadAt(b, int64(address-p.Vaddr))
		end := bytes.IndexByte(b[:n], 0)
		if end < 0 {
			return "", errors.Join(errors.New("a string without an end"), err)
		}
		return string(b[:end]), nil
	}
	return "", errors.New("a string outside of what is loaded")
}

// sections are the kinds of section that debug/elf reads whole.
var sections = []elf.SectionType{elf.SHT_DYNAMIC, elf.SHT_STRTAB, elf.SHT_DYNSYM, elf.SHT_GNU_VERDEF, elf.SHT_GNU_VERNEED, elf.SHT_GNU_VERSYM}

// symbols reads dynamic symbols and their versions through section headers.
// Files without them are read as having none that can be seen.
func (i *Info) symbols(f *elf.File) error {
	for _, s := range f.Sections {
		if slices.Contains(sections, s.Type) && s.Size > maxTable {
			return fmt.Errorf("a section %s of %d bytes", s.Name, s.Size)
		}
	}
	symbols, err := f.DynamicSymbols()
	if err != nil && !errors.Is(err, elf.ErrNoSymbols) {
		return fmt.Errorf("reading dynamic symbols: %w", err)
	}
	for _, s := range symbols {
		if s.Section == elf.SHN_UNDEF && s.Name != "" {
			i.Imports = append(i.Imports, s.Name)
		}
	}
	slices.Sort(i.Imports)
	i.Imports = slices.Compact(i.Imports)
	if needs, err := f.DynamicVersionNeeds(); err == nil {
		for _, n := range needs {
			for _, v := range n.Needs {
				i.Requires = append(i.Requires, Requirement{n.Name, v.Dep, v.Flags&elf.VER_FLG_WEAK != 0})
			}
		}
	}
	if versions, err := f.DynamicVersions(); err == nil {
		for _, v := range versions {
			i.Provides = append(i.Provides, v.Name)
		}
	}
	return nil
}
