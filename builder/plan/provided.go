package plan

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/whittle-oci/whittle/builder/packages"
	"github.com/whittle-oci/whittle/builder/tree"
)

// provided carries what the program of a distribution's package or of a base
// image needs although the Dockerfile did not put it there: a web server is
// nothing without its configuration, its modules and its state directories.
// Programs that belong to the distribution itself, such as a shell, bring
// nothing.
func (k *keeper) provided(ctx context.Context) error {
	fromBase := ""
	for _, program := range slices.Compact(slices.Sorted(slices.Values(k.mains))) {
		if slices.Contains(wrappers, path.Base(program)) || isShell(program) {
			continue
		}
		p, owned, err := k.db.Owner(ctx, program)
		if err != nil {
			return fmt.Errorf("looking up the package of %s: %w", program, err)
		}
		if owned {
			system, err := k.db.System(ctx, *p)
			if err != nil {
				return err
			}
			if system {
				continue
			}
			if err := k.family(ctx, *p, program); err != nil {
				return err
			}
		}
		// Nil for both where a stage began from scratch.
		if _, err := k.in.Changed.Lstat(ctx, program); errors.Is(err, fs.ErrNotExist) && k.in.Base != nil {
			fromBase = program
		}
	}
	if fromBase == "" {
		return nil
	}
	return k.unowned(ctx, "/", "came with "+fromBase+" in the base image")
}

// family carries the data of the packages around a program.
func (k *keeper) family(ctx context.Context, p packages.Package, program string) error {
	family, err := k.db.Family(ctx, p, program)
	if err != nil {
		return fmt.Errorf("looking up the packages around %s: %w", program, err)
	}
	for _, member := range family {
		files, err := k.db.Files(ctx, member)
		if err != nil {
			return err
		}
		reason := fmt.Sprintf("data of the package %s, for %s", member.Name, program)
		for _, name := range files {
			if err := k.data(ctx, name, reason); err != nil {
				return err
			}
		}
	}
	// Services write their process number there.
	k.dataDirs = append(k.dataDirs, "/run")
	if e, err := k.t.Lstat(ctx, "/var/run"); err == nil && e.IsSymlink() {
		return k.link(ctx, "/var/run", "leads to /run")
	}
	return nil
}

// data carries one path of a package when a running program may read it.
func (k *keeper) data(ctx context.Context, name, reason string) error {
	if !isData(name) {
		return nil
	}
	e, err := k.t.Lstat(ctx, name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // deleted since, or diverted
	}
	if err != nil {
		return err
	}
	if stateDir(name) && e.IsDir() {
		k.dataDirs = append(k.dataDirs, name)
	}
	if _, ok := k.entries[name]; ok || e.IsDir() {
		return nil
	}
	switch {
	case e.IsSymlink():
		// The link is carried when what it leads to is.
		k.changed[name] = e
		k.links = append(k.links, name)
		return nil
	case !e.IsRegular():
		return nil
	}
	k.place(name, e, reason).Droppable = true
	return k.support(ctx, name, e)
}

// notData are the parts of a package that serve people, builds and the start
// of a whole machine.
var notData = []string{
	"/usr/share/doc", "/usr/share/man", "/usr/share/info", "/usr/share/locale", "/usr/share/lintian", "/usr/share/bug", "/usr/share/doc-base",
	"/usr/share/bash-completion", "/usr/share/zsh", "/usr/share/fish", "/usr/share/vim", "/usr/share/applications", "/usr/share/icons",
	"/usr/share/pixmaps", "/usr/share/menu", "/usr/share/gdb", "/usr/share/apport", "/usr/share/pkgconfig", "/usr/include", "/usr/src",
	"/etc/init.d", "/etc/logrotate.d", "/etc/cron.d", "/etc/cron.daily", "/etc/cron.hourly", "/etc/cron.weekly", "/etc/cron.monthly",
	"/etc/systemd", "/lib/systemd", "/usr/lib/systemd", "/usr/lib/tmpfiles.d", "/usr/lib/sysusers.d", "/lib/udev", "/usr/lib/udev",
	"/etc/ufw", "/etc/apparmor.d", "/etc/bash_completion.d", "/etc/default", "/etc/network", "/etc/dhcp", "/etc/rc.d",
}

