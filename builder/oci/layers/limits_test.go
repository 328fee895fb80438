package layers_test

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/whittle-oci/whittle/builder/oci/layers"
)

// A bomb is a layer of any size that is made while it is read.
type bomb struct {
	write func(w io.Writer)
	sum   string // the digest of it all, "" for one that is never read to its end
}

// Digest implements v1.Layer.
func (bomb) Digest() (v1.Hash, error) {
	return v1.Hash{Algorithm: "sha256", Hex: strings.Repeat("0", 64)}, nil
}

// DiffID implements v1.Layer.
func (b bomb) DiffID() (v1.Hash, error) { return v1.Hash{Algorithm: "sha256", Hex: b.sum}, nil }

// Size implements v1.Layer.
func (bomb) Size() (int64, error) { return 1000, nil }

// MediaType implements v1.Layer.
func (bomb) MediaType() (types.MediaType, error) { return types.OCILayer, nil }

// Compressed implements v1.Layer.
func (b bomb) Compressed() (io.ReadCloser, error) { return b.Uncompressed() }

// Uncompressed implements v1.Layer.
func (b bomb) Uncompressed() (io.ReadCloser, error) {
	r, w := io.Pipe()
	go func() { b.write(w); w.Close() }()
	return r, nil
}

func (b bomb) image(t testing.TB) v1.Image {
	img, err := mutate.AppendLayers(empty.Image, b)
	if err != nil {
		t.Fatal(err)
	}
	return img
}

// headers writes n entries, and ends with the first error.
func headers(w io.Writer, n int, make func(i int) *tar.Header) {
	tw := tar.NewWriter(w)
	for i := range n {
		if tw.WriteHeader(make(i)) != nil {
			return
		}
	}
	_ = tw.Close()
}

// pax is a PAX header that gives a size, and the header of the file it is of.
func pax(size string) []byte {
	record := fmt.Sprintf("%d size=%s\n", 0, size)
	for n := len(record); ; n = len(record) {
		if record = fmt.Sprintf("%d size=%s\n", n, size); len(record) == n {
			break
		}
	}
	var b bytes.Buffer
	tw := tar.NewWriter(&b)
	_ = tw.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: "PaxHeaders.0/a", Size: int64(len(record)), Format: tar.FormatUSTAR})
	_, _ = tw.Write([]byte(record))
	_ = tw.Flush()
	_ = tw.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: "a", Format: tar.FormatUSTAR})
	raw := b.Bytes()
	raw[156] = 'x' // the first is an extended header
	checksum(raw[:512])
	return raw
}

// checksum sets that of a header block.
func checksum(block []byte) {
	copy(block[148:156], "        ")
	sum := 0
	for _, c := range block {
		sum += int(c)
	}
	copy(block[148:156], fmt.Sprintf("%06o\x00 ", sum))
}

type zeros struct{}

// Read implements io.Reader.
func (zeros) Read(b []byte) (int, error) { clear(b); return len(b), nil }

