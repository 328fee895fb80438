package decide

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/whittle-oci/whittle/builder/image"
	"github.com/whittle-oci/whittle/builder/packages"
	"github.com/whittle-oci/whittle/builder/tree"
)

// recorded is what tells of the packages that the image has.
type recorded struct {
	packages []packages.Package
	owner    map[string]string // package by path of a carried file
	files    []*draft
}

// record is phase 6: for every package that a carried file belongs to, the
// record that scanners read and the copyright file that its licence asks for.
func record(ctx context.Context, in Input, db *packages.DB, files *drafts) (recorded, error) {
	t := in.Tree
	out, err := owners(ctx, t, db, files)
	if err != nil || len(out.packages) == 0 {
		return out, err
	}
	records, err := db.Records(ctx, out.packages)
	if err != nil {
		return out, fmt.Errorf("reading package records: %w", err)
	}
	for _, f := range records {
		placed, err := place(ctx, t, f)
		if err != nil {
			return out, err
		}
		out.files = append(out.files, placed...)
	}
	for _, name := range db.Release() {
		if err := out.optional(ctx, t, name, "tells scanners which distribution the packages come from"); err != nil {
			return out, err
		}
	}
	if in.Options.NoLicences {
		return out, nil
	}
	for _, p := range out.packages {
		for _, name := range db.Licences(p) {
			if err := out.optional(ctx, t, name, "licence of "+p.Name); err != nil {
				return out, err
			}
		}
	}
	return out, nil
}

// owners asks for the package of every carried file.
func owners(ctx context.Context, t tree.Tree, db *packages.DB, files *drafts) (recorded, error) {
	out := recorded{owner: map[string]string{}}
	seen := map[string]packages.Package{}
	for _, e := range files.entries() {
		name := e.Path
		if e.Source == "" || e.Type == image.Dir {
			continue
		}
		if e.Type == image.Symlink {
			// Links to directories, as /lib of a merged /usr, and links under
			// /etc are everybody's.
			res, err := tree.Resolve(ctx, t, name)
			if err != nil || res.Entry.IsDir() || strings.HasPrefix(name, "/etc/") {
				continue
			}
		}
		p, ok, err := db.Owner(ctx, name)
		if err != nil {
			return out, fmt.Errorf("looking up the package of %s: %w", name, err)
		}
		if ok {
			out.owner[name] = p.Name
			seen[p.Name+"\x00"+p.Arch] = *p
		}
	}
	for _, key := range slices.Sorted(maps.Keys(seen)) {
		out.packages = append(out.packages, seen[key])
	}
	return out, nil
}

// optional takes a file of the tree that need not be there.
func (r *recorded) optional(ctx context.Context, t tree.Tree, name, reason string) error {
	got, err := take(ctx, t, name, reason)
	r.files = append(r.files, got...)
	return err
}
