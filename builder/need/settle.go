package need

import (
	"context"
	"maps"
	"slices"

	"github.com/whittle-oci/whittle/builder/tree"
)

// settle asks for what depends on what else is in the image. All ask the same
// set, so that their order does not matter. It returns the warnings, which
// hold when nothing new was asked for.
func (c *closer) settle(ctx context.Context) (Found, error) {
	c.facts.into(c.set)
	if c.needs += len(c.pending); c.needs > maxNeeds { // each is looked at again
		return Found{}, unknown("the image has too many links and directories that depend on each other")
	}
	var all Found
	for _, name := range slices.Sorted(maps.Keys(c.pending)) {
		n, ok, err := c.kept(ctx, c.pending[name])
		if err != nil {
			return all, err
		}
		if ok {
			delete(c.pending, name)
			all.Needs = append(all.Needs, n)
		}
	}
	for _, p := range c.providers {
		s, ok := p.(Settler)
		if !ok {
			continue
		}
		f, err := s.Settle(ctx, c.env, c.set)
		if err != nil {
			return all, err
		}
		all.Needs = append(all.Needs, f.Needs...)
		all.Warnings = append(all.Warnings, f.Warnings...)
		f.Warnings = nil
		c.note(f)
	}
	for _, n := range all.Needs {
		it := item{Need: n}
		if key := c.key(n.Path, it); !c.settled[key] {
			c.settled[key] = true
			c.queue = append(c.queue, it)
		}
	}
	return Found{Warnings: all.Warnings}, nil
}

// kept says whether a changed link or directory is kept by now: one that leads
// to something the image has, or to a data file, which then comes along. A
// link that leads nowhere yet, such as to /dev/stdout or into a volume, is
// kept as it is, as is one to a device, which some trees have, too.
func (c *closer) kept(ctx context.Context, n Need) (Need, bool, error) {
	if n.Kind == KeptDir {
		n.Kind = Data
		return n, c.set.Holds(n.Path), nil
	}
	res, err := tree.Resolve(ctx, c.env.Tree, n.Path)
	if Missing(err) || err == nil && slices.ContainsFunc(Mounted, func(dir string) bool { return Below(res.Path, dir) }) {
		n.Kind = Link
		return n, true, nil
	}
	if err != nil {
		return n, false, err
	}
	have := c.set.File(res.Path) != nil || res.Entry.IsDir() && c.set.Holds(res.Path)
	if !have && (!res.Entry.IsRegular() || res.Entry.Mode&0o111 != 0) {
		return n, false, nil
	}
	n.Kind, n.Entry = Data, nil
	if have && res.Entry.IsDir() {
		n.Kind = Link
	}
	return n, true, nil
}
