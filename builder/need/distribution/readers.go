package distribution

import (
	"context"
	"fmt"
	"path"
	"slices"

	"github.com/whittle-oci/whittle/builder/need"
	"github.com/whittle-oci/whittle/builder/tree"
)

// readers are programs that read directories into which packages of others put
// files for them (cron(8), logrotate.conf(5), rsyslog.conf(5), sudoers(5),
// xinetd.conf(5) of Debian 12; 2026-12).
var readers = []struct{ programs, dirs []string }{
	{
		[]string{"cron", "crond", "fcron", "bcron-start"},
		[]string{"/etc/cron.d", "/etc/cron.hourly", "/etc/cron.daily", "/etc/cron.weekly", "/etc/cron.monthly"},
	},
	{[]string{"logrotate"}, []string{"/etc/logrotate.d"}},
	{[]string{"rsyslogd"}, []string{"/etc/rsyslog.d"}},
	{[]string{"sudo"}, []string{"/etc/sudoers.d"}},
	{[]string{"xinetd"}, []string{"/etc/xinetd.d"}},
}

// read asks for what packages that the base image does not have put into
// directories that a program of the image reads: a package's jobs run where
// there is a cron to start them.
func (p *Provider) read(ctx context.Context, env *need.Env, s *need.Set, out *need.Found) error {
	if p.base == nil || p.strict {
		return nil
	}
	for _, r := range readers {
		files := s.Files()
		i := slices.IndexFunc(files, func(f *need.File) bool { return f.Program && slices.Contains(r.programs, path.Base(f.Path)) })
		if i < 0 {
			continue
		}
		for _, dir := range r.dirs {
			if err := p.readIn(ctx, env, dir, files[i].Path, out); err != nil {
				return err
			}
		}
	}
	return nil
}

func (p *Provider) readIn(ctx context.Context, env *need.Env, dir, by string, out *need.Found) error {
	entries, err := env.Tree.ReadDir(ctx, dir)
	if need.Missing(err) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, e := range entries[:min(len(entries), maxRead)] {
		name := path.Join(dir, e.Name)
		pkg, owned, err := p.db.Owner(ctx, name)
		if err != nil || !owned {
			if err != nil {
				return err
			}
			continue // the Dockerfile's own are kept anyway
		}
		if _, base, err := p.base.Named(ctx, pkg.Name); err != nil || base {
			if err != nil {
				return err
			}
			continue
		}
		res, ok, err := tree.Find(ctx, env.Tree, name)
		if err != nil {
			return err
		}
		if ok && res.Entry.IsRegular() {
			out.Needs = append(out.Needs, need.Need{
				Kind: need.Data, Path: name, By: by, Strength: need.Optional, Droppable: true,
				Reason: fmt.Sprintf("%s reads what the package %s put into %s", path.Base(by), pkg.Name, dir),
			})
		}
	}
	return nil
}

// maxRead bounds the files of one directory.
const maxRead = 1000
