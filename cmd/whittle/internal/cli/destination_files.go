package cli

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
)

// writeLayout writes an OCI layout beside its place and moves it there, so
// that a layout is whole or absent.
func writeLayout(dest string, img v1.Image, tags []string) error {
	tmp, err := layoutBeside(dest, img, tags)
	if err != nil {
		return fmt.Errorf("writing the layout: %w", err)
	}
	defer os.RemoveAll(tmp)
	if err := os.Chmod(tmp, 0o755); err != nil {
		return fmt.Errorf("writing the layout: %w", err)
	}
	return os.Rename(tmp, dest)
}

// layoutBeside writes an OCI layout into a new directory beside dest.
func layoutBeside(dest string, img v1.Image, tags []string) (tmp string, err error) {
	if tmp, err = os.MkdirTemp(filepath.Dir(filepath.Clean(dest)), ".whittle-"); err != nil {
		return "", err
	}
	defer func() {
		if err != nil {
			_ = os.RemoveAll(tmp)
		}
	}()
	p, err := layout.Write(tmp, empty.Index)
	if err != nil {
		return "", err
	}
	var opts []layout.Option
	if len(tags) > 0 {
		opts = append(opts, layout.WithAnnotations(map[string]string{"org.opencontainers.image.ref.name": tags[0]}))
	}
	return tmp, p.AppendImage(img, opts...)
}

// writeLayoutTar writes an OCI layout as a tar. Equal images make equal tars.
func writeLayoutTar(dest string, img v1.Image, tags []string) error {
	tmp, err := layoutBeside(dest, img, tags)
	if err != nil {
		return fmt.Errorf("writing the tar: %w", err)
	}
	defer os.RemoveAll(tmp)
	return writeBeside(dest, func(f *os.File) error {
		w := tar.NewWriter(f)
		err := fs.WalkDir(os.DirFS(tmp), ".", func(name string, d fs.DirEntry, err error) error {
			if err != nil || name == "." {
				return err
			}
			return addToTar(w, tmp, name, d)
		})
		return errors.Join(err, w.Close())
	})
}

// addToTar adds a file or directory without its owner and times.
func addToTar(w *tar.Writer, dir, name string, d fs.DirEntry) error {
	info, err := d.Info()
	if err != nil {
		return err
	}
	if d.IsDir() {
		return w.WriteHeader(&tar.Header{Typeflag: tar.TypeDir, Name: name + "/", Mode: 0o755})
	}
	if err := w.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: 0o644, Size: info.Size()}); err != nil {
		return err
	}
	f, err := os.Open(filepath.Join(dir, name))
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = io.Copy(w, f)
	return err
}

// writeTar writes a tar that docker load reads.
func (d *destination) writeTar(dest string, img v1.Image) error {
	names := map[name.Reference]v1.Image{}
	for _, t := range d.tags {
		tag, err := name.NewTag(t, insecureLoopback(t)...)
		if err != nil {
			return usage{err}
		}
		names[tag] = img
	}
	return writeBeside(dest, func(f *os.File) error { return tarball.MultiRefWrite(names, f) })
}

// writeBeside writes a file beside its place and moves it there.
func writeBeside(dest string, write func(*os.File) error) error {
	tmp, err := os.CreateTemp(filepath.Dir(filepath.Clean(dest)), ".whittle-")
	if err != nil {
		return fmt.Errorf("writing the tar: %w", err)
	}
	defer os.Remove(tmp.Name())
	if err := errors.Join(write(tmp), tmp.Chmod(0o644), tmp.Close()); err != nil {
		return fmt.Errorf("writing the tar: %w", err)
	}
	return os.Rename(tmp.Name(), dest)
}
