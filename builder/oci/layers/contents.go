package layers

import "io"

// pieceBytes is how much is written to the spool at once: most files are far
// smaller, and a call to the kernel for each costs more than the copy.
const pieceBytes = 1 << 20

// contents are those of all files, one behind the other, in the spool and in a
// piece that is yet to be written to it. flush writes it.
type contents struct {
	spool parts
	at    int64  // where the piece goes in the spool
	piece []byte // made when it is first used
}

// end is where the next content begins.
func (c *contents) end() int64 { return c.at + int64(len(c.piece)) }

// ReadFrom implements io.ReaderFrom.
func (c *contents) ReadFrom(r io.Reader) (int64, error) {
	if c.piece == nil {
		c.piece = make([]byte, 0, pieceBytes)
	}
	for began := c.end(); ; {
		if len(c.piece) == cap(c.piece) {
			if err := c.flush(); err != nil {
				return c.end() - began, err
			}
		}
		n, err := r.Read(c.piece[len(c.piece):cap(c.piece)])
		c.piece = c.piece[:len(c.piece)+n]
		if err == io.EOF {
			err = nil
		} else if err == nil {
			continue
		}
		return c.end() - began, err
	}
}

// flush writes what is not in the spool yet.
func (c *contents) flush() error {
	if len(c.piece) == 0 {
		return nil
	}
	if _, err := c.spool.WriteAt(c.piece, c.at); err != nil {
		return err
	}
	c.at, c.piece = c.end(), c.piece[:0]
	return nil
}

// ReadAt implements io.ReaderAt, of what is written and of what is not.
func (c *contents) ReadAt(b []byte, off int64) (int, error) {
	n := 0
	if off < c.at {
		var err error
		if n, err = c.spool.ReadAt(b[:min(int64(len(b)), c.at-off)], off); err != nil || n == len(b) {
			return n, err
		}
	}
	if from := off + int64(n) - c.at; from < int64(len(c.piece)) {
		n += copy(b[n:], c.piece[from:])
	}
	if n < len(b) {
		return n, io.EOF
	}
	return n, nil
}