// programDirs hold programs, which are carried when something runs them.
var programDirs = []string{"/bin", "/sbin", "/usr/bin", "/usr/sbin", "/usr/local/bin", "/usr/local/sbin", "/usr/games"}

// isData reports whether a file of a package may be read by a running program.
func isData(name string) bool {
	if slices.Contains(programDirs, path.Dir(name)) || slices.Contains([]string{".a", ".la", ".pc", ".h"}, path.Ext(name)) {
		return false
	}
	return !slices.ContainsFunc(notData, func(dir string) bool { return name == dir || strings.HasPrefix(name, dir+"/") })
}

// stateDir reports whether a directory of a package is one that its program
// writes to.
func stateDir(name string) bool {
	for _, dir := range []string{"/var/lib/", "/var/log/", "/var/cache/", "/var/spool/", "/run/", "/var/run/"} {
		if rest, ok := strings.CutPrefix(name, dir); ok {
			return rest != "misc"
		}
	}
	return false
}

// unowned carries what no package owns below dir: what the makers of a base
// image put there by hand. What the Dockerfile changed is decided elsewhere.
func (k *keeper) unowned(ctx context.Context, dir, reason string) error {
	entries, err := k.t.ReadDir(ctx, dir)
	if err != nil {
		return fmt.Errorf("reading the base image: %w", err)
	}
	for _, e := range entries {
		name := path.Join(dir, e.Name)
		if slices.Contains(pseudo, name) || slices.Contains(accountFiles, name) {
			continue
		}
		if err := k.unownedEntry(ctx, name, e, reason); err != nil {
			return err
		}
	}
	return nil
}

func (k *keeper) unownedEntry(ctx context.Context, name string, e tree.Entry, reason string) error {
	root := k.walkedRoot(name)
	if _, own := k.walked[name]; own || k.skippedQuietly(name) {
		if root != nil {
			root.skipped = append(root.skipped, name)
		}
		return nil
	}
	_, owned, err := k.db.Owner(ctx, name)
	if err != nil {
		return fmt.Errorf("looking up the package of %s: %w", name, err)
	}
	if e.IsDir() {
		switch {
		case root != nil:
			root.dirs = append(root.dirs, name)
		case !owned:
			k.walked[name] = &walked{}
		}
		if !owned && e.UID != 0 {
			k.place(name, e, reason).Droppable = true
		}
		return k.unowned(ctx, name, reason)
	}
	if root != nil {
		root.seen = append(root.seen, name)
	}
	if _, changed := k.changed[name]; changed || owned {
		return nil
	}
	if _, have := k.entries[name]; have {
		return nil
	}
	switch {
	case e.IsSymlink() && strings.HasPrefix(e.Linkname, "/dev/"):
		// Logs that lead to the container's output.
		return k.link(ctx, name, reason)
	case e.IsSymlink():
		k.changed[name] = e
		k.links = append(k.links, name)
		return nil
	case !e.IsRegular() || strings.HasPrefix(name, "/var/log/") || k.unwanted(name) != "":
		return nil
	}
	if secret, err := k.secret(ctx, name, e); secret != "" || err != nil {
		return err
	}
	k.place(name, e, reason).Droppable = true
	return k.support(ctx, name, e)
}

// skippedQuietly reports whether a path of the base image is a cache. Logs are
// looked at for links.
func (k *keeper) skippedQuietly(name string) bool {
	return path.Base(name) == "__pycache__" || slices.ContainsFunc(k.roots, func(r cacheRoot) bool { return r.dir == name && r.why != whyLog })
}
