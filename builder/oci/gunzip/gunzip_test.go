package gunzip_test

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/whittle-oci/whittle/builder/oci/gunzip"
)

// packed compresses text in several ways: stored, with codes alone, and with
// matches near and far.
func packed(t testing.TB, text []byte, level int) []byte {
	t.Helper()
	var b bytes.Buffer
	z, err := gzip.NewWriterLevel(&b, level)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := z.Write(text); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

var levels = []int{gzip.NoCompression, gzip.HuffmanOnly, gzip.BestSpeed, gzip.DefaultCompression, gzip.BestCompression}

func texts() map[string][]byte {
	r := rand.New(rand.NewPCG(1, 2)) //nolint:gosec // for contents
	out := map[string][]byte{
		"nothing": nil, "one byte": {7}, "one byte often": bytes.Repeat([]byte{'a'}, 1<<18), "two bytes": bytes.Repeat([]byte("ab"), 1<<17),
		"a period of seven": bytes.Repeat([]byte("abcdefg"), 1<<15), "a period of nine": bytes.Repeat([]byte("abcdefghi"), 1<<15),
	}
	noise, words, skewed := make([]byte, 1<<18), []byte{}, []byte{}
	for i := range noise {
		noise[i] = byte(r.Uint32())
	}
	for len(words) < 1<<18 {
		at := r.IntN(8000)
		words = append(words, noise[at:at+3+r.IntN(60)]...)
	}
	for len(skewed) < 1<<18 { // codes of every length
		n := 0
		for n < 200 && r.IntN(5) > 0 {
			n++
		}
		skewed = append(skewed, byte(n))
	}
	far := append(bytes.Clone(noise[:32768]), noise[:32768]...)
	out["noise"], out["words"], out["skewed"], out["far"] = noise, words, skewed, append(far, far...)
	return out
}

// TestLikeGo unpacks what Go packs, however it arrives.
func TestLikeGo(t *testing.T) {
	for name, text := range texts() {
		for _, level := range levels {
			b := packed(t, text, level)
			for how, from := range map[string]io.Reader{
				"at once": bytes.NewReader(b), "in halves": iotest.HalfReader(bytes.NewReader(b)), "with its end": iotest.DataErrReader(bytes.NewReader(b)), "bytewise": iotest.OneByteReader(bytes.NewReader(b)),
			} {
				r, err := gunzip.NewReader(from)
				if err != nil {
					t.Fatal(name, level, how, err)
				}
				got, err := io.ReadAll(r)
				if err != nil || !bytes.Equal(got, text) {
					t.Errorf("%s at level %d %s: %d of %d bytes, %v", name, level, how, len(got), len(text), err)
				}
			}
		}
	}
}

// TestMembers reads one member after the other, and what headers may hold.
func TestMembers(t *testing.T) {
	var b bytes.Buffer
	for i, text := range []string{"one", "", strings.Repeat("two", 1<<18), "three"} {
		z := gzip.NewWriter(&b)
		if i%2 == 1 {
			z.Name, z.Comment, z.Extra = "name", "comment", []byte("extra")
		}
		_, _ = z.Write([]byte(text))
		_ = z.Close()
	}
	// Header with a sum, and an empty block: the last one.
	b.Write([]byte("\x1f\x8b\x08\x02\x00\x00\x00\x00\x00\xff\xa0\xe0"))
	same(t, b.Bytes())
	r, err := gunzip.NewReader(bytes.NewReader(b.Bytes()[:b.Len()-12]))
	if err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(r); err != nil || string(got) != "one"+strings.Repeat("two", 1<<18)+"three" {
		t.Errorf("%d bytes, %v", len(got), err)
	}
}

// TestMistakes refuses what Go refuses: every stream cut short, and with a bit
// turned.
func TestMistakes(t *testing.T) {
	text := texts()["words"][:700]
	for _, level := range levels {
		b := packed(t, text, level)
		for i := range b {
			same(t, b[:i])
			for bit := range 8 {
				x := bytes.Clone(b)
				x[i] ^= 1 << bit
				same(t, x)
			}
		}
		same(t, append(bytes.Clone(b), 0))
		same(t, append(bytes.Clone(b), b[:7]...))
	}
	broken := errors.New("broken")
	for _, n := range []int{0, 5, 12, 400} {
		b := packed(t, text, gzip.BestSpeed)[:n]
		r, err := gunzip.NewReader(io.MultiReader(bytes.NewReader(b), iotest.ErrReader(broken)))
		if err == nil {
			_, err = io.ReadAll(r)
		}
		if !errors.Is(err, broken) {
			t.Errorf("a reader that fails after %d bytes: %v", n, err)
		}
	}
}

// kind tells errors apart as callers do.
func kind(err error) string {
	var corrupt flate.CorruptInputError
	for _, known := range []error{io.EOF, io.ErrUnexpectedEOF, gzip.ErrHeader, gzip.ErrChecksum, gunzip.ErrCorrupt} {
		if errors.Is(err, known) {
			return known.Error()
		}
	}
	if errors.As(err, &corrupt) {
		return gunzip.ErrCorrupt.Error()
	}
	return fmt.Sprint(err)
}

// same compares with Go's reader: all bytes where there is no mistake, and what
// is said where there is one.
func same(t testing.TB, b []byte) {
	t.Helper()
	var want, got []byte
	z, wantErr := gzip.NewReader(bytes.NewReader(b))
	if wantErr == nil {
		want, wantErr = io.ReadAll(io.LimitReader(z, 64<<20))
	}
	r, err := gunzip.NewReader(bytes.NewReader(b))
	if err == nil {
		got, err = io.ReadAll(io.LimitReader(r, 64<<20))
	}
	switch {
	case kind(wantErr) != kind(err):
		t.Errorf("%d bytes: %v, want %v", len(b), err, wantErr)
	case err == nil && !bytes.Equal(got, want):
		t.Errorf("%d bytes become %d others, want %d", len(b), len(got), len(want))
	case !bytes.HasPrefix(want, got):
		t.Errorf("%d bytes become others before the mistake", len(b))
	}
}

// FuzzLikeGo compares with Go's reader on any bytes, those of a stream of one
// member without its header among them.
func FuzzLikeGo(f *testing.F) {
	for _, text := range texts() {
		for _, level := range levels {
			f.Add(packed(f, text[:min(len(text), 500)], level)[10:])
		}
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) > 1<<16 {
			return
		}
		same(t, b)
		same(t, append([]byte("\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"), b...))
	})
}

// BenchmarkRead unpacks text of words, beside Go's reader.
func BenchmarkRead(b *testing.B) {
	text := texts()["words"]
	in := packed(b, text, gzip.BestSpeed)
	for name, open := range map[string]func(io.Reader) (io.Reader, error){
		"ours": func(r io.Reader) (io.Reader, error) { return gunzip.NewReader(r) },
		"go":   func(r io.Reader) (io.Reader, error) { return gzip.NewReader(r) },
	} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(text)))
			for b.Loop() {
				r, err := open(bytes.NewReader(in))
				if err != nil {
					b.Fatal(err)
				}
				if _, err := io.Copy(io.Discard, r); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
