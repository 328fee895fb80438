package oci

import (
	"bytes"
	"io"
	"testing"

	"github.com/whittle-oci/whittle/builder/image"
	"github.com/whittle-oci/whittle/builder/tree"
)

func TestBytecode(t *testing.T) {
	const magic = "\xcb\r\r\n"
	when := "\x00\x10\x00\x00" // 4096 seconds
	for _, c := range []struct {
		name, pyc, want string
	}{
		{"agrees", magic + "\x00\x00\x00\x00" + when + "\x03\x00\x00\x00code", magic + "\x01\x00\x00\x00" + "\x00\x00\x00\x00\x00\x00\x00\x00code"},
		{"of another time", magic + "\x00\x00\x00\x00\x01\x10\x00\x00\x03\x00\x00\x00code", ""},
		{"of another size", magic + "\x00\x00\x00\x00" + when + "\x04\x00\x00\x00code", ""},
		{"hash-based", magic + "\x03\x00\x00\x00" + when + "\x03\x00\x00\x00code", ""},
		{"cut short", magic, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			var m tree.Memory
			m.Add("/lib/a.py", tree.Entry{Mode: 0o644, ModTime: 4096e9 + 5}, []byte("x=1"))
			m.File("/lib/__pycache__/a.cpython-311.pyc", 0o644, []byte(c.pyc))
			e := image.Entry{Path: "/lib/__pycache__/a.cpython-311.pyc", Source: "/lib/__pycache__/a.cpython-311.pyc", Size: int64(len(c.pyc))}
			want := c.want
			if want == "" {
				want = c.pyc
			}
			for _, p := range []*image.Plan{{Bytecode: &image.Bytecode{Dirs: []string{"/lib"}}}, {}} {
				r, err := content(t.Context(), &m, e, p)
				if err != nil {
					t.Fatal(err)
				}
				got, err := io.ReadAll(r)
				if err != nil {
					t.Fatal(err)
				}
				if p.Bytecode == nil {
					want = c.pyc
				}
				if !bytes.Equal(got, []byte(want)) {
					t.Errorf("got %q, want %q", got, want)
				}
			}
		})
	}
}