// TestLimits holds what would take all memory or disk to the limits.
func TestLimits(t *testing.T) {
	small := layers.Limits{Bytes: 1 << 20, Entries: 1000, Names: 100_000}
	for _, tc := range []struct {
		name  string
		write func(io.Writer)
		want  string
	}{
		{"a size of 2^63-1", func(w io.Writer) {
			headersThen(w, "one: 1", pax("9223372036854775807"))
			_, _ = io.Copy(w, zeros{})
		}, "bytes"},
		{"a size beyond 2^63", func(w io.Writer) { _, _ = w.Write(pax("9223372036854775808")) }, "invalid tar header"},
		{"a size just past the limit", func(w io.Writer) { headersThen(w, "one: 1", pax("1048576")); _, _ = io.CopyN(w, zeros{}, 1<<21) }, "bytes"},
		{"many contents", func(w io.Writer) {
			tw := tar.NewWriter(w)
			for i := range 900 {
				if tw.WriteHeader(&tar.Header{Name: fmt.Sprint(i), Size: 4096}) != nil {
					return
				}
				_, _ = tw.Write(make([]byte, 4096))
			}
		}, "bytes"},
		{"headers without end", func(w io.Writer) { headers(w, 10_000_000, func(int) *tar.Header { return &tar.Header{Name: "a"} }) }, "entries"},
		{"whiteouts without end", func(w io.Writer) {
			headers(w, 10_000_000, func(int) *tar.Header { return &tar.Header{Name: ".wh.a"} })
		}, "entries"},
		{"directories that one entry makes", func(w io.Writer) {
			headers(w, 2, func(i int) *tar.Header { return &tar.Header{Name: fmt.Sprint(i) + strings.Repeat("/d", 600)} })
		}, "entries"},
		{"long names", func(w io.Writer) {
			headers(w, 900, func(i int) *tar.Header { return &tar.Header{Name: fmt.Sprint(i) + strings.Repeat("n", 200)} })
		}, "bytes of names"},
		{"long targets", func(w io.Writer) {
			headers(w, 900, func(i int) *tar.Header {
				return &tar.Header{Typeflag: tar.TypeSymlink, Name: fmt.Sprint(i), Linkname: strings.Repeat("n", 200)}
			})
		}, "bytes of names"},
		{"paths through long links", func(w io.Writer) {
			headers(w, 900, func(i int) *tar.Header {
				if i == 0 {
					return &tar.Header{Typeflag: tar.TypeSymlink, Name: "l", Linkname: strings.Repeat("./d/../", 100)}
				}
				return &tar.Header{Name: "l/a"}
			})
		}, "bytes of names"},
		{"bytes behind the archive", func(w io.Writer) { headers(w, 0, nil); _, _ = io.Copy(w, zeros{}) }, "bytes"},
		{"attributes of 1 MiB", func(w io.Writer) {
			headers(w, 900, func(i int) *tar.Header {
				return &tar.Header{Name: fmt.Sprint(i), PAXRecords: map[string]string{"SCHILY.xattr.user.x": strings.Repeat("x", 1<<19)}}
			})
		}, "bytes"},
		{"a sparse file", func(w io.Writer) {
			_, _ = w.Write(sparse(1 << 40))
		}, "bytes"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := layers.Open(t.Context(), bomb{write: tc.write}.image(t), small)
			var limit *layers.LimitError
			if errors.As(err, &limit) && limit.What == tc.want {
				return
			}
			if err == nil || !strings.Contains(err.Error(), tc.want) || limit != nil {
				t.Errorf("error %v, want %q", err, tc.want)
			}
		})
	}
}

// headersThen writes an entry, and something after it.
func headersThen(w io.Writer, line string, then []byte) {
	e := parse(line)
	e.Size = int64(len(e.data))
	tw := tar.NewWriter(w)
	_ = tw.WriteHeader(&e.Header)
	_, _ = tw.Write([]byte(e.data))
	_ = tw.Flush()
	_, _ = w.Write(then)
}

// sparse is an archive of a file without content that says to be of a size
// (GNU tar's format 0.1, "Storing Sparse Files").
func sparse(size int64) []byte {
	var b bytes.Buffer
	headers(&b, 1, func(int) *tar.Header {
		return &tar.Header{Name: "hole", Format: tar.FormatPAX, PAXRecords: map[string]string{"XXX.sparse.size": fmt.Sprint(size), "XXX.sparse.numblocks": "1", "XXX.sparse.map": "0,0"}}
	})
	return bytes.ReplaceAll(b.Bytes(), []byte("XXX.sparse"), []byte("GNU.sparse"))
}

// BenchmarkLimits reads an image at the limit on entries, with names of 40
// bytes, and gives the memory that its tree holds.
func BenchmarkLimits(b *testing.B) {
	n := layers.DefaultLimits.Entries / 2 // each has a directory of its own, which is the worst
	write := func(w io.Writer) {
		headers(w, n-10, func(i int) *tar.Header {
			return &tar.Header{Name: fmt.Sprintf("directory-%08d/file-%08d-%08d", i, i, i)}
		})
	}
	heap(b, write, layers.Limits{})
}

// BenchmarkContent reads a layer of 1 GiB: contents do not go through memory.
func BenchmarkContent(b *testing.B) {
	b.SetBytes(1 << 30)
	heap(b, func(w io.Writer) {
		tw := tar.NewWriter(w)
		for i := range 1024 {
			if tw.WriteHeader(&tar.Header{Name: fmt.Sprint(i), Size: 1 << 20}) != nil {
				return
			}
			_, _ = io.CopyN(tw, zeros{}, 1<<20)
		}
		_ = tw.Close()
	}, layers.Limits{})
}

// heap measures what reading a layer leaves in memory, and the most there is
// at any time is twice that, as the collector has it.
func heap(b *testing.B, write func(io.Writer), limits layers.Limits) {
	sum := sha256.New()
	write(sum)
	img := bomb{write, hex.EncodeToString(sum.Sum(nil))}.image(b)
	for b.Loop() {
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		x, err := layers.Open(b.Context(), img, limits)
		if err != nil {
			b.Fatal(err)
		}
		runtime.GC()
		runtime.ReadMemStats(&after)
		b.ReportMetric(float64(int64(after.HeapAlloc)-int64(before.HeapAlloc))/1e6, "MB-held")
		x.Close()
	}
}
