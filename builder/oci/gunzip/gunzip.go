// Package gunzip reads gzip streams (RFC 1952). Unpacking is most of what reading
// an image costs, so it decodes as many symbols as it can between two looks at
// its input: several at once where other readers ask for one byte after the
// other.
package gunzip

import (
	"compress/gzip"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
)

// ErrCorrupt is returned for what is no DEFLATE stream (RFC 1951).
var ErrCorrupt = errors.New("corrupt gzip stream")

const (
	window = 32 << 10 // how far back a match may reach
	given  = 128 << 10
	slack  = 288 // of one round of the decoder: literals, a match, and what copying in words writes too much
	input  = 64 << 10
	reach  = 24 // bytes that one round of the decoder looks at
	padded = 32 // zeros behind the end of the input
)

// A stage is what comes next in a stream.
type stage int

const (
	member stage = iota // the header of a member, or the end of the stream
	block               // the header of a block
	stored              // bytes as they are
	coded               // symbols
	trailer
)

// A Reader unpacks a gzip stream of one or more members.
type Reader struct {
	from io.Reader
	err  error // what reading ended with, io.EOF at its end
	in   []byte
	// in[pos:end] was read and is to come, but that n bits of what is before
	// pos are still in bits. Bits above those are zero or what is to come.
	pos, end int
	bits     uint64
	n        uint

	out     []byte // window and output
	low     int    // where the member's output begins in out
	rest, w int    // out[rest:w] is to be given out
	failed  error

	stage stage
	final bool // whether the block is the last of its member
	left  int  // bytes of a stored block
	sum   uint32
	size  uint32
	codes codes
}

// NewReader reads the header of a stream. Errors are those of the reader,
// io.EOF where there is nothing, gzip.ErrHeader and io.ErrUnexpectedEOF.
func NewReader(from io.Reader) (*Reader, error) {
	r := &Reader{from: from, in: make([]byte, input+padded), out: make([]byte, window+given+slack), low: window, rest: window, w: window}
	if err := r.member(); err != nil {
		return nil, err
	}
	return r, nil
}

// Read implements io.Reader. Errors are those of the reader, ErrCorrupt,
// gzip.ErrHeader, gzip.ErrChecksum and io.ErrUnexpectedEOF.
func (r *Reader) Read(b []byte) (int, error) {
	for r.rest == r.w {
		if r.failed != nil {
			return 0, r.failed
		}
		if len(b) == 0 {
			return 0, nil
		}
		r.failed = r.fill()
	}
	n := copy(b, r.out[r.rest:r.w])
	r.rest += n
	return n, nil
}

// fill unpacks until there is much to give out, or the stream ends. What was
// unpacked before a mistake in it is not given out.
func (r *Reader) fill() error {
	if by := r.w - window; by > 0 {
		copy(r.out, r.out[by:r.w])
		r.w, r.low = window, max(0, r.low-by)
	}
	r.rest = r.w
	summed := r.w
	for {
		var err error
		switch r.stage {
		case member:
			err = r.member()
		case block:
			err = r.block()
		case stored:
			err = r.stored()
		case coded:
			err = r.coded()
		}
		if err == nil {
			r.sum = crc32.Update(r.sum, crc32.IEEETable, r.out[summed:r.w])
			r.size += uint32(r.w - summed) //nolint:gosec // modulo 2^32, as the format has it
			summed = r.w
			if r.stage == trailer {
				err = r.trailer()
			}
		}
		switch {
		case err == io.EOF: //nolint:errorlint // of member alone
			return err
		case err != nil:
			r.w = r.rest
			if errors.Is(err, ErrCorrupt) && r.overrun() {
				return r.ended() // the mistake is in what is not there
			}
			return err
		case r.w >= window+given:
			return nil
		}
	}
}

// align gives back the whole bytes that are in bits, and drops what is left of
// the one that was begun.
func (r *Reader) align() {
	r.pos -= int(r.n >> 3) //nolint:gosec // at most 63
	r.bits, r.n = 0, 0
}

// more reads further input, so that reach bytes can be looked at, of which those
// behind the end are zeros. It fails where symbols of behind the end were
// decoded.
func (r *Reader) more() error {
	r.pos -= int(r.n >> 3) //nolint:gosec // at most 63
	r.n &= 7
	r.bits &= 1<<r.n - 1
	if r.pos > r.end {
		return r.ended()
	}
	r.end = copy(r.in, r.in[r.pos:r.end])
	r.pos = 0
	for tries := 0; r.end < reach && r.err == nil; {
		n, err := r.from.Read(r.in[r.end:input])
		r.end += n
		r.err = err
		if tries++; n > 0 {
			tries = 0
		}
		if tries > 100 {
			r.err = io.ErrNoProgress
		}
	}
	if r.err != nil {
		clear(r.in[r.end : r.end+padded])
	}
	return nil
}

// top is up to where a round may begin to look.
func (r *Reader) top() int {
	if r.err != nil {
		return r.end + padded - reach
	}
	return r.end - reach
}

