package layers_test

import (
	"archive/tar"
	"bytes"
	"fmt"
	"os"
	"path"
	"strings"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// An entry is one of a layer, with its content.
type entry struct {
	tar.Header
	data string
}

// marker reports whether e is a whiteout or an opaque marker.
func (e entry) marker() bool { return strings.HasPrefix(path.Base(path.Clean(e.Name)), ".wh.") }

// archive writes a layer.
func archive(t testing.TB, entries []entry) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, e := range entries {
		h := e.Header
		h.Size = int64(len(e.data))
		if err := w.WriteHeader(&h); err != nil {
			t.Fatalf("%q: %v", h.Name, err)
		}
		if _, err := w.Write([]byte(e.data)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// imageOf makes an image of archives.
func imageOf(t testing.TB, archives ...[]byte) v1.Image {
	t.Helper()
	var list []v1.Layer
	for _, b := range archives {
		list = append(list, static.NewLayer(b, types.OCIUncompressedLayer))
	}
	img, err := mutate.AppendLayers(empty.Image, list...)
	if err != nil {
		t.Fatal(err)
	}
	return img
}

// root is whether tests may make devices and files of any owner.
var root = os.Getuid() == 0

// A generator makes layers of bytes: few names, so that entries meet.
type generator struct {
	bytes []byte
	files int
	plain bool // neither links nor setgid directories, so that the order of markers has no influence
}

func (g *generator) next(n int) int {
	if len(g.bytes) == 0 {
		return 0
	}
	b := g.bytes[0]
	g.bytes = g.bytes[1:]
	return int(b) % n
}

// name makes a path of up to three components, "" at times for the root.
func (g *generator) name() string {
	var parts []string
	for range 1 + g.next(4)%3 {
		parts = append(parts, string("abcde"[g.next(5)]))
	}
	return strings.Join(parts, "/")
}

var (
	modes    = []int64{0o755, 0o644, 0, 0o777, 0o4755, 0o2755, 0o1777, 0o400, 0o100644, 0o40755}
	owners   = []int{0, 1000, 65534, 1 << 21}
	prefixes = []string{"", "", "", "./", "/", "../", "../../", ".//./"}
)

// capabilities are CAP_NET_BIND_SERVICE, as setcap(8) writes it.
const capabilities = "\x01\x00\x00\x02\x00\x04\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"

// layers makes up to five layers of up to twenty entries.
func (g *generator) layers() [][]entry {
	var out [][]entry
	for len(g.bytes) > 0 && len(out) < 5 {
		var layer []entry
		for len(g.bytes) > 0 && len(layer) < 20 && g.next(16) != 15 {
			layer = append(layer, g.entry())
		}
		out = append(out, layer)
	}
	return out
}

func (g *generator) entry() entry {
	g.files++
	e := entry{Header: tar.Header{
		Name: prefixes[g.next(len(prefixes))] + g.name(), Mode: modes[g.next(len(modes))], Uid: owners[g.next(4)], Gid: owners[g.next(4)],
		ModTime: time.Unix(int64(g.files)*1000, 0), Typeflag: tar.TypeReg,
	}}
	if !root {
		e.Mode |= 0o700
	}
	if g.plain {
		e.Mode &^= 0o2000
	}
	dir, base := path.Split(e.Name)
	switch k := g.next(20); {
	case k < 6:
		e.data = strings.Repeat(fmt.Sprint(g.files), g.next(4))
		if k == 0 && root {
			e.PAXRecords = map[string]string{"SCHILY.xattr.security.capability": capabilities, "SCHILY.xattr.user.note": "x"}
		}
	case k < 11:
		e.Typeflag = tar.TypeDir
		e.Name += []string{"/", "", "/."}[g.next(3)]
	case k < 13 && !g.plain:
		e.Typeflag, e.Linkname = tar.TypeSymlink, []string{"", "/", "./"}[g.next(3)]+g.name()
	case k < 15 && !g.plain:
		e.Typeflag, e.Linkname = tar.TypeLink, prefixes[g.next(len(prefixes))]+g.name()
	case k < 17:
		e.Name = dir + ".wh." + base
	case k == 17:
		e.Name = dir + base + "/.wh..wh..opq"
	case k == 18:
		e.Typeflag = tar.TypeFifo
	case root:
		e.Typeflag, e.Devmajor, e.Devminor = tar.TypeChar, 1, 3
	}
	return e
}
