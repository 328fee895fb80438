package layers_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/klauspost/compress/zstd"

	"github.com/whittle-oci/whittle/builder/oci/layers"
	"github.com/whittle-oci/whittle/builder/tree"
)

// parse makes an entry of "name", "name/", "name -> link", "name = hard link"
// or "name: content".
func parse(l string) entry {
	e := entry{Header: tar.Header{Typeflag: tar.TypeReg, Mode: 0o644, Name: l}}
	if name, to, ok := strings.Cut(l, " -> "); ok {
		e.Typeflag, e.Name, e.Linkname = tar.TypeSymlink, name, to
	} else if name, to, ok := strings.Cut(l, " = "); ok {
		e.Typeflag, e.Name, e.Linkname = tar.TypeLink, name, to
	} else if name, c, ok := strings.Cut(l, ": "); ok {
		e.Name, e.data = name, c
	} else if strings.HasSuffix(l, "/") {
		e.Typeflag, e.Mode = tar.TypeDir, 0o755
	}
	return e
}

func layer(lines ...string) []entry {
	var out []entry
	for _, l := range lines {
		out = append(out, parse(l))
	}
	return out
}

// read opens layers and writes their files on one line, empty directories with
// a slash.
func read(t *testing.T, stack ...[]entry) (string, error) {
	t.Helper()
	var archives [][]byte
	for _, l := range stack {
		archives = append(archives, archive(t, l))
	}
	x, err := layers.Open(t.Context(), imageOf(t, archives...), layers.Limits{})
	if err != nil {
		return "", err
	}
	defer x.Close()
	var got []string
	err = tree.Walk(t.Context(), x, "/", func(name string, e tree.Entry) error {
		switch {
		case e.IsSymlink():
			got = append(got, name+"->"+e.Linkname)
		case e.LinkID != "" && e.LinkID != name:
			got = append(got, name+"=="+e.LinkID)
		case e.IsRegular():
			b, err := tree.ReadFile(t.Context(), x, name, 100)
			if err != nil {
				return err
			}
			got = append(got, name+"="+string(b))
		case e.IsDir() && name != "/":
			if list, err := x.ReadDir(t.Context(), name); err != nil || len(list) == 0 {
				got = append(got, name+"/")
				return err
			}
		}
		return nil
	})
	return strings.Join(got, " "), err
}

