package image

import (
	"fmt"
	"io/fs"
	"strconv"
	"strings"
	"unicode/utf8"
)

// UnixMode gives a mode as chmod(2) and tar count it.
func UnixMode(m fs.FileMode) uint32 {
	v := uint32(m.Perm())
	for _, b := range []struct {
		from fs.FileMode
		to   uint32
	}{{fs.ModeSetuid, 0o4000}, {fs.ModeSetgid, 0o2000}, {fs.ModeSticky, 0o1000}} {
		if m&b.from != 0 {
			v |= b.to
		}
	}
	return v
}

// Octal writes a mode as chmod(1) takes it.
func Octal(m fs.FileMode) string { return fmt.Sprintf("%04o", UnixMode(m)) }

// Printable writes text of the image for people: what a terminal would take for
// more than text is escaped as in Go.
func Printable(s string) string {
	if !strings.ContainsFunc(s, func(r rune) bool { return !strconv.IsPrint(r) }) && utf8.ValidString(s) {
		return s
	}
	quoted := strconv.Quote(s)
	return strings.ReplaceAll(quoted[1:len(quoted)-1], `\"`, `"`)
}

// FormatSize writes a number of bytes for people, in powers of 1000 as
// registries and docker do.
func FormatSize(n int64) string {
	for _, u := range []struct {
		unit  string
		bytes float64
	}{{"GB", 1e9}, {"MB", 1e6}, {"kB", 1e3}} {
		if float64(n) >= u.bytes {
			return fmt.Sprintf("%.2f %s", float64(n)/u.bytes, u.unit)
		}
	}
	return fmt.Sprintf("%d B", n)
}
