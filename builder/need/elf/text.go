package elf

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"fmt"
	"io"
	"slices"
	"strings"
)

// Limits on the text of one file.
const (
	maxText    = 64 << 20 // bytes of all sections
	maxData    = 1 << 20  // bytes of .data, which holds text only now and then
	maxStrings = 1 << 20
	maxWord    = 1024 // bytes of one string
	maxPlaces  = 1 << 16
)

// A Text is what an ELF file holds as text.
type Text struct {
	// Strings are the printable strings that end in NUL, as C has them: sorted,
	// none twice. A linker may have merged those with equal ends.
	Strings []string

	unended bool            // strings follow each other without an end, as Go and Rust have them
	data    []extent        // what is loaded and may hold text
	code    func() []extent // reads the instructions, which are needed seldom and much
	order   binary.ByteOrder
	machine elf.Machine
	word    int // size of a pointer in bytes
}

// An extent is a part of a file at the address at which it is loaded.
type extent struct {
	address uint64
	bytes   []byte
}

// ReadText reads the text of an ELF file: its read-only data, and its data
// where that is small.
func ReadText(in io.ReaderAt) (_ *Text, err error) {
	r := newBlocks(in)
	defer func() {
		if x := recover(); x != nil { // debug/elf has panicked on broken files before
			err = fmt.Errorf("%w: %v", ErrBroken, x)
		}
		if err != nil && r.err != nil {
			err = r.err
		}
	}()
	f, err := elf.NewFile(r)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrBroken, err)
	}
	t := &Text{order: f.ByteOrder, machine: f.Machine, word: 8}
	if f.Class == elf.ELFCLASS32 {
		t.word = 4
	}
	left := uint64(maxText)
	section := func(s *elf.Section) (extent, bool) {
		if s.Type != elf.SHT_PROGBITS || s.Flags&elf.SHF_COMPRESSED != 0 || s.Size > left {
			return extent{}, false
		}
		left -= s.Size
		data := make([]byte, s.Size)
		n, _ := s.ReadAt(data, 0)
		return extent{s.Addr, data[:n]}, true
	}
	for _, s := range f.Sections {
		switch {
		case strings.HasPrefix(s.Name, ".rodata"), s.Name == ".data" && s.Size <= maxData, s.Name == ".noptrdata", s.Name == ".data.rel.ro", s.Name == "go:string.*":
			if e, ok := section(s); ok {
				t.data = append(t.data, e)
			}
		}
	}
	if r.err != nil {
		return nil, r.err
	}
	t.unended = f.Section(".gopclntab") != nil || f.Section(".data.rel.ro.gopclntab") != nil || t.contains("/rustc/")
	if !t.unended {
		t.split()
		t.data = nil
		return t, nil
	}
	t.code = func() []extent {
		var out []extent
		for _, s := range f.Sections {
			if s.Name == ".text" {
				if e, ok := section(s); ok {
					out = append(out, e)
				}
			}
		}
		return out
	}
	return t, nil
}

func (t *Text) contains(s string) bool {
	return slices.ContainsFunc(t.data, func(e extent) bool { return bytes.Contains(e.bytes, []byte(s)) })
}

// split cuts the data into strings.
func (t *Text) split() {
	for _, e := range t.data {
		for s := range bytes.SplitSeq(e.bytes, []byte{0}) {
			if len(s) < 2 || len(s) > maxWord || len(t.Strings) >= maxStrings || !printable(s) {
				continue
			}
			t.Strings = append(t.Strings, string(s))
		}
	}
	slices.Sort(t.Strings)
	t.Strings = slices.Compact(t.Strings)
}

func printable(s []byte) bool {
	for _, b := range s {
		if b < ' ' && b != '\n' && b != '\t' || b > '~' {
			return false
		}
	}
	return true
}

