package oci

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
)

// extract writes the root file system of an image into an empty directory, with
// modes and times and, as BuildKit's local exporter, without owners. Nothing
// is written outside of the directory.
func extract(ctx context.Context, img v1.Image, dir string) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	r := mutate.Extract(img)
	defer r.Close()
	var dirs []*tar.Header // their modes come last: one may not be writable
	for t := tar.NewReader(ended{ctx, r}); ; {
		h, err := t.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		h.Name = extractedName(h.Name)
		if h.Typeflag == tar.TypeDir {
			dirs = append(dirs, h)
		}
		if err := extractFile(root, h, t); err != nil {
			return fmt.Errorf("extracting %s: %w", h.Name, err)
		}
	}
	for _, h := range slices.Backward(dirs) {
		if err := errors.Join(root.Chmod(h.Name, extractedMode(h)), root.Chtimes(h.Name, h.ModTime, h.ModTime)); err != nil {
			return err
		}
	}
	return nil
}

// extractedName is the name of an entry below the root.
func extractedName(name string) string {
	if name = strings.TrimPrefix(path.Clean("/"+name), "/"); name == "" {
		return "."
	}
	return filepath.FromSlash(name)
}

// extractedMode is that of a file, with its set-id and sticky bits.
func extractedMode(h *tar.Header) fs.FileMode {
	return h.FileInfo().Mode() & (fs.ModePerm | fs.ModeSetuid | fs.ModeSetgid | fs.ModeSticky)
}

func extractFile(root *os.Root, h *tar.Header, data io.Reader) error {
	if h.Typeflag == tar.TypeDir {
		return root.MkdirAll(h.Name, 0o700)
	}
	if err := root.MkdirAll(filepath.Dir(h.Name), 0o755); err != nil {
		return err
	}
	switch h.Typeflag {
	case tar.TypeSymlink:
		return root.Symlink(h.Linkname, h.Name)
	case tar.TypeLink:
		return root.Link(extractedName(h.Linkname), h.Name)
	case tar.TypeReg:
		f, err := root.OpenFile(h.Name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
		if err != nil {
			return err
		}
		_, err = io.Copy(f, data)
		return errors.Join(err, f.Close(), root.Chmod(h.Name, extractedMode(h)), root.Chtimes(h.Name, h.ModTime, h.ModTime))
	}
	return fmt.Errorf("it is neither a file nor a directory nor a link, but of type %q", h.Typeflag)
}
