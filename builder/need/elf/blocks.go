package elf

import (
	"errors"
	"io"
)

// blockSize is how much is read at a time. A reader may be a call to another
// process, where few large reads cost less than many small ones.
const blockSize = 16 << 10

// keptBlocks bounds the memory of one file.
const keptBlocks = 256

// blocks reads ahead in aligned blocks and keeps the last ones.
type blocks struct {
	r     io.ReaderAt
	kept  map[int64][]byte
	order []int64
	err   error // what the reader failed with first, other than its end
}

func newBlocks(r io.ReaderAt) *blocks { return &blocks{r: r, kept: map[int64][]byte{}} }

// ReadAt implements io.ReaderAt.
func (b *blocks) ReadAt(p []byte, off int64) (int, error) {
	if len(p) >= blockSize {
		n, err := b.r.ReadAt(p, off)
		b.note(err)
		return n, err
	}
	n := 0
	for n < len(p) {
		at := (off + int64(n)) / blockSize * blockSize
		block, err := b.block(at)
		if err != nil {
			return n, err
		}
		skip := int(off + int64(n) - at)
		if skip >= len(block) {
			return n, io.EOF
		}
		n += copy(p[n:], block[skip:])
		if len(block) < blockSize && n < len(p) {
			return n, io.EOF
		}
	}
	return n, nil
}

func (b *blocks) block(at int64) ([]byte, error) {
	if block, ok := b.kept[at]; ok {
		return block, nil
	}
	block := make([]byte, blockSize)
	n, err := b.r.ReadAt(block, at)
	b.note(err)
	if err != nil && err != io.EOF && n == 0 {
		return nil, err
	}
	if len(b.order) == keptBlocks {
		delete(b.kept, b.order[0])
		b.order = b.order[1:]
	}
	b.kept[at] = block[:n]
	b.order = append(b.order, at)
	return block[:n], nil
}

func (b *blocks) note(err error) {
	if b.err == nil && err != nil && !errors.Is(err, io.EOF) {
		b.err = err
	}
}
