package trace

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/whittle-oci/whittle/builder/image"
	"github.com/whittle-oci/whittle/builder/tree"
)

// Unpack writes a tree to an empty directory, with owners, modes, hard links and
// extended attributes. It needs root. Devices are left out: a container has its
// own.
func Unpack(ctx context.Context, t tree.Tree, dir string) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	u := &unpacking{tree: t, root: root, dir: dir, links: map[string]string{}}
	if err := tree.Walk(ctx, t, "/", func(name string, e tree.Entry) error {
		if err := u.write(ctx, strings.TrimPrefix(name, "/"), e); err != nil {
			return fmt.Errorf("unpacking %s: %w", name, err)
		}
		return nil
	}); err != nil {
		return err
	}
	return nil
}

type unpacking struct {
	tree  tree.Tree
	root  *os.Root
	dir   string
	links map[string]string // the first name of a file with several
}

func (u *unpacking) write(ctx context.Context, name string, e tree.Entry) error {
	if first, ok := u.links[e.LinkID]; ok && e.LinkID != "" {
		return u.root.Link(first, name)
	}
	switch {
	case e.IsDir():
		if name == "" {
			name = "."
		} else if err := u.root.Mkdir(name, 0o700); err != nil {
			return err
		}
	case e.IsSymlink():
		if err := u.root.Symlink(e.Linkname, name); err != nil {
			return err
		}
		return u.root.Lchown(name, e.UID, e.GID)
	case e.IsRegular():
		if err := u.content(ctx, name, e); err != nil {
			return err
		}
	case e.Mode&fs.ModeNamedPipe != 0:
		// The parents were made here, and none is a link.
		if err := unix.Mkfifo(filepath.Join(u.dir, name), 0o600); err != nil {
			return err
		}
	default:
		return nil
	}
	if e.LinkID != "" {
		u.links[e.LinkID] = name
	}
	if err := u.root.Lchown(name, e.UID, e.GID); err != nil {
		return err
	}
	// Only now, as a new owner takes the set-id bits away; and so does a new
	// content the capabilities.
	if err := unix.Fchmodat(unix.AT_FDCWD, filepath.Join(u.dir, name), image.UnixMode(e.Mode), 0); err != nil {
		return err
	}
	for key, value := range e.Xattrs {
		if err := unix.Lsetxattr(filepath.Join(u.dir, name), key, value, 0); err != nil && !errors.Is(err, unix.ENOTSUP) {
			return fmt.Errorf("setting %s: %w", key, err)
		}
	}
	return nil
}

func (u *unpacking) content(ctx context.Context, name string, e tree.Entry) error {
	r, err := u.tree.Open(ctx, "/"+name)
	if err != nil {
		return err
	}
	f, err := u.root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, io.NewSectionReader(r, 0, e.Size))
	return errors.Join(err, f.Close())
}
