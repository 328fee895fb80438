package plan

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"

	"github.com/whittle-oci/whittle/builder/packages"
	"github.com/whittle-oci/whittle/builder/tree"
)

// records keeps, for every package that a carried file belongs to, the record
// that scanners read and the copyright file that its licence asks for.
func (m *maker) records(ctx context.Context) error {
	owners, err := m.packageOwners(ctx)
	if err != nil || len(owners) == 0 {
		return err
	}
	m.plan.Packages = owners
	files, err := m.db.Records(ctx, owners)
	if err != nil {
		return fmt.Errorf("reading package records: %w", err)
	}
	for _, f := range files {
		if err := m.add(ctx, f); err != nil {
			return err
		}
	}
	for _, name := range m.db.Release() {
		if err := m.carryOptional(ctx, name, "tells scanners which distribution the packages come from"); err != nil {
			return err
		}
	}
	if m.opts.NoLicences {
		return nil
	}
	for _, p := range owners {
		if err := m.carryOptional(ctx, m.db.Copyright(p), "licence of "+p.Name); err != nil {
			return err
		}
	}
	return nil
}

// packageOwners asks for the package of every carried file.
func (m *maker) packageOwners(ctx context.Context) ([]packages.Package, error) {
	seen := map[string]packages.Package{}
	for _, name := range slices.Sorted(maps.Keys(m.entries)) {
		e := m.entries[name]
		if e.Source == "" || e.Type == Dir {
			continue
		}
		if e.Type == Symlink {
			// Links to directories, as /lib of a merged /usr, and links under
			// /etc are everybody's.
			res, err := tree.Resolve(ctx, m.t, name)
			if err != nil || res.Entry.IsDir() || strings.HasPrefix(name, "/etc/") {
				continue
			}
		}
		p, ok, err := m.db.Owner(ctx, name)
		if err != nil {
			return nil, fmt.Errorf("looking up the package of %s: %w", name, err)
		}
		if !ok {
			continue
		}
		e.Package = p.Name
		seen[p.Name+"\x00"+p.Arch] = *p
	}
	var out []packages.Package
	for _, key := range slices.Sorted(maps.Keys(seen)) {
		out = append(out, seen[key])
	}
	return out, nil
}

// carryOptional carries a file that need not be there.
func (m *maker) carryOptional(ctx context.Context, name, reason string) error {
	if name == "" {
		return nil
	}
	_, _, err := m.carry(ctx, name, reason)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, tree.ErrLoop) {
		return nil
	}
	return err
}
