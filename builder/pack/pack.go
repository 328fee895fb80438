// Package pack makes a minimal image from files of this machine: programs,
// directories, and the libraries that the programs are linked with. It needs
// no BuildKit.
package pack

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"

	dockerspec "github.com/moby/docker-image-spec/specs-go/v1"

	"github.com/whittle-oci/whittle/builder/decide"
	"github.com/whittle-oci/whittle/builder/image"
	"github.com/whittle-oci/whittle/builder/need/elf"
	"github.com/whittle-oci/whittle/builder/tree"
)

// A Source is a file or directory of this machine and its path in the image.
type Source struct{ Host, Dest string }

// ParseSource reads "PATH" or "PATH:DEST". Without DEST the file goes to the
// root of the image under its own name.
func ParseSource(s string) (Source, error) { return thisHost.source(s) }

// A Packed is what an image can be made from.
type Packed struct {
	Plan         *image.Plan
	Tree         tree.Tree
	Architecture string // of the programs, as Go writes it; "" when there is no ELF file
	root         io.Closer
}

// Close releases the directory that libraries are read from.
func (p *Packed) Close() error {
	if p.root == nil {
		return nil
	}
	return p.root.Close()
}

// Files plans the image of the given sources. When config names neither
// ENTRYPOINT nor CMD, the first executable becomes the ENTRYPOINT. Libraries
// come from this machine's root, and from nowhere when it does not run Linux.
func Files(ctx context.Context, sources []Source, config dockerspec.DockerOCIImageConfig, o decide.Options) (*Packed, error) {
	upper := &tree.Memory{}
	p := &Packed{}
	first := ""
	for _, s := range sources {
		if err := place(upper, s, &first); err != nil {
			return nil, err
		}
	}
	if len(config.Entrypoint) == 0 && len(config.Cmd) == 0 {
		if first == "" {
			return nil, &image.RefusedError{Message: "nothing to run: none of the files is executable", Hint: "name the program with --entrypoint"}
		}
		config.Entrypoint = []string{first}
	}
	root, closer, err := thisHost.libraries()
	if err != nil {
		return nil, err
	}
	p.root = closer
	p.Tree = tree.Overlay{Upper: upper, Lower: root}
	p.Architecture = architecture(ctx, upper, config)
	p.Plan, err = decide.Decide(ctx, decide.Input{Tree: p.Tree, Changed: upper, Base: root, Trust: upper, Config: config, Options: o})
	if err != nil {
		return nil, errors.Join(err, closer.Close())
	}
	return p, nil
}

// place puts a file, or a directory with all that is in it, into the tree.
func place(t *tree.Memory, s Source, first *string) error {
	// The argument itself may be a link to what is meant.
	root, err := filepath.EvalSymlinks(s.Host)
	if err != nil {
		return err
	}
	return filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, name)
		if err != nil {
			return err
		}
		dest := path.Join(s.Dest, filepath.ToSlash(rel))
		e := tree.Entry{Mode: thisHost.mode(name, info.Mode()), Size: info.Size(), ModTime: info.ModTime().UnixNano()}
		switch {
		case info.IsDir():
			if dest != "/" {
				t.Add(dest, e, nil)
			}
		case info.Mode().IsRegular():
			if *first == "" && e.Mode&0o111 != 0 {
				*first = dest
			}
			e.Xattrs, e.LinkID = capabilities(name), tree.LinkID(info)
			t.AddFile(dest, e, func() (io.ReaderAt, error) { return hostFile(name), nil })
		case info.Mode()&fs.ModeSymlink != 0:
			to, err := os.Readlink(name)
			if err != nil {
				return err
			}
			e.Linkname = filepath.ToSlash(to)
			t.Add(dest, e, nil)
		}
		return nil
	})
}

// hostFile is read by opening it anew each time: nothing needs closing.
type hostFile string

// ReadAt implements io.ReaderAt.
func (f hostFile) ReadAt(b []byte, off int64) (int, error) {
	file, err := os.Open(string(f))
	if err != nil {
		return 0, err
	}
	defer file.Close()
	return file.ReadAt(b, off)
}

// architecture reads it off the program.
func architecture(ctx context.Context, t tree.Tree, config dockerspec.DockerOCIImageConfig) string {
	argv := append(append([]string{}, config.Entrypoint...), config.Cmd...)
	for _, a := range argv {
		r, err := t.Open(ctx, path.Clean(a))
		if err != nil {
			continue
		}
		if name, ok := elf.Architecture(r); ok {
			return name
		}
	}
	return ""
}
