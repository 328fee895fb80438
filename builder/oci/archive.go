package oci

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"
)

// The bounds of an archive's table of contents. Contents are not in memory.
const (
	maxArchiveFiles = 100_000
	maxArchiveNames = 16 << 20 // bytes of all names
	maxArchiveLinks = 16       // from one name to a file
)

// archive is the files of a tar, where they lie in it.
type archive struct {
	tar     *os.File
	entries map[string]archived
}

// archived is a file of a tar, or a link to one.
type archived struct {
	offset, size int64
	link         string // within the tar
}

// openArchive reads the table of contents of a tar on disk. The place is for
// messages.
func openArchive(place, file string) (*archive, error) {
	info, err := os.Stat(file)
	if err != nil {
		return nil, problem(place, err)
	}
	if !info.Mode().IsRegular() {
		return nil, &FormatError{place, errors.New("it is not a regular file")}
	}
	f, err := os.Open(file)
	if err != nil {
		return nil, problem(place, err)
	}
	a, err := indexArchive(f, info.Size())
	if err != nil {
		return nil, errors.Join(problem(place, err), f.Close())
	}
	return a, nil
}

func indexArchive(f *os.File, total int64) (*archive, error) {
	a := &archive{f, map[string]archived{}}
	r := tar.NewReader(f)
	names := 0
	for n := 0; ; n++ {
		h, err := r.Next()
		if errors.Is(err, io.EOF) && n > 0 {
			return a, nil
		}
		if err != nil {
			return nil, notTar(f, err)
		}
		if names += len(h.Name) + len(h.Linkname); n >= maxArchiveFiles || names > maxArchiveNames {
			return nil, fmt.Errorf("it has more than %d files, or their names more than %d bytes", maxArchiveFiles, maxArchiveNames)
		}
		// The reader takes whole blocks, so what follows is the content.
		at, err := f.Seek(0, io.SeekCurrent)
		if err != nil {
			return nil, err
		}
		if h.Size < 0 || h.Size > total-at {
			return nil, fmt.Errorf("it is cut off, or says of %q that it has %d bytes", h.Name, h.Size)
		}
		name := path.Clean("/" + h.Name)[1:]
		switch h.Typeflag {
		case tar.TypeReg:
			if sparse(h) {
				return nil, fmt.Errorf("%q is a sparse file, which no image holds", h.Name)
			}
			a.entries[name] = archived{offset: at, size: h.Size}
		case tar.TypeLink:
			a.entries[name] = archived{link: path.Clean("/" + h.Linkname)[1:]}
		case tar.TypeSymlink:
			a.entries[name] = archived{link: path.Join("/", path.Dir(name), h.Linkname)[1:]}
		}
	}
}

// sparse reports whether a file's bytes in the tar are not its content.
func sparse(h *tar.Header) bool {
	for k := range h.PAXRecords {
		if strings.HasPrefix(k, "GNU.sparse.") {
			return true
		}
	}
	return false
}

// compressions are the first bytes of compressed files.
var compressions = []struct {
	magic, name string
}{
	{"\x1f\x8b", "gzip"},
	{"\x28\xb5\x2f\xfd", "zstd"},
	{"BZh", "bzip2"},
	{"\xfd7zXZ\x00", "xz"},
}

// notTar says what is wrong with a file that cannot be read as a tar.
func notTar(f *os.File, err error) error {
	head := make([]byte, 8)
	n, _ := f.ReadAt(head, 0)
	for _, c := range compressions {
		if bytes.HasPrefix(head[:n], []byte(c.magic)) {
			return fmt.Errorf("it is compressed with %s; decompress it first", c.name)
		}
	}
	if errors.Is(err, io.EOF) {
		return errors.New("it is not a tar archive: it is empty")
	}
	return fmt.Errorf("it is not a whole tar archive: %w", err)
}

// has reports whether there is a file by the name.
func (a *archive) has(name string) bool {
	_, ok := a.entries[name]
	return ok
}

func (a *archive) open(name string) (io.ReadCloser, int64, error) {
	e, ok := a.entries[path.Clean("/" + name)[1:]]
	for range maxArchiveLinks {
		if !ok || e.link == "" {
			break
		}
		e, ok = a.entries[e.link]
	}
	switch {
	case !ok:
		return nil, 0, fs.ErrNotExist
	case e.link != "":
		return nil, 0, fmt.Errorf("%s is a link that leads nowhere", name)
	}
	return io.NopCloser(io.NewSectionReader(a.tar, e.offset, e.size)), e.size, nil
}

// Close closes the tar.
func (a *archive) Close() error { return a.tar.Close() }