func TestLayers(t *testing.T) {
	for _, tc := range []struct {
		name   string
		layers [][]string
		want   string
	}{
		{"later wins", [][]string{{"a: 1", "b: 2"}, {"a: 3"}}, "/a=3 /b=2"},
		{"later wins in one layer", [][]string{{"a: 1", "a: 2"}}, "/a=2"},
		{"whiteout", [][]string{{"d/a: 1", "d/b: 2"}, {"d/.wh.a"}}, "/d/b=2"},
		{"whiteout of a directory", [][]string{{"d/a: 1", "e: 2"}, {".wh.d"}}, "/e=2"},
		{"whiteout of nothing", [][]string{{"a: 1"}, {".wh.b", "d/.wh.c"}}, "/a=1 /d/"},
		{"whiteout after the file of its own layer", [][]string{{"d/a: 1"}, {"d/a: 2", "d/.wh.a"}}, "/d/a=2"},
		{"whiteout before the file of its own layer", [][]string{{"d/a: 1"}, {"d/.wh.a", "d/a: 2"}}, "/d/a=2"},
		{"whiteout after what its layer puts into the directory", [][]string{{"d/a: 1", "d/s/b: 2"}, {"d/s/new: 3", ".wh.d"}}, "/d/s/new=3"},
		{"whiteout in its first layer", [][]string{{"a: 1", ".wh.a"}}, "/a=1"},
		{"two layers on", [][]string{{"a: 1"}, {".wh.a"}, {"a: 2"}}, "/a=2"},
		{"an aufs marker", [][]string{{"a: 1"}, {".wh..wh.plnk", ".wh..wh.aufs"}}, "/a=1"},
		{"opaque spares its own layer", [][]string{{"d/a: 1"}, {"d/", "d/b: 2", "d/.wh..wh..opq"}}, "/d/b=2"},
		{"opaque first", [][]string{{"d/a: 1"}, {"d/.wh..wh..opq", "d/", "d/b: 2"}}, "/d/b=2"},
		{"opaque after a directory that lower layers have too", [][]string{{"d/sub/old: 1"}, {"d/", "d/sub/", "d/sub/new: 2", "d/.wh..wh..opq"}}, "/d/sub/new=2"},
		{"the same without its header", [][]string{{"d/sub/old: 1"}, {"d/", "d/sub/new: 2", "d/.wh..wh..opq"}}, "/d/sub/new=2"},
		{"opaque root", [][]string{{"a: 1", "d/b: 2"}, {"c: 3", ".wh..wh..opq"}}, "/c=3"},
		{"opaque three deep", [][]string{{"a/b/c/old: 1"}, {"a/b/c/new: 2", "a/b/.wh..wh..opq", "a/.wh..wh..opq"}}, "/a/b/c/new=2"},
		{"a link is replaced by a directory, which is opaque", [][]string{{"usr/lib/x: 1", "lib -> usr/lib"}, {"lib/", "lib/.wh..wh..opq", "lib/y: 2"}}, "/lib/y=2 /usr/lib/x=1"},
		{"directory becomes file", [][]string{{"d/a: 1"}, {"d: 2"}}, "/d=2"},
		{"file becomes directory", [][]string{{"d: 1"}, {"d/a: 2"}}, "/d/a=2"},
		{"file becomes directory by a header", [][]string{{"d: 1"}, {"d/", "d/a: 2"}}, "/d/a=2"},
		{"directory becomes link", [][]string{{"d/a: 1", "e/b: 2"}, {"d -> e", "d/c: 3"}}, "/d->e /e/b=2 /e/c=3"},
		{"through a link of a lower layer", [][]string{{"usr/lib/libc.so: 1", "lib -> usr/lib"}, {"lib/new.so: 2"}}, "/lib->usr/lib /usr/lib/libc.so=1 /usr/lib/new.so=2"},
		{"a whiteout through a link", [][]string{{"usr/lib/old: 1", "usr/lib/x: 2", "lib -> /usr/lib"}, {"lib/.wh.old"}}, "/lib->/usr/lib /usr/lib/x=2"},
		{"through a link to what is not there yet", [][]string{{"run -> var/run"}, {"run/pid: 1"}}, "/run->var/run /var/run/pid=1"},
		{"through links that lead up", [][]string{{"a/b/c/", "l -> a/b/c", "a/b/c/up -> ../../../../.."}, {"l/up/x: 1"}}, "/a/b/c/up->../../../../.. /l->a/b/c /x=1"},
		{"hard link", [][]string{{"a: 1", "b = a"}}, "/a=1 /b==/a"},
		{"hard link to a file of a lower layer", [][]string{{"a: 1"}, {"b = ./a"}}, "/a=1 /b==/a"},
		{"hard link through a link", [][]string{{"d/a: 1", "l -> d"}, {"b = l/a"}}, "/b=1 /d/a==/b /l->d"},
		{"hard link to a symbolic link", [][]string{{"a: 1", "l -> a", "m = l"}}, "/a=1 /l->a /m->a"},
		{"hard link whose first name is replaced", [][]string{{"a: 1", "b = a", "c = a"}, {"a: 2"}}, "/a=2 /b=1 /c==/b"},
		{"hard link whose other name is gone", [][]string{{"a: 1", "b = a"}, {".wh.b"}}, "/a=1"},
		{"hard link before the whiteout of its target", [][]string{{"a: 1"}, {"b = a", ".wh.a"}}, "/b=1"},
		{"names that lead out stay in", [][]string{{"../../etc/x: 1", "/etc/y: 2", "./etc//./z: 3", "etc/../q: 4"}}, "/etc/x=1 /etc/y=2 /etc/z=3 /q=4"},
		{"the root's own entries", [][]string{{"./", "/", "../", "a: 1"}}, "/a=1"},
		{"names that are not UTF-8", [][]string{{"d\xff/\xfe: 1"}}, "/d\xff/\xfe=1"},
		{"backslashes, spaces, newlines", [][]string{{`a\b: 1`, " : 2", "n\nl: 3"}}, "/ =2 /a\\b=1 /n\nl=3"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var stack [][]entry
			for _, l := range tc.layers {
				stack = append(stack, layer(l...))
			}
			got, err := read(t, stack...)
			if err != nil {
				t.Fatal(err)
			}
			if got != tc.want {
				t.Errorf("%q, want %q", got, tc.want)
			}
		})
	}
}

