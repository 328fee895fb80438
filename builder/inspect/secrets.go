package inspect

import (
	"io"

	"github.com/whittle-oci/whittle/builder/oci/layers"
	"github.com/whittle-oci/whittle/lint/credential"
)

// maxSecrets is how many files with credentials are told.
const maxSecrets = 1000

// A secret is a file that holds a credential in one layer.
type secret struct {
	layer int
	path  string
	what  string
	size  int64
}

// secrets looks through the files of all layers: what a later one deletes can
// still be read by everyone who pulls the image.
type secrets struct {
	found []secret
	bytes int64 // of all files of all layers
	first int64 // of those of the first
}

func newSecrets() *secrets { return &secrets{} }

func (s *secrets) see(f layers.File) {
	s.bytes += f.Size
	if f.Layer == 1 {
		s.first += f.Size
	}
	if len(s.found) >= maxSecrets || !credential.MayHold(f.Path, f.Size) {
		return
	}
	content := make([]byte, min(f.Size, credential.MaxContent))
	if n, err := f.Content.ReadAt(content, 0); err != nil && err != io.EOF || n == 0 {
		return
	}
	if what, ok := credential.Held(f.Path, content); ok {
		s.found = append(s.found, secret{f.Layer, f.Path, what, f.Size})
	}
}
