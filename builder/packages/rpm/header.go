package rpm

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
)

// Tags of a header (rpm, include/rpm/rpmtag.h).
const (
	tagName         = 1000
	tagVersion      = 1001
	tagRelease      = 1002
	tagEpoch        = 1003
	tagBuildTime    = 1006
	tagSize         = 1009
	tagVendor       = 1011
	tagLicense      = 1014
	tagArch         = 1022
	tagOldFilenames = 1027
	tagFileStates   = 1029
	tagFileDigests  = 1035
	tagFileFlags    = 1037
	tagSourceRPM    = 1044
	tagProvideName  = 1047
	tagRequireFlags = 1048
	tagRequireName  = 1049
	tagDirIndexes   = 1116
	tagBaseNames    = 1117
	tagDirNames     = 1118
	tagLongSize     = 5009
)

// Types of the values of a header.
const (
	typeChar        = 1
	typeInt8        = 2
	typeInt16       = 3
	typeInt32       = 4
	typeInt64       = 5
	typeString      = 6
	typeStringArray = 8
	typeI18NString  = 9
)

// regions are tags that stand for a part of the header, not for a value.
const firstRegion, lastRegion = 61, 63

// Limits on a header: rpm's own (lib/header.c), and one on the values of a tag.
const (
	maxTags   = 0xffff
	maxData   = 0x0fffffff
	maxValues = 1 << 20
)

// A value is where a header has the values of a tag.
type value struct{ kind, offset, count uint32 }

// A header is what rpm knows of a package, without the magic number that it
// has in a package file.
type header struct {
	values map[uint32]value
	data   []byte
}

// parseHeader reads a header as the database has it (RPM Package Format V4:
// header format): the number of tags and of bytes of data, 16 bytes for each
// tag, then the data. Values that were added at the installation stand behind
// the package's own and replace them.
func parseHeader(blob []byte) (header, error) {
	if len(blob) < 8 {
		return header{}, errors.New("a header is cut short")
	}
	tags, size := binary.BigEndian.Uint32(blob), binary.BigEndian.Uint32(blob[4:])
	if tags > maxTags || size > maxData {
		return header{}, fmt.Errorf("a header has %d tags and %d bytes", tags, size)
	}
	index := blob[8:]
	if uint64(len(index)) < uint64(tags)*16+uint64(size) {
		return header{}, errors.New("a header is cut short")
	}
	h := header{values: make(map[uint32]value, tags), data: index[tags*16:][:size]}
	for ; tags > 0; tags, index = tags-1, index[16:] {
		tag := binary.BigEndian.Uint32(index)
		if tag >= firstRegion && tag <= lastRegion {
			continue
		}
		v := value{binary.BigEndian.Uint32(index[4:]), binary.BigEndian.Uint32(index[8:]), binary.BigEndian.Uint32(index[12:])}
		if v.offset > size {
			return header{}, fmt.Errorf("the tag %d of a header lies outside of it", tag)
		}
		h.values[tag] = v
	}
	return h, nil
}

// texts gives the texts of a tag, none when the header does not have it.
func (h header) texts(tag uint32) ([]string, error) {
	v, ok := h.values[tag]
	if !ok {
		return nil, nil
	}
	if v.kind != typeString && v.kind != typeStringArray && v.kind != typeI18NString {
		return nil, fmt.Errorf("the tag %d of a header has no text", tag)
	}
	rest := h.data[v.offset:]
	if v.count > maxValues || uint64(v.count) > uint64(len(rest)) {
		return nil, fmt.Errorf("the tag %d of a header has %d values", tag, v.count)
	}
	end := 0
	for range v.count {
		n := bytes.IndexByte(rest[end:], 0)
		if n < 0 {
			return nil, fmt.Errorf("the tag %d of a header is cut short", tag)
		}
		end += n + 1
	}
	// One copy holds them all, and the header can go.
	all := string(rest[:end])
	out := make([]string, 0, v.count)
	for range v.count {
		text, after, _ := strings.Cut(all, "\x00")
		out, all = append(out, text), after
	}
	return out, nil
}

// text gives the first text of a tag, "" for none.
func (h header) text(tag uint32) (string, error) {
	all, err := h.texts(tag)
	if err != nil || len(all) == 0 {
		return "", err
	}
	return strings.ToValidUTF8(strings.Clone(all[0]), "\uFFFD"), nil
}

// numbers gives the numbers of a tag, none when the header does not have it.
func (h header) numbers(tag uint32) ([]uint64, error) {
	v, ok := h.values[tag]
	if !ok {
		return nil, nil
	}
	width := map[uint32]uint64{typeChar: 1, typeInt8: 1, typeInt16: 2, typeInt32: 4, typeInt64: 8}[v.kind]
	if width == 0 {
		return nil, fmt.Errorf("the tag %d of a header has no numbers", tag)
	}
	rest := h.data[v.offset:]
	if v.count > maxValues || uint64(v.count)*width > uint64(len(rest)) {
		return nil, fmt.Errorf("the tag %d of a header has %d values", tag, v.count)
	}
	out := make([]uint64, v.count)
	for i := range out {
		for _, b := range rest[uint64(i)*width:][:width] {
			out[i] = out[i]<<8 | uint64(b)
		}
	}
	return out, nil
}

// number gives the first number of a tag; ok is false when there is none.
func (h header) number(tag uint32) (n uint64, ok bool, err error) {
	all, err := h.numbers(tag)
	if err != nil || len(all) == 0 {
		return 0, false, err
	}
	return all[0], true, nil
}
