package outlook

import (
	"archive/tar"
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"sync"

	"golang.org/x/sync/errgroup"
)

// A File is a Dockerfile to look at.
type File struct {
	Name string
	Data []byte
}

// The bounds of what is read: of one Dockerfile, in bytes, and how many.
const (
	maxFile  = 1 << 20
	maxFiles = 100_000
)

// ReadFile reads one Dockerfile.
func ReadFile(name string, r io.Reader) (File, error) {
	data, err := io.ReadAll(io.LimitReader(r, maxFile+1))
	if err == nil && len(data) > maxFile {
		err = fmt.Errorf("it has more than %d bytes, and is no Dockerfile", maxFile)
	}
	if err != nil {
		return File{}, fmt.Errorf("reading %s: %w", name, err)
	}
	return File{name, data}, nil
}

// ReadArchive reads the Dockerfiles of a tar archive, which may be compressed
// with gzip: the files that dockerfile takes for such by their paths.
func ReadArchive(name string, r io.Reader, dockerfile func(path string) bool) ([]File, error) {
	b := bufio.NewReader(r)
	var plain io.Reader = b
	if magic, _ := b.Peek(2); bytes.Equal(magic, []byte{0x1f, 0x8b}) {
		z, err := gzip.NewReader(b)
		if err != nil {
			return nil, fmt.Errorf("reading %s: %w", name, err)
		}
		plain = z
	}
	var out []File
	for t := tar.NewReader(plain); ; {
		h, err := t.Next()
		if errors.Is(err, io.EOF) {
			return out, nil
		}
		if err != nil {
			return out, fmt.Errorf("reading %s: %w", name, err)
		}
		if h.Typeflag != tar.TypeReg || !dockerfile(h.Name) {
			continue
		}
		f, err := ReadFile(name+":"+h.Name, t)
		if err != nil {
			return out, err
		}
		if out = append(out, f); len(out) > maxFiles {
			return out, fmt.Errorf("reading %s: it holds more than %d Dockerfiles", name, maxFiles)
		}
	}
}

// All looks at many files at a time, in their order. seen is called after each,
// from one goroutine at a time, with how many there were.
func All(ctx context.Context, files []File, seen func(n int)) ([]Outlook, error) {
	out := make([]Outlook, len(files))
	eg, ctx := errgroup.WithContext(ctx)
	eg.SetLimit(runtime.GOMAXPROCS(0))
	var mu sync.Mutex
	n := 0
	for i, f := range files {
		eg.Go(func() (err error) {
			out[i], err = Of(ctx, f.Name, f.Data)
			mu.Lock()
			defer mu.Unlock()
			n++
			seen(n)
			return err
		})
	}
	return out, eg.Wait()
}