// Has reports which of the words are strings of the program by themselves.
// Where strings have no end, a word counts when the code, or a table of
// strings, names its place together with its length; sure is false where that
// cannot be told for the machine, and found then holds every word that occurs
// at all.
func (t *Text) Has(words []string) (found []string, sure bool) {
	if len(words) == 0 {
		return nil, true
	}
	if !t.unended {
		for _, w := range words {
			if _, ok := slices.BinarySearch(t.Strings, w); ok {
				found = append(found, w)
			}
		}
		return found, true
	}
	places := map[uint64][]string{} // address of an occurrence, the words there
	n := 0
	for _, w := range words {
		if w == "" {
			continue
		}
		for _, e := range t.data {
			for at := 0; n < maxPlaces; n++ {
				i := bytes.Index(e.bytes[at:], []byte(w))
				if i < 0 {
					break
				}
				a := e.address + uint64(at+i)
				places[a] = append(places[a], w)
				at += i + 1
			}
		}
	}
	if n >= maxPlaces || t.machine != elf.EM_X86_64 {
		return occurring(words, places), false
	}
	have := map[string]bool{}
	if len(places) == 0 {
		return nil, true
	}
	named := func(to uint64, length int) {
		for _, w := range places[to] {
			have[w] = have[w] || len(w) == length
		}
	}
	t.inCode(named)
	t.inTables(named)
	for _, w := range words {
		if have[w] {
			found = append(found, w)
		}
	}
	return found, true
}

func occurring(words []string, places map[uint64][]string) []string {
	have := map[string]bool{}
	for _, list := range places {
		for _, w := range list {
			have[w] = true
		}
	}
	return slices.DeleteFunc(slices.Clone(words), func(w string) bool { return !have[w] })
}

// near is how far behind a string's address the code has its length, in bytes;
// in front of it, half as far.
const near = 24

// Lines gives the strings of several words where strings have no end: those
// whose place the code, or a table of strings, names together with their length.
// Of machines whose code is not read, it gives those of tables.
func (t *Text) Lines() []string {
	if !t.unended {
		return nil
	}
	var out []string
	named := func(to uint64, length int) {
		if length < 3 || length > maxWord || len(out) >= maxStrings {
			return
		}
		for _, e := range t.data {
			if to < e.address || to-e.address >= uint64(len(e.bytes)) {
				continue
			}
			if s := e.bytes[to-e.address:]; length <= len(s) && bytes.IndexByte(s[:length], ' ') > 0 && printable(s[:length]) {
				out = append(out, string(s[:length]))
			}
			return
		}
	}
	if t.machine == elf.EM_X86_64 {
		t.inCode(named)
	}
	t.inTables(named)
	slices.Sort(out)
	return slices.Compact(out)
}

// inCode looks for LEA with an address relative to the instruction, as
// compilers for amd64 load that of a string, and takes the MOV of a number that
// is next to it for the length (Intel SDM volume 2, LEA and MOV: REX.W 8D /r
// with ModRM 00 r 101, B8+r imm32 and C7 /0 imm32). It tells of the MOV behind
// and of the one in front.
func (t *Text) inCode(named func(to uint64, length int)) {
	for _, e := range t.code() {
		b := e.bytes
		for i := 0; i+7 <= len(b); i++ {
			if b[i]&0xfb != 0x48 || b[i+1] != 0x8d || b[i+2]&0xc7 != 0x05 {
				continue
			}
			to := e.address + uint64(i+7) + uint64(int64(int32(binary.LittleEndian.Uint32(b[i+3:]))))
			if n := firstMove(b[i+7 : min(len(b), i+7+near)]); n > 0 {
				named(to, n)
			}
			if n := lastMove(b[max(0, i-near/2):i]); n > 0 {
				named(to, n)
			}
		}
	}
}

// firstMove gives the number of the first MOV in code, -1 for none. It takes
// any byte for the beginning of an instruction, and numbers of less than
// maxWord alone for lengths.
func firstMove(code []byte) int {
	for i := range code {
		if n := move(code, i); n >= 0 {
			return n
		}
	}
	return -1
}

