package lsp

import (
	"bytes"
	"net/url"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/whittle-oci/whittle/lint/source"
)

// An encoding is what the columns of positions count.
type encoding string

// The encodings that are spoken here, the one that costs least first.
const (
	utf8Units  encoding = "utf-8"
	utf16Units encoding = "utf-16"
)

// A text is the content of a document at one time. It is not changed.
type text struct {
	bytes []byte
	lines []int // offset of every line; the protocol's lines end with \n, \r\n or \r
	units encoding
}

func newText(b []byte, units encoding) text {
	t := text{bytes: b, lines: []int{0}, units: units}
	for i, c := range b {
		if c == '\n' || c == '\r' && (i+1 == len(b) || b[i+1] != '\n') {
			t.lines = append(t.lines, i+1)
		}
	}
	return t
}

// offset is the byte that a position means. One behind the end of its line
// means the end of the line, one behind the last line the end of the text, as
// the protocol wants.
func (t text) offset(p position) int {
	if int64(p.Line) >= int64(len(t.lines)) {
		return len(t.bytes)
	}
	at := t.lines[p.Line]
	line := t.bytes[at:]
	if int(p.Line)+1 < len(t.lines) {
		line = t.bytes[at:t.lines[p.Line+1]]
	}
	line = bytes.TrimRight(line, "\r\n")
	for left := int64(p.Character); left > 0 && len(line) > 0; {
		r, size := utf8.DecodeRune(line)
		if left -= int64(t.width(r, size)); left < 0 {
			break // in the middle of a character
		}
		at += size
		line = line[size:]
	}
	return at
}

// width is how many code units a character takes that has size bytes.
func (t text) width(r rune, size int) int {
	switch {
	case t.units == utf8Units:
		return size
	case r > 0xffff:
		return 2
	}
	return 1
}

// position is where a byte stands, which may be the one after the last.
func (t text) position(off int) position {
	i, found := slices.BinarySearch(t.lines, off)
	if !found {
		i--
	}
	column := 0
	for line := t.bytes[t.lines[i]:off]; len(line) > 0; {
		r, size := utf8.DecodeRune(line)
		column += t.width(r, size)
		line = line[size:]
	}
	return position{uint32(i), uint32(column)}
}

func (t text) rangeOf(s source.Span) textRange {
	return textRange{t.position(s.Start), t.position(s.End)}
}

// change applies one change of an editor.
func (t text) change(c contentChange) text {
	if c.Range == nil {
		return newText([]byte(c.Text), t.units)
	}
	start, end := t.offset(c.Range.Start), t.offset(c.Range.End)
	if end < start {
		start, end = end, start
	}
	return newText(slices.Concat(t.bytes[:start], []byte(c.Text), t.bytes[end:]), t.units)
}

// pathOf is the file of a document, "" for one that is no file.
func pathOf(uri string) string { return pathOn(runtime.GOOS, uri) }

// pathOn is pathOf on a system. The URI of a Windows path has a slash before the
// drive letter, and a host where the path is of a share (RFC 8089, appendix E).
func pathOn(goos, uri string) string {
	u, err := url.Parse(uri)
	if err != nil || u.Scheme != "file" || u.Path == "" {
		return ""
	}
	remote := u.Host != "" && u.Host != "localhost"
	if goos != "windows" {
		if remote {
			return ""
		}
		return u.Path
	}
	path := u.Path
	switch {
	case remote:
		path = "//" + u.Host + path
	case len(path) > 2 && path[0] == '/' && path[2] == ':':
		path = path[1:]
	}
	return strings.ReplaceAll(path, "/", `\`)
}

// nameOf is what a document is called in messages.
func nameOf(uri string) string {
	if p := pathOf(uri); p != "" {
		return filepath.Base(p)
	}
	return uri[strings.LastIndexAny(uri, "/:")+1:]
}