// TestAttributes has later layers change what a directory and a file with
// several names are like.
func TestAttributes(t *testing.T) {
	long := strings.Repeat("n", 250) + "/" + strings.Repeat("m", 250)
	x, err := layers.Open(t.Context(), imageOf(t,
		archive(t, []entry{
			{Header: tar.Header{Typeflag: tar.TypeDir, Name: "d/", Mode: 0o700, Uid: 7, Gid: 8}},
			{Header: tar.Header{Name: "d/f", Mode: 0o4755, Uid: 1 << 30, ModTime: time.Unix(5, 6), Format: tar.FormatPAX,
				PAXRecords: map[string]string{"SCHILY.xattr.security.capability": capabilities, "SCHILY.xattr.user.big": strings.Repeat("x", 900_000)}}, data: "1"},
			{Header: tar.Header{Name: long, Mode: 0o644, Format: tar.FormatGNU}, data: "2"},
			{Header: tar.Header{Name: "old", ModTime: time.Unix(-5, 0)}},
			{Header: tar.Header{Typeflag: tar.TypeSymlink, Name: "l", Mode: 0o640, Linkname: strings.Repeat("x", 4000)}},
			{Header: tar.Header{Typeflag: tar.TypeChar, Name: "null", Mode: 0o666}},
			{Header: tar.Header{Typeflag: tar.TypeBlock, Name: "disk", Mode: 0o660}},
			{Header: tar.Header{Typeflag: tar.TypeFifo, Name: "pipe", Mode: 0o640000}}, // a directory's bits in the mode
			{Header: tar.Header{Typeflag: tar.TypeXGlobalHeader, Name: "pax_global_header", PAXRecords: map[string]string{"comment": "x"}}},
		}),
		archive(t, []entry{
			{Header: tar.Header{Typeflag: tar.TypeDir, Name: "d/", Mode: 0o1777, Gid: 9}},
			{Header: tar.Header{Name: "d/f", Mode: 0o040644}, data: "3"},
		}),
	), layers.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	defer x.Close()
	for name, want := range map[string]tree.Entry{
		"/":        {Name: "/", Mode: fs.ModeDir | 0o755},
		"/d":       {Name: "d", Mode: fs.ModeDir | fs.ModeSticky | 0o777, GID: 9},
		"/d/f":     {Name: "f", Mode: 0o644, Size: 1},
		"/" + long: {Name: strings.Repeat("m", 250), Mode: 0o644, Size: 1},
		"/old":     {Name: "old"},
		"/l":       {Name: "l", Mode: fs.ModeSymlink | 0o777, Linkname: strings.Repeat("x", 4000)},
		"/null":    {Name: "null", Mode: fs.ModeDevice | fs.ModeCharDevice | 0o666},
		"/disk":    {Name: "disk", Mode: fs.ModeDevice | 0o660},
		"/pipe":    {Name: "pipe", Mode: fs.ModeNamedPipe},
	} {
		e, err := x.Lstat(t.Context(), name)
		if err != nil {
			t.Error(err)
			continue
		}
		if e.ModTime = 0; fmt.Sprintf("%+v", e) != fmt.Sprintf("%+v", want) {
			t.Errorf("%.20s: %.200s, want %.200s", name, fmt.Sprintf("%+v", e), fmt.Sprintf("%+v", want))
		}
	}
	for _, name := range []string{"/pax_global_header", "/null/x", "/l/x", "/nothing"} {
		if _, err := x.Lstat(t.Context(), name); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := x.Open(t.Context(), "/null"); err == nil {
		t.Error("a device was opened")
	}
}

// TestBad holds what no system could unpack to an error that says what it is.
func TestBad(t *testing.T) {
	file := func(h tar.Header) []entry { return []entry{{Header: h}} }
	huge := archive(t, layer("a: 1", "b: 2"))
	for _, tc := range []struct {
		name   string
		layers [][]entry
		raw    []byte
		want   string
	}{
		{"a whiteout of nothing", [][]entry{layer(".wh.")}, nil, `layer 1 of 1: ".wh.": it is a whiteout of nothing`},
		{"a whiteout of its directory", [][]entry{layer("d/.wh..")}, nil, "whiteout of nothing"},
		{"a whiteout of the parent", [][]entry{layer("a: 1"), layer("d/.wh...")}, nil, "layer 2 of 2"},
		{"a hard link to nothing", [][]entry{layer("a = b")}, nil, `"a": it is a hard link to "b", which is not there`},
		{"a hard link to itself", [][]entry{layer("a: 1", "a = a")}, nil, "which is not there"},
		{"a hard link to a directory", [][]entry{layer("d/", "a = d")}, nil, "a hard link to a directory"},
		{"a hard link to the root", [][]entry{layer("a = ..")}, nil, "a hard link to a directory"},
		{"a hard link below a file", [][]entry{layer("f: 1", "a = f/x")}, nil, "does not exist"},
		{"a file in a file of its layer", [][]entry{layer("f: 1", "f/x: 2")}, nil, `"f" is no directory`},
		{"through a loop", [][]entry{layer("a -> b", "b -> a", "a/x: 1")}, nil, "too many levels"},
		{"a long name", [][]entry{layer(strings.Repeat("n", 256) + ": 1")}, nil, "the name is too long"},
		{"a long name on the way", [][]entry{layer(strings.Repeat("n", 256) + "/a: 1")}, nil, "too long"},
		{"a long path", [][]entry{layer(strings.Repeat("n/", 2050) + "a: 1")}, nil, "too long"},
		{"a path that links make long", [][]entry{layer(strings.Repeat(strings.Repeat("n", 250)+"/", 10), "l -> "+strings.Repeat(strings.Repeat("n", 250)+"/", 10), "l/"+strings.Repeat(strings.Repeat("m", 250)+"/", 8))}, nil, "too long"},
		{"a long target", [][]entry{layer("a -> " + strings.Repeat("n", 4096))}, nil, "target of the link is too long"},
		{"an owner below zero", [][]entry{file(tar.Header{Name: "a", Uid: -1, Format: tar.FormatGNU})}, nil, "no file can belong to -1:0"},
		{"an owner beyond 32 bits", [][]entry{file(tar.Header{Name: "a", Gid: 1<<32 - 1, Format: tar.FormatGNU})}, nil, "no file can belong to 0:4294967295"},
		{"capabilities that are none", [][]entry{file(tar.Header{Name: "a", PAXRecords: map[string]string{"SCHILY.xattr.security.capability": strings.Repeat("x", 900_000)}})}, nil, "900000 bytes, which no file capabilities have"},
		{"an unknown type", [][]entry{file(tar.Header{Typeflag: 'V', Name: "a"})}, nil, "entries of type 'V' are not known"},
		{"no archive", nil, bytes.Repeat([]byte("text\n"), 200), "does not begin as a tar archive"},
		{"a name with NUL", nil, withNUL(t), "invalid tar header"},
		{"an archive that ends early", nil, huge[:1100], "unexpected EOF"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			archives := [][]byte{tc.raw}
			if tc.raw == nil {
				archives = nil
			}
			for _, l := range tc.layers {
				archives = append(archives, archive(t, l))
			}
			_, err := ours(t.Context(), t, archives...)
			if err == nil || !strings.Contains(err.Error(), tc.want) || len(err.Error()) > 1000 {
				t.Errorf("error %.300q, want %q", fmt.Sprint(err), tc.want)
			}
		})
	}
}

// withNUL is an archive whose PAX header has a name with NUL in it.
func withNUL(t *testing.T) []byte {
	b := archive(t, []entry{{Header: tar.Header{Name: "ab\u00e4-cd", Format: tar.FormatPAX}}})
	i := bytes.Index(b, []byte("-cd"))
	if i < 0 {
		t.Fatal("the name is not there")
	}
	b[i] = 0
	return b
}

// TestFormats reads layers of each compression, and refuses those that are not
// of files.
func TestFormats(t *testing.T) {
	plain := archive(t, layer("a: 1"))
	var gz bytes.Buffer
	w := gzip.NewWriter(&gz)
	_, _ = w.Write(plain)
	_ = w.Close()
	z, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	zst := z.EncodeAll(plain, nil)
	for _, tc := range []struct {
		kind types.MediaType
		blob []byte
		want string // part of the error
	}{
		{types.OCIUncompressedLayer, plain, ""},
		{types.DockerUncompressedLayer, plain, ""},
		{types.OCILayer, gz.Bytes(), ""},
		{types.DockerLayer, gz.Bytes(), ""},
		{types.OCILayerZStd, zst, ""},
		{"application/vnd.docker.image.rootfs.diff.tar.zstd", zst, ""},
		{types.OCILayer, plain, ""}, // as some registries have it
		{types.OCILayer, zst, ""},
		{types.DockerForeignLayer, gz.Bytes(), "a foreign layer"},
		{types.OCIRestrictedLayer, gz.Bytes(), "a foreign layer"},
		{"application/vnd.oci.image.layer.v1.tar+gzip+encrypted", gz.Bytes(), "an encrypted layer"},
		{"application/vnd.dev.cosign.simplesigning.v1+json", plain, "not that of a layer of files"},
		{"", plain, `"" is not that of a layer of files`},
		{types.OCILayerZStd, gz.Bytes(), "layer 1 of 1: "},
		{types.OCILayer, gz.Bytes()[:gz.Len()-9], "unexpected EOF"},
	} {
		l := &lying{static.NewLayer(tc.blob, tc.kind), plain}
		img, err := mutate.AppendLayers(empty.Image, l)
		if err != nil {
			t.Fatal(err)
		}
		x, err := layers.Open(t.Context(), img, layers.Limits{})
		if tc.want == "" && err == nil {
			_, err = x.Lstat(t.Context(), "/a")
		}
		if (tc.want == "") != (err == nil) || err != nil && !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: %v, want %q", tc.kind, err, tc.want)
		}
	}
	// A layer that is another than the configuration says.
	img, err := mutate.AppendLayers(empty.Image, &lying{static.NewLayer(plain, types.OCIUncompressedLayer), gz.Bytes()})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := layers.Open(t.Context(), img, layers.Limits{}); err == nil || !strings.Contains(err.Error(), "as the image's configuration says") {
		t.Errorf("a blob that lies: %v", err)
	}
	if img, err = mutate.ConfigFile(imageOf(t, plain), &v1.ConfigFile{}); err != nil {
		t.Fatal(err)
	}
	if _, err := layers.Open(t.Context(), img, layers.Limits{}); err == nil || !strings.Contains(err.Error(), "has 1 layers, and its configuration lists 0") {
		t.Errorf("a configuration without layers: %v", err)
	}
}

