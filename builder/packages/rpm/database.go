package rpm

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"

	"github.com/whittle-oci/whittle/builder/packages"
	"github.com/whittle-oci/whittle/builder/tree"
)

// directories are where rpm keeps its database: the usual one, that of Fedora
// since 36 and SUSE, and that of rpm-ostree. One is often a link to another.
var directories = []string{"/var/lib/rpm", "/usr/lib/sysimage/rpm", "/usr/share/rpm"}

// backends are the files of a database, the newest kind first: what was
// converted may have left the older one behind.
var backends = []struct {
	file string
	read func(data, log []byte, f func(blob []byte) error) error
}{
	{"rpmdb.sqlite", readSQLite},
	{"Packages.db", func(data, _ []byte, f func([]byte) error) error { return ndb(data, f) }},
	{"Packages", func(data, _ []byte, f func([]byte) error) error { return bdb(data, f) }},
}

// Limits on a database: that of Fedora with 2,000 packages has 200 MB.
const (
	maxDatabase     = 256 << 20 // bytes of a file
	maxPackages     = 20_000
	maxPaths        = 128 << 20 // bytes of the paths of all packages, with perPath for each
	perPath         = 64
	maxPath         = 4096    // bytes of a path, PATH_MAX of Linux
	maxCapabilities = 2 << 20 // that packages provide and require, all together
)

// readSQLite gives the headers of rpmdb.sqlite to f.
func readSQLite(data, log []byte, f func(blob []byte) error) error {
	db, err := openSQLite(data, log)
	if err != nil {
		return err
	}
	_, err = db.rows("Packages", []string{"blob"}, func(row []cell) error { return f(row[0].bytes) })
	return err
}

// hotJournal begins a journal by which SQLite takes an unfinished change back.
var hotJournal = []byte{0xd9, 0xd5, 0x05, 0xf9, 0x20, 0xa1, 0x63, 0xd7}

// headers gives the headers of the installed packages to f, from the first
// database that has any.
func headers(ctx context.Context, t tree.Tree, f func(h header) error) error {
	var seen []string
	for _, dir := range directories {
		res, ok, err := tree.Find(ctx, t, dir)
		if err != nil {
			return fmt.Errorf("reading the package database: %w", err)
		}
		if !ok || slices.Contains(seen, res.Path) {
			continue
		}
		seen = append(seen, res.Path)
		for _, b := range backends {
			name := path.Join(res.Path, b.file)
			found := false
			err := readBackend(ctx, t, name, b.read, func(h header) error {
				found = true
				return f(h)
			})
			if found || err != nil {
				return err
			}
		}
	}
	return nil
}

// readBackend reads one file of a database, which need not be there.
func readBackend(ctx context.Context, t tree.Tree, name string, read func(data, log []byte, f func(blob []byte) error) error, f func(h header) error) error {
	data, err := content(ctx, t, name)
	if len(data) == 0 || err != nil {
		return err
	}
	log, err := content(ctx, t, name+"-wal")
	if err != nil {
		return err
	}
	journal, err := content(ctx, t, name+"-journal")
	if err != nil {
		return err
	}
	if bytes.HasPrefix(journal, hotJournal) {
		return &packages.UnreadableError{Path: name, Err: errors.New("a change of it was not finished")}
	}
	count := 0
	err = read(data, log, func(blob []byte) error {
		if count++; count > maxPackages {
			return fmt.Errorf("it has more than %d packages", maxPackages)
		}
		h, err := parseHeader(blob)
		if err != nil {
			return err
		}
		return f(h)
	})
	if err != nil {
		return &packages.UnreadableError{Path: name, Err: err}
	}
	return nil
}

// content reads a file that need not be there. One that is too large is a
// database that cannot be read.
func content(ctx context.Context, t tree.Tree, name string) ([]byte, error) {
	res, ok, err := tree.FindFile(ctx, t, name)
	if err == nil && ok && res.Entry.Size > maxDatabase {
		return nil, &packages.UnreadableError{Path: name, Err: fmt.Errorf("it has %d bytes, more than the limit of %d", res.Entry.Size, maxDatabase)}
	}
	var data []byte
	if err == nil && ok {
		data, err = tree.ReadFile(ctx, t, res.Path, maxDatabase)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("reading the package database: %w", err)
	}
	return data, nil
}
