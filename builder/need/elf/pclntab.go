package elf

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"errors"
	"fmt"
)

// The beginnings of Go's function tables (internal/abi/symtab.go, and
// debug/gosym/pclntab.go for the older ones).
const (
	magic12  = 0xfffffffb // Go 1.2 to 1.15
	magic116 = 0xfffffffa // Go 1.16 and 1.17
	magic118 = 0xfffffff0 // Go 1.18 and 1.19
	magic120 = 0xfffffff1 // since Go 1.20
)

// functionNames reads the names of a program's functions out of .gopclntab. In
// a table before Go 1.16 they stand among other things, so all of it is given.
// The result begins with a zero byte, and each name ends with one.
func functionNames(s *elf.Section, order binary.ByteOrder) (names []byte, mixed bool, err error) {
	if s.Type != elf.SHT_PROGBITS || s.Flags&elf.SHF_COMPRESSED != 0 {
		return nil, false, errors.New("has a Go function table that is compressed or left out")
	}
	head := make([]byte, 8+8*8)
	if n, _ := s.ReadAt(head, 0); n < len(head) || head[7] != 8 && head[7] != 4 {
		return nil, false, errors.New("has a Go function table of an unknown form")
	}
	word := func(n int) uint64 {
		if head[7] == 8 {
			return order.Uint64(head[8+8*n:])
		}
		return uint64(order.Uint32(head[8+4*n:]))
	}
	var from, to uint64
	switch magic := order.Uint32(head); magic {
	case magic12:
		from, to, mixed = 0, s.Size, true
	case magic116: // nfunc, nfiles, funcnameOffset, cuOffset
		from, to = word(2), word(3)
	case magic118, magic120: // nfunc, nfiles, textStart, funcnameOffset, cuOffset
		from, to = word(3), word(4)
	default:
		return nil, false, fmt.Errorf("has a Go function table of an unknown form, %#x", magic)
	}
	if from >= to || to > s.Size || to-from > maxTable {
		return nil, false, errors.New("has a broken Go function table")
	}
	names = make([]byte, to-from+1)
	if n, _ := s.ReadAt(names[1:], int64(from)); uint64(n) < to-from {
		return nil, false, errors.New("has a Go function table that is cut short")
	}
	// Every program has it, unless the names were taken out or obfuscated.
	if !bytes.Contains(names, []byte("runtime.main\x00")) {
		return nil, false, errors.New("has a Go function table without the names of Go's own functions")
	}
	return names, mixed, nil
}
