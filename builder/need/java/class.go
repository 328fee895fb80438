package java

import (
	"encoding/binary"
	"errors"
)

// maxClass is the largest class file that is read, in bytes.
const maxClass = 1 << 20

// errNotClass is returned for what is no class file, or ends early.
var errNotClass = errors.New("is no class file")

// A class is what the constant pool of a class file names (The Java Virtual
// Machine Specification, 4.4).
type class struct {
	uses    map[string]bool // classes, with slashes; arrays by their elements' descriptors
	calls   map[string]bool // methods: CLASS.NAME
	strings []string        // constants
}

// pool is the constant pool by index: where each entry begins.
type pool struct {
	data []byte
	at   []int
}

// parseClass reads the constant pool of a class file.
func parseClass(data []byte) (*class, error) {
	if len(data) < 10 || binary.BigEndian.Uint32(data) != 0xCAFEBABE {
		return nil, errNotClass
	}
	count := int(binary.BigEndian.Uint16(data[8:]))
	p := pool{data, make([]int, count)}
	for i, off := 1, 10; i < count; i++ {
		if off+3 > len(data) {
			return nil, errNotClass
		}
		p.at[i] = off
		size := 0
		switch data[off] {
		case 1: // Utf8
			size = 3 + int(binary.BigEndian.Uint16(data[off+1:]))
		case 3, 4, 9, 10, 11, 12, 17, 18:
			size = 5
		case 5, 6: // Long and Double take two places
			size = 9
			i++
		case 7, 8, 16, 19, 20:
			size = 3
		case 15:
			size = 4
		default:
			return nil, errNotClass
		}
		if off += size; off > len(data) {
			return nil, errNotClass
		}
	}
	c := &class{uses: map[string]bool{}, calls: map[string]bool{}}
	for i := range p.at {
		switch p.tag(i) {
		case 7:
			c.uses[p.text(p.ref(i, 1))] = true
		case 8:
			c.strings = append(c.strings, p.text(p.ref(i, 1)))
		case 10, 11:
			c.calls[p.text(p.ref(p.ref(i, 1), 1))+"."+p.text(p.ref(p.ref(i, 3), 1))] = true
		}
	}
	return c, nil
}

// tag is the kind of an entry, 0 where there is none.
func (p pool) tag(i int) byte {
	if i <= 0 || i >= len(p.at) || p.at[i] == 0 {
		return 0
	}
	return p.data[p.at[i]]
}

// ref is the index that an entry has some bytes behind its beginning, 0 where
// it has none.
func (p pool) ref(i, behind int) int {
	if p.tag(i) == 0 || p.at[i]+behind+2 > len(p.data) {
		return 0
	}
	return int(binary.BigEndian.Uint16(p.data[p.at[i]+behind:]))
}

// text is the text of a Utf8 entry, "" for any other.
func (p pool) text(i int) string {
	if p.tag(i) != 1 {
		return ""
	}
	n := int(binary.BigEndian.Uint16(p.data[p.at[i]+1:]))
	return string(p.data[p.at[i]+3 : p.at[i]+3+n])
}
