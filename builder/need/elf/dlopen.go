package elf

import (
	"bytes"
	"debug/elf"
	"encoding/json"
	"errors"
)

// A Dlopen is a library that a program says it opens at run time
// (uapi-group.org/specifications/specs/elf_dlopen_metadata).
type Dlopen struct {
	Feature     string   `json:"feature"`
	Description string   `json:"description"`
	Priority    string   `json:"priority"` // required, recommended or suggested; "" for recommended
	Sonames     []string `json:"soname"`   // in the order in which they are tried
}

const (
	noteOwner = "FDO\x00"
	noteType  = 0x407c0c0a
	maxNotes  = 1 << 20 // bytes of one section
)

// dlopenNotes reads the notes of section .note.dlopen. One that cannot be
// understood is passed over: it is advice.
func (i *Info) dlopenNotes(f *elf.File) {
	s := f.Section(".note.dlopen")
	if s == nil || s.Type != elf.SHT_NOTE || s.Size > maxNotes {
		return
	}
	data := make([]byte, s.Size)
	n, _ := s.ReadAt(data, 0)
	for data = data[:n]; len(data) >= 12; {
		name, desc, rest, err := note(f, data)
		if err != nil {
			return
		}
		if string(name) == noteOwner && f.ByteOrder.Uint32(data[8:]) == noteType {
			var found []Dlopen
			if json.Unmarshal(bytes.TrimRight(desc, "\x00"), &found) == nil {
				i.Dlopens = append(i.Dlopens, found...)
			}
		}
		data = rest
	}
}

// note cuts the first note off: sizes, type, name and content, each padded to
// four bytes (System V ABI, note section).
func note(f *elf.File, data []byte) (name, desc, rest []byte, err error) {
	pad := func(n uint32) uint64 { return (uint64(n) + 3) &^ 3 }
	nameSize, descSize := f.ByteOrder.Uint32(data), f.ByteOrder.Uint32(data[4:])
	from, to := 12+pad(nameSize), 12+pad(nameSize)+pad(descSize)
	if from+uint64(descSize) > uint64(len(data)) {
		return nil, nil, nil, errors.New("a note that is longer than its section")
	}
	return data[12 : 12+uint64(nameSize)], data[from : from+uint64(descSize)], data[min(to, uint64(len(data))):], nil
}
