// Package rpmtest writes small rpm databases for tests: headers, and files of
// rpm's own format and of Berkeley DB that hold them.
package rpmtest

import (
	"bytes"
	"encoding/binary"
	"hash/adler32"
	"path"
	"slices"
	"strings"
)

// A Package is what a test says of an installed package.
type Package struct {
	Name, Version, Release string
	Epoch                  uint32 // 0 for none
	Arch                   string // "x86_64" when empty
	Source                 string // the file of the source package
	Vendor, License        string
	Provides, Requires     []string
	Files                  []File
}

// A File is one that a package lists.
type File struct {
	Path   string
	Digest string
	Flags  uint32 // of rpm's RPMFILE_*: 1 configuration, 64 ghost, 128 licence
	State  byte   // of rpm's RPMFILE_STATE_*: 0 normal, 1 replaced
}

// Paths lists files of which nothing but their path is said.
func Paths(names ...string) []File {
	var out []File
	for _, n := range names {
		out = append(out, File{Path: n})
	}
	return out
}

// A tag of a header: its number, type, count and data.
type tag struct {
	number, kind, count uint32
	data                []byte
}

func text(number uint32, list ...string) tag {
	kind := uint32(8)
	if number < 1047 && number != 1035 && len(list) == 1 {
		kind = 6
	}
	return tag{number, kind, uint32(len(list)), []byte(strings.Join(list, "\x00") + "\x00")}
}

func numbers(number uint32, list ...uint32) tag {
	t := tag{number: number, kind: 4, count: uint32(len(list))}
	for _, n := range list {
		t.data = binary.BigEndian.AppendUint32(t.data, n)
	}
	return t
}

// Header gives the header of a package as databases have it.
func (p Package) Header() []byte {
	arch := p.Arch
	if arch == "" {
		arch = "x86_64"
	}
	tags := []tag{text(1000, p.Name), text(1001, p.Version), text(1002, p.Release), numbers(1006, 1700000000), numbers(1009, 4096), text(1014, p.License), text(1022, arch)}
	if p.Epoch > 0 {
		tags = append(tags, numbers(1003, p.Epoch))
	}
	for number, s := range map[uint32]string{1011: p.Vendor, 1044: p.Source} {
		if s != "" {
			tags = append(tags, text(number, s))
		}
	}
	tags = append(tags, text(1047, append([]string{p.Name}, p.Provides...)...))
	if len(p.Requires) > 0 {
		tags = append(tags, text(1049, p.Requires...), numbers(1048, make([]uint32, len(p.Requires))...))
	}
	if len(p.Files) > 0 {
		var dirs, names, digests []string
		var index, flags []uint32
		var states []byte
		for _, f := range p.Files {
			dir := path.Dir(f.Path)
			if dir != "/" {
				dir += "/"
			}
			if !slices.Contains(dirs, dir) {
				dirs = append(dirs, dir)
			}
			index, names = append(index, uint32(slices.Index(dirs, dir))), append(names, path.Base(f.Path))
			flags, digests, states = append(flags, f.Flags), append(digests, f.Digest), append(states, f.State)
		}
		tags = append(tags, text(1117, names...), text(1118, dirs...), numbers(1116, index...), numbers(1037, flags...), text(1035, digests...), tag{1029, 1, uint32(len(states)), states})
	}
	slices.SortFunc(tags, func(a, b tag) int { return int(a.number) - int(b.number) })
	var index, data []byte
	for _, t := range tags {
		for t.kind == 4 && len(data)%4 > 0 {
			data = append(data, 0)
		}
		for _, n := range []uint32{t.number, t.kind, uint32(len(data)), t.count} {
			index = binary.BigEndian.AppendUint32(index, n)
		}
		data = append(data, t.data...)
	}
	out := binary.BigEndian.AppendUint32(nil, uint32(len(tags)))
	return slices.Concat(binary.BigEndian.AppendUint32(out, uint32(len(data))), index, data)
}

