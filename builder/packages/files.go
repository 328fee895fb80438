package packages

import (
	"context"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/whittle-oci/whittle/builder/tree"
)

// listers is how many file lists are read at a time: over a connection most of
// the time goes by waiting.
const listers = 8

// list reads which files the packages have.
func (d *DB) list(ctx context.Context, records []*Record) error {
	eg, ctx := errgroup.WithContext(ctx)
	eg.SetLimit(listers)
	for _, r := range records {
		if r.Files != nil {
			continue
		}
		eg.Go(func() (err error) {
			r.Files, err = r.format.List(ctx, d.t, r)
			return err
		})
	}
	return eg.Wait()
}

// ownersOf gives the package of every listed path under all names that the
// path has. One that several packages list, as those of one name for two
// architectures do, is the first one's in the order of the database.
func ownersOf(records []*Record) map[string]*Record {
	owners := map[string]*Record{}
	for _, r := range records {
		for _, f := range slices.Concat(r.Files, r.Dirs) {
			for _, n := range Aliases(f) {
				if _, ok := owners[n]; !ok {
					owners[n] = r
				}
			}
		}
	}
	return owners
}

// edited reports whether a file's content differs from what its package says.
// A file of which the package says nothing counts as the package's.
func (d *DB) edited(ctx context.Context, r *Record, name string) (bool, error) {
	want, err := d.sum(ctx, r, name)
	if err != nil || want == "" {
		return false, err
	}
	data, err := tree.ReadOptional(ctx, d.t, name, MaxDatabase)
	if err != nil || data == nil {
		return false, err
	}
	return !r.format.Matches(want, data), nil
}

// sum is the checksum that a package gives for one of its files, "" for none.
func (d *DB) sum(ctx context.Context, r *Record, name string) (string, error) {
	if s, ok := r.Conffiles[name]; ok {
		return s, nil
	}
	if r.Checksums == nil {
		var err error
		if r.Checksums, err = r.format.Sums(ctx, d.t, r); err != nil {
			return "", err
		}
	}
	for _, n := range Aliases(name) {
		if s, ok := r.Checksums[n]; ok {
			return s, nil
		}
	}
	return "", nil
}