// lying is a layer that unpacks as a registry's does, and has the digest of
// some content.
type lying struct {
	v1.Layer
	content []byte
}

// DiffID implements v1.Layer.
func (l *lying) DiffID() (v1.Hash, error) {
	h, _, err := v1.SHA256(bytes.NewReader(l.content))
	return h, err
}

// Uncompressed implements v1.Layer.
func (l *lying) Uncompressed() (io.ReadCloser, error) {
	rc, err := l.Compressed()
	if err != nil {
		return nil, err
	}
	var head [4]byte
	if _, err := io.ReadFull(rc, head[:]); err != nil {
		return nil, err
	}
	r := io.MultiReader(bytes.NewReader(head[:]), rc)
	switch {
	case bytes.HasPrefix(head[:], []byte{0x1f, 0x8b}):
		return gzip.NewReader(r)
	case bytes.HasPrefix(head[:], []byte{0x28, 0xb5}):
		z, err := zstd.NewReader(r)
		if err != nil {
			return nil, err
		}
		return z.IOReadCloser(), nil
	}
	return io.NopCloser(r), nil
}

// TestCancelled ends reading.
func TestCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := layers.Open(ctx, imageOf(t, archive(t, layer("a: 1"))), layers.Limits{}); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
}

// TestOpenSeen shows the files of every layer, with what they hold there.
func TestOpenSeen(t *testing.T) {
	img := imageOf(t, archive(t, layer("a/b: one", "c: two")), archive(t, layer("a/.wh.b", "c: three", "d -> c")))
	var got []string
	tr, err := layers.OpenSeen(t.Context(), img, layers.Limits{}, func(f layers.File) {
		content, err := io.ReadAll(io.NewSectionReader(f.Content, 0, f.Size))
		if err != nil {
			t.Error(err)
		}
		got = append(got, fmt.Sprintf("%d %s %s", f.Layer, f.Path, content))
	})
	if err != nil {
		t.Fatal(err)
	}
	defer tr.Close()
	if all := strings.Join(got, ", "); all != "1 /a/b one, 1 /c two, 2 /c three" {
		t.Errorf("%s", all)
	}
}