// ended is why there is no more input.
func (r *Reader) ended() error {
	if r.err != nil && r.err != io.EOF { //nolint:errorlint // as a reader has to give it
		return r.err
	}
	return io.ErrUnexpectedEOF
}

// overrun reports whether what was decoded is of behind the end of the input.
func (r *Reader) overrun() bool {
	return r.pos-int(r.n>>3) > r.end //nolint:gosec // at most 63
}

// need has that many bits ready, at most 56. They may be of behind the end, which
// is found later.
func (r *Reader) need(count uint) error {
	if r.n >= count {
		return nil
	}
	if r.pos > r.top() {
		if err := r.more(); err != nil {
			return err
		}
	}
	r.bits |= binary.LittleEndian.Uint64(r.in[r.pos:]) << (r.n & 63)
	r.pos += int((63 - r.n) >> 3) //nolint:gosec // at most 7
	r.n |= 56
	return nil
}

// take reads bits.
func (r *Reader) take(count uint) (uint, error) {
	if err := r.need(count); err != nil {
		return 0, err
	}
	v := uint(r.bits) & (1<<count - 1)
	r.bits >>= count
	r.n -= count
	return v, nil
}

// bytes reads into b, when align was called.
func (r *Reader) bytes(b []byte) error {
	for len(b) > 0 {
		if r.pos >= r.end {
			if r.err != nil || r.pos > r.end {
				return r.ended()
			}
			if err := r.more(); err != nil {
				return err
			}
			continue
		}
		n := copy(b, r.in[r.pos:r.end])
		r.pos += n
		b = b[n:]
	}
	return nil
}

// member reads the header of a member (RFC 1952, section 2.3), and gives io.EOF
// where there is none.
func (r *Reader) member() error {
	for r.pos == r.end && r.err == nil {
		if err := r.more(); err != nil {
			return err
		}
	}
	if r.pos == r.end && r.err == io.EOF { //nolint:errorlint // as a reader has to give it
		return io.EOF
	}
	sum := crc32.NewIEEE()
	read := func(n int) ([]byte, error) {
		b := make([]byte, n)
		err := r.bytes(b)
		_, _ = sum.Write(b)
		return b, err
	}
	head, err := read(10)
	if err != nil {
		return err
	}
	if head[0] != 0x1f || head[1] != 0x8b || head[2] != 8 {
		return gzip.ErrHeader
	}
	flags := head[3]
	if flags&4 != 0 { // FEXTRA
		b, err := read(2)
		if err == nil {
			_, err = read(int(binary.LittleEndian.Uint16(b)))
		}
		if err != nil {
			return err
		}
	}
	for _, text := range []byte{8, 16} { // FNAME and FCOMMENT, which end in a zero
		for n := 0; flags&text != 0; n++ {
			b, err := read(1)
			if err != nil {
				return err
			}
			if b[0] == 0 {
				break
			}
			if n >= 511 { // as Go's reader has it
				return gzip.ErrHeader
			}
		}
	}
	if flags&2 != 0 { // FHCRC
		want := uint16(sum.Sum32()) //nolint:gosec // its lower half
		b, err := read(2)
		if err != nil {
			return err
		}
		if binary.LittleEndian.Uint16(b) != want {
			return gzip.ErrHeader
		}
	}
	r.stage, r.low, r.sum, r.size = block, r.w, 0, 0
	return nil
}

// trailer compares the sum and the size of a member.
func (r *Reader) trailer() error {
	r.align()
	var b [8]byte
	if err := r.bytes(b[:]); err != nil {
		return err
	}
	if binary.LittleEndian.Uint32(b[:]) != r.sum || binary.LittleEndian.Uint32(b[4:]) != r.size {
		return gzip.ErrChecksum
	}
	r.stage = member
	return nil
}

// block reads the header of a block (RFC 1951, section 3.2.3).
func (r *Reader) block() error {
	if r.final {
		r.final, r.stage = false, trailer
		return nil
	}
	head, err := r.take(3)
	if err != nil {
		return err
	}
	r.final = head&1 != 0
	switch head >> 1 {
	case 0:
		r.align()
		var b [4]byte
		if err := r.bytes(b[:]); err != nil {
			return err
		}
		size := binary.LittleEndian.Uint16(b[:])
		if size != ^binary.LittleEndian.Uint16(b[2:]) {
			return fmt.Errorf("%w: the size of a block is not what it says", ErrCorrupt)
		}
		r.stage, r.left = stored, int(size)
		return nil
	case 1:
		r.codes.fixed()
	case 2:
		if err := r.dynamic(); err != nil {
			return err
		}
	default:
		return fmt.Errorf("%w: a block of no known kind", ErrCorrupt)
	}
	r.stage = coded
	return nil
}

// stored copies of a stored block what there is room for.
func (r *Reader) stored() error {
	n := min(r.left, len(r.out)-r.w)
	if err := r.bytes(r.out[r.w : r.w+n]); err != nil {
		return err
	}
	r.w += n
	if r.left -= n; r.left == 0 {
		r.stage = block
	}
	return nil
}
