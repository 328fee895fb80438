package frontend

import (
	"context"
	"errors"
	"io/fs"
	"path"
	"slices"

	"github.com/containerd/platforms"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
	"golang.org/x/sync/errgroup"

	"github.com/whittle-oci/whittle/builder/decide"
	"github.com/whittle-oci/whittle/builder/report"
	"github.com/whittle-oci/whittle/builder/tree"
)

// A measuring is a measure that is being taken.
type measuring struct {
	stop context.CancelFunc
	done chan struct{}
	side report.Side
}

// measuring begins to measure the built stage. It does so beside the plan,
// which reads the same directories.
func (b *build) measuring(ctx context.Context, s *stage, user string) *measuring {
	ctx, stop := context.WithCancel(ctx)
	m := &measuring{stop: stop, done: make(chan struct{})}
	go func() {
		defer close(m.done)
		m.side = b.before(ctx, s, user)
	}()
	return m
}

// result waits for the end.
func (m *measuring) result() report.Side {
	<-m.done
	return m.side
}

// close stops what is not wanted any more.
func (m *measuring) close() {
	m.stop()
	<-m.done
}

// before is what the report says of the built stage. Nothing else depends on
// it, so it is no reason to fail: the report says what could not be measured.
func (b *build) before(ctx context.Context, s *stage, user string) report.Side {
	side := report.Side{User: report.UserText(user)}
	m, err := b.measure(ctx, s)
	if err != nil {
		side.Unknown = firstLine(err) // a panic has more of them
	} else {
		side.Bytes, side.Files, side.Packages = m.Bytes, m.Files, m.Packages
	}
	if res, err := tree.Resolve(ctx, s.tree, "/bin/sh"); err == nil && res.Entry.IsRegular() {
		side.Shell = "/bin/sh"
	}
	return side
}

// platformName is how a platform is called in results, that of this machine
// where none is asked for.
func platformName(p *ocispecs.Platform) string {
	spec := platforms.DefaultSpec()
	if p != nil {
		spec = *p
	}
	return platforms.FormatAll(platforms.Normalize(spec))
}

// measure counts what the built stage holds: its base image, which is
// remembered by its digest, and what the stage changed.
func (b *build) measure(ctx context.Context, s *stage) (total Measure, err error) {
	defer recovered(&err)
	if s.base != nil {
		base, ok := Measure{}, false
		if b.Measures != nil && s.baseDigest != "" {
			base, ok = b.Measures.Get(s.baseDigest)
		}
		if !ok {
			if base, err = count(ctx, s.base); err != nil {
				return total, err
			}
			if b.Measures != nil && s.baseDigest != "" {
				b.Measures.Put(s.baseDigest, base)
			}
		}
		total = base
	}
	changed, err := count(ctx, s.changed)
	if err != nil {
		return total, err
	}
	total.Bytes += changed.Bytes
	total.Files += changed.Files
	installed, err := decide.Packages(s.tree).Installed(ctx)
	if err != nil {
		return total, err
	}
	total.Packages = len(installed)
	return total, nil
}

// listers is how many directories are listed at a time: over a connection most
// of the time goes by waiting.
const listers = 16

// count walks a whole tree, level by level.
func count(ctx context.Context, t tree.Tree) (Measure, error) {
	var m Measure
	linked := map[string]bool{}
	dirs := []string{"/"}
	for len(dirs) > 0 {
		lists := make([][]tree.Entry, len(dirs))
		eg, egctx := errgroup.WithContext(ctx)
		eg.SetLimit(listers)
		for i, dir := range dirs {
			eg.Go(func() (err error) {
				lists[i], err = t.ReadDir(egctx, dir)
				if errors.Is(err, fs.ErrNotExist) {
					err = nil
				}
				return err
			})
		}
		if err := eg.Wait(); err != nil {
			return m, err
		}
		var next []string
		for i, list := range lists {
			for _, e := range list {
				name := path.Join(dirs[i], e.Name)
				switch {
				case e.IsDir() && !slices.Contains([]string{"/proc", "/sys", "/dev"}, name):
					next = append(next, name)
				case linked[e.LinkID]: // counted under another of its names
				case e.IsRegular():
					linked[e.LinkID] = e.LinkID != ""
					m.Bytes += e.Size
					m.Files++
				}
			}
		}
		dirs = next
	}
	return m, nil
}
