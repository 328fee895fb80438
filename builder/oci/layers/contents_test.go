package layers

import (
	"bytes"
	"io"
	"testing"
	"testing/iotest"

	"github.com/whittle-oci/whittle/builder/oci/spool"
)

// TestContents gives back what was written, wherever it is: in the spool, in the
// piece that is to be written, or in both.
func TestContents(t *testing.T) {
	s, err := spool.New()
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	c := &contents{spool: parts{own: s}}
	var all []byte
	for i, n := range []int{3, pieceBytes - 5, 1, 1, 1, 2*pieceBytes + 9, pieceBytes, 0, 40} {
		b := bytes.Repeat([]byte{byte('a' + i), byte(i), 'x'}, n/3+1)[:n]
		at := c.end()
		if at != int64(len(all)) {
			t.Fatalf("content %d begins at %d, want %d", i, at, len(all))
		}
		if written, err := c.ReadFrom(iotest.DataErrReader(bytes.NewReader(b))); err != nil || written != int64(n) {
			t.Fatalf("%d, %v", written, err)
		}
		all = append(all, b...)
		if got, err := io.ReadAll(io.NewSectionReader(c, at, int64(n))); err != nil || !bytes.Equal(got, b) {
			t.Errorf("content %d: %d bytes, %v", i, len(got), err)
		}
		if got, err := io.ReadAll(io.NewSectionReader(c, 0, int64(len(all))+1)); err != nil || !bytes.Equal(got, all) {
			t.Errorf("after content %d: %d bytes, %v", i, len(got), err)
		}
	}
	if _, err := c.ReadFrom(iotest.ErrReader(io.ErrNoProgress)); err != io.ErrNoProgress {
		t.Errorf("a broken reader: %v", err)
	}
	if err := c.flush(); err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(io.NewSectionReader(s, 0, int64(len(all)))); err != nil || !bytes.Equal(got, all) {
		t.Errorf("the spool has %d bytes, %v", len(got), err)
	}
}
