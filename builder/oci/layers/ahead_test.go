package layers

import (
	"bytes"
	"errors"
	"io"
	"testing"
	"testing/iotest"
)

// TestAhead gives what the reader has, of every length, and its error.
func TestAhead(t *testing.T) {
	broken := errors.New("broken")
	for _, n := range []int{0, 1, aheadBytes/2 - 1, aheadBytes / 2, aheadBytes, aheadBytes + 1, 3*aheadBuffers*aheadBytes + 7} {
		want := bytes.Repeat([]byte("0123456"), n/7+1)[:n]
		for name, from := range map[string]io.Reader{"at once": bytes.NewReader(want), "in halves": iotest.HalfReader(bytes.NewReader(want)), "error with data": iotest.DataErrReader(bytes.NewReader(want))} {
			r := readAhead(from)
			got, err := io.ReadAll(r)
			if err != nil || !bytes.Equal(got, want) {
				t.Errorf("%d bytes %s: %d, %v", n, name, len(got), err)
			}
			if n, err := r.Read(make([]byte, 1)); n != 0 || err != io.EOF {
				t.Errorf("behind the end: %d, %v", n, err)
			}
			r.close()
		}
		r := readAhead(io.MultiReader(bytes.NewReader(want), iotest.ErrReader(broken)))
		if got, err := io.ReadAll(r); !errors.Is(err, broken) || !bytes.Equal(got, want) {
			t.Errorf("%d bytes and an error: %d, %v", n, len(got), err)
		}
		r.close()
		r = readAhead(bytes.NewReader(want))
		_, _ = r.Read(make([]byte, 1)) // then it is closed before its end
		r.close()
	}
}