// Headers gives the headers of packages.
func Headers(list ...Package) [][]byte {
	var out [][]byte
	for _, p := range list {
		out = append(out, p.Header())
	}
	return out
}

// NDB gives Packages.db with headers.
func NDB(headers ...[]byte) []byte {
	const page, block = 4096, 16
	le := binary.LittleEndian
	pages := (len(headers)+2)*block/page + 1
	out := make([]byte, pages*page)
	copy(out, "RpmP")
	le.PutUint32(out[8:], 1)
	le.PutUint32(out[12:], uint32(pages))
	le.PutUint32(out[16:], uint32(len(headers)+1))
	for at := 2 * block; at < pages*page; at += block {
		copy(out[at:], "Slot")
	}
	for i, h := range headers {
		at := len(out)
		size := (16 + len(h) + 12 + block - 1) / block * block
		slot := out[(2+i)*block:]
		le.PutUint32(slot[4:], uint32(i+1))
		le.PutUint32(slot[8:], uint32(at/block))
		le.PutUint32(slot[12:], uint32(size/block))
		blob := make([]byte, size)
		copy(blob, "BlbS")
		le.PutUint32(blob[4:], uint32(i+1))
		le.PutUint32(blob[8:], 1)
		le.PutUint32(blob[12:], uint32(len(h)))
		copy(blob[16:], h)
		le.PutUint32(blob[size-12:], adler32.Checksum(blob[:size-12]))
		le.PutUint32(blob[size-8:], uint32(len(h)))
		copy(blob[size-4:], "BlbE")
		out = append(out, blob...)
	}
	return out
}

// BDB gives Packages of one bucket, in either byte order, with headers on pages
// of their own as db_load writes them.
func BDB(order binary.AppendByteOrder, headers ...[]byte) []byte {
	const page, head = 4096, 26
	put := func(b []byte, n uint32) { copy(b, order.AppendUint32(nil, n)) }
	short := func(b []byte, n int) { copy(b, order.AppendUint16(nil, uint16(n))) }
	var pages [][]byte
	add := func(kind byte) (int, []byte) {
		p := make([]byte, page)
		put(p[8:], uint32(len(pages)))
		p[25] = kind
		pages = append(pages, p)
		return len(pages) - 1, p
	}
	_, meta := add(8)
	_, bucket := add(13)
	end, entries := page, 0
	item := func(data []byte) {
		if head+2*entries+2 > end-len(data) { // a further page of the bucket
			n, next := add(13)
			put(bucket[16:], uint32(n))
			short(bucket[20:], entries)
			bucket, end, entries = next, page, 0
		}
		end -= len(data)
		copy(bucket[end:], data)
		short(bucket[head+2*entries:], end)
		entries++
	}
	item([]byte{1, 0, 0, 0, 0})
	item([]byte{1, byte(len(headers)), 0, 0, 0})
	for i, h := range headers {
		if head+2*entries+4 > end-17 { // a key and its value are on one page
			n, next := add(13)
			put(bucket[16:], uint32(n))
			short(bucket[20:], entries)
			bucket, end, entries = next, page, 0
		}
		item(append([]byte{1}, binary.LittleEndian.AppendUint32(nil, uint32(i+1))...))
		off := make([]byte, 12)
		off[0] = 3
		put(off[4:], uint32(len(pages)))
		put(off[8:], uint32(len(h)))
		item(off)
		for rest := h; len(rest) > 0; {
			n := min(len(rest), page-head)
			at, p := add(7)
			copy(p[head:], rest[:n])
			short(p[22:], n)
			if rest = rest[n:]; len(rest) > 0 {
				put(p[16:], uint32(at+1))
			}
		}
	}
	short(bucket[20:], entries)
	put(meta[12:], 0x061561)
	put(meta[16:], 9)
	put(meta[20:], page)
	meta[25] = 8
	put(meta[32:], uint32(len(pages)-1))
	put(meta[96:], 1)
	return bytes.Join(pages, nil)
}