// lastMove gives the number of the last one.
func lastMove(code []byte) int {
	for i := len(code) - 1; i >= 0; i-- {
		if n := move(code, i); n >= 0 {
			return n
		}
	}
	return -1
}

// move gives the number of the MOV at a place, -1 where there is none.
func move(code []byte, at int) int {
	number := func(from int) int {
		if from+4 > len(code) {
			return -1
		}
		if n := binary.LittleEndian.Uint32(code[from:]); n > 0 && n < maxWord {
			return int(n)
		}
		return -1
	}
	switch op := code[at]; {
	case op >= 0xb8 && op <= 0xbf:
		return number(at + 1)
	case op == 0xc7 && at+1 < len(code) && code[at+1]&0x38 == 0:
		// Behind ModRM stand an index and a displacement, by its form.
		skip := 2
		if code[at+1]&0xc0 != 0xc0 && code[at+1]&0x07 == 4 {
			skip++
		}
		switch code[at+1] & 0xc0 {
		case 0x40:
			skip++
		case 0x80:
			skip += 4
		}
		return number(at + skip)
	}
	return -1
}

// inTables looks for a pointer to a word followed by its length, as tables of
// strings are.
func (t *Text) inTables(named func(to uint64, length int)) {
	for _, e := range t.data {
		for i := 0; i+2*t.word <= len(e.bytes); i += t.word {
			if n := t.number(e.bytes[i+t.word:]); n > 0 && n <= maxWord {
				named(t.number(e.bytes[i:]), int(n)) //nolint:gosec // n is at most maxWord
			}
		}
	}
}

func (t *Text) number(b []byte) uint64 {
	if t.word == 4 {
		return uint64(t.order.Uint32(b))
	}
	return t.order.Uint64(b)
}

// Paths gives the text behind each place where an absolute path below one of
// the directories may begin, at most maxWord bytes. Where strings have no end
// it goes on into what follows.
func (t *Text) Paths(below ...string) []string {
	var out []string
	for _, s := range t.Strings {
		for part := range strings.SplitSeq(s, ":") {
			if slices.ContainsFunc(below, func(dir string) bool { return strings.HasPrefix(part, dir) }) {
				out = append(out, part)
			}
		}
	}
	for _, e := range t.data {
		for _, dir := range below {
			for at := 0; len(out) < maxPlaces; {
				i := bytes.Index(e.bytes[at:], []byte(dir))
				if i < 0 {
					break
				}
				rest := e.bytes[at+i : min(len(e.bytes), at+i+maxWord)]
				if end := bytes.IndexFunc(rest, func(r rune) bool { return r <= ' ' || r > '~' }); end >= 0 {
					rest = rest[:end]
				}
				out = append(out, string(rest))
				at += i + len(dir)
			}
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// Unended reports whether strings follow each other without an end, so that
// text of one goes on into the next.
func (t *Text) Unended() bool { return t.unended }

// Needed gives the libraries that an ELF file links (DT_NEEDED); none for what
// is no ELF file.
func Needed(in io.ReaderAt) (_ []string, err error) {
	r := newBlocks(in)
	defer func() {
		if x := recover(); x != nil {
			err = nil // a broken file links nothing
		}
		if r.err != nil {
			err = r.err
		}
	}()
	f, err := elf.NewFile(r)
	if err != nil {
		return nil, nil
	}
	i := &Info{}
	for _, p := range f.Progs {
		if p.Type == elf.PT_DYNAMIC && i.dynamicSegment(f, p) != nil {
			return nil, nil
		}
	}
	return i.Needed, nil
}

// Calls reports which of the functions a file imports, "" for none.
func (i *Info) Calls(functions ...string) string {
	for _, n := range functions {
		if _, ok := slices.BinarySearch(i.Imports, n); ok {
			return n
		}
	}
	return ""
}
