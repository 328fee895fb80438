package elf_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/whittle-oci/whittle/builder/need/elf"
	"github.com/whittle-oci/whittle/builder/need/elf/elftest"
)

// TestBroken gives files that lie in one field each. None is believed, and each
// says what is wrong.
func TestBroken(t *testing.T) {
	// Offsets in a 64-bit header (elf(5)).
	const programHeaders, sectionHeaders, programHeaderCount = 32, 40, 56
	for _, tc := range []struct {
		name string
		edit func([]byte) []byte
		want string
	}{
		{"the magic alone", func(b []byte) []byte { return b[:4] }, "broken ELF file: it ends before what its headers say"},
		{"half a header", func(b []byte) []byte { return b[:50] }, "broken ELF file: it ends before what its headers say"},
		{"program headers beyond the end", func(b []byte) []byte {
			binary.LittleEndian.PutUint64(b[programHeaders:], uint64(len(b)))
			return b
		}, "broken ELF file: it ends before what its headers say"},
		{"too many program headers", func(b []byte) []byte {
			binary.LittleEndian.PutUint16(b[programHeaderCount:], 1<<16-1)
			return b
		}, "broken ELF file: "},
		{"section headers beyond the end", func(b []byte) []byte {
			binary.LittleEndian.PutUint64(b[sectionHeaders:], 1<<60)
			return b
		}, "broken ELF file: it ends before what its headers say"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := elf.Read(bytes.NewReader(tc.edit(elftest.File{Interp: loader, Needed: []string{"liba.so"}}.Bytes())))
			if !errors.Is(err, elf.ErrBroken) || !strings.HasPrefix(err.Error(), tc.want) {
				t.Errorf("error %v, want %q", err, tc.want)
			}
		})
	}
}

// failing is a reader that breaks off, as a connection does.
type failing struct {
	*bytes.Reader
	after int64
}

var errGone = errors.New("the connection is gone")

// ReadAt implements io.ReaderAt.
func (f failing) ReadAt(p []byte, off int64) (int, error) {
	if off >= f.after {
		return 0, errGone
	}
	return f.Reader.ReadAt(p, off)
}

// TestUnreadable does not call a file broken that could not be read.
func TestUnreadable(t *testing.T) {
	good := append(elftest.File{Interp: loader, Needed: []string{"liba.so"}}.Bytes(), make([]byte, 64<<10)...)
	binary.LittleEndian.PutUint64(good[40:], 32<<10) // its sections are far away
	if _, err := elf.Read(failing{bytes.NewReader(good), 16 << 10}); !errors.Is(err, errGone) || errors.Is(err, elf.ErrBroken) {
		t.Errorf("error %v, want %v", err, errGone)
	}
	if _, err := elf.Read(failing{bytes.NewReader(good), 1 << 20}); errors.Is(err, errGone) || errors.Is(err, io.EOF) {
		t.Errorf("error %v of a file that can be read", err)
	}
}
