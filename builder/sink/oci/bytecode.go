package oci

import (
	"context"
	"encoding/binary"
	"io"
	"path"
	"strings"

	"github.com/whittle-oci/whittle/builder/image"
	"github.com/whittle-oci/whittle/builder/need"
	"github.com/whittle-oci/whittle/builder/tree"
)

// The header of a compiled module since Python 3.7 (PEP 552): a magic number,
// flags, and either time and size of the source or a hash of it.
const (
	bytecodeHeader = 16
	hashBased      = 1 // with it alone, the hash is not checked
)

// timeless makes the header of a compiled module that agrees with its source
// say so for good: it is hash-based and not checked, so that the time which
// every file of the image has does not make it stale. ok is false for a module
// that does not agree, or says so already.
func timeless(header []byte, source tree.Entry) ([]byte, bool) {
	if len(header) < bytecodeHeader || binary.LittleEndian.Uint32(header[4:]) != 0 {
		return nil, false
	}
	seconds := source.ModTime / 1e9
	if binary.LittleEndian.Uint32(header[8:]) != uint32(seconds) || binary.LittleEndian.Uint32(header[12:]) != uint32(source.Size) { //nolint:gosec // the header holds 32 bits of each
		return nil, false
	}
	out := append([]byte{}, header[:bytecodeHeader]...)
	clear(out[4:])
	out[4] = hashBased
	return out, true
}

// content is what an entry holds: the file that it is copied from, or the
// module with a header that does not depend on times.
func content(ctx context.Context, t tree.Tree, e image.Entry, p *image.Plan) (io.Reader, error) {
	r, err := t.Open(ctx, e.Source)
	if err != nil {
		return nil, err
	}
	whole := io.NewSectionReader(r, 0, e.Size)
	name, ok := compiledFrom(e.Source)
	if !ok || p.Bytecode == nil || !p.Bytecode.Holds(e.Source) {
		return whole, nil
	}
	source, err := t.Lstat(ctx, name)
	if need.Missing(err) {
		return whole, nil
	}
	if err != nil {
		return nil, err
	}
	var header [bytecodeHeader]byte
	if n, err := r.ReadAt(header[:], 0); n < len(header) {
		if err == io.EOF {
			err = nil
		}
		return whole, err
	}
	changed, ok := timeless(header[:], source)
	if !ok {
		return whole, nil
	}
	return io.MultiReader(strings.NewReader(string(changed)), io.NewSectionReader(r, bytecodeHeader, e.Size-bytecodeHeader)), nil
}

// compiledFrom gives the source of a compiled module: DIR/__pycache__/NAME.TAG.pyc
// is of DIR/NAME.py (PEP 3147).
func compiledFrom(name string) (string, bool) {
	dir, base := path.Split(name)
	dir = path.Clean(dir)
	if path.Base(dir) != "__pycache__" || path.Ext(base) != ".pyc" {
		return "", false
	}
	module, _, _ := strings.Cut(base, ".")
	return path.Join(path.Dir(dir), module+".py"), true
}
