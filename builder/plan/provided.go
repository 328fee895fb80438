package plan

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/whittle-oci/whittle/builder/packages"
	"github.com/whittle-oci/whittle/builder/runtimes"
	"github.com/whittle-oci/whittle/builder/tree"
)

// multicall are programs that are many commands in one and read no data.
var multicall = []string{"busybox", "toybox", "coreutils"}

// provided carries what the program of a distribution's package or of a base
// image needs although the Dockerfile did not put it there: a web server is
// nothing without its configuration, its modules and its state directories.
// Programs that belong to the distribution itself, such as a shell, bring
// nothing.
func (m *maker) provided(ctx context.Context) error {
	if m.in.Changed == nil {
		return nil
	}
	for _, program := range slices.Compact(slices.Sorted(slices.Values(m.mains))) {
		if runtimes.IsWrapper(program) || isShell(program) || slices.Contains(multicall, path.Base(program)) {
			continue
		}
		p, owned, err := m.db.Owner(ctx, program)
		if err != nil {
			return fmt.Errorf("looking up the package of %s: %w", program, err)
		}
		if owned {
			if err := m.packaged(ctx, *p, program); err != nil {
				return err
			}
			continue
		}
		if err := m.madeByHand(ctx, program); err != nil {
			return err
		}
	}
	return nil
}

// madeByHand looks at a program of no package. Where the makers of the base
// image put it there, kept goes over all that they put there.
func (m *maker) madeByHand(ctx context.Context, program string) error {
	installed, err := m.db.Installed(ctx)
	if err != nil {
		return err
	}
	// Where packages are not known, as with rpm, any command of the
	// distribution looks like one of no package.
	if m.in.Base == nil || m.application != "" || len(installed) == 0 && slices.Contains(systemCommands, path.Dir(program)) {
		return nil
	}
	_, err = m.in.Changed.Lstat(ctx, program)
	if err == nil || !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	m.application = program
	m.warn("FROM", fmt.Sprintf("%s comes from the base image and belongs to no package, so what the base image holds beyond packages is kept too", program), "exclude: what the program does not read")
	return nil
}

// packaged carries the data around a program of a package.
func (m *maker) packaged(ctx context.Context, p packages.Package, program string) error {
	if system, err := m.db.System(ctx, p); system || err != nil {
		return err
	}
	family, dirs, err := m.db.Family(ctx, p, program)
	if err != nil {
		return fmt.Errorf("looking up the packages around %s: %w", program, err)
	}
	for _, member := range family {
		files, err := m.db.Files(ctx, member)
		if err != nil {
			return fmt.Errorf("listing the files of %s: %w", member.Name, err)
		}
		for _, name := range files {
			if err := m.data(ctx, name, fmt.Sprintf("data of the package %s, for %s", member.Name, program)); err != nil {
				return err
			}
		}
	}
	// What somebody put into the directories of the program by hand.
	for _, dir := range dirs {
		if err := m.beside(ctx, dir, "in a directory of "+program); err != nil {
			return err
		}
	}
	// Services write their process number there.
	m.states = append(m.states, "/run", "/var/run")
	return nil
}

// data carries one path of a package when a running program may read it, and
// remembers it when the program may write to it.
func (m *maker) data(ctx context.Context, name, reason string) error {
	if !isData(name) {
		return nil
	}
	dir, err := tree.Resolve(ctx, m.t, path.Dir(name))
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, tree.ErrLoop) {
		return nil
	}
	if err != nil {
		return err
	}
	real := path.Join(dir.Path, path.Base(name))
	e, err := m.t.Lstat(ctx, real)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // deleted since, diverted, or documentation of a slim image
	}
	if err != nil {
		return err
	}
	if e.IsDir() {
		if stateDir(name) {
			m.states = append(m.states, name)
		}
		return nil
	}
	for _, l := range dir.Links {
		if err := m.link(ctx, l, reason); err != nil {
			return err
		}
	}
	return m.datum(ctx, real, e, reason)
}

// datum carries a file or link at its real path.
func (m *maker) datum(ctx context.Context, real string, e tree.Entry, reason string) error {
	if _, ok := m.entries[real]; ok {
		return nil
	}
	switch {
	case e.IsSymlink():
		res, err := tree.Resolve(ctx, m.t, real)
		if err == nil && slices.Contains(programDirs, path.Dir(res.Path)) {
			return nil
		}
		if err == nil && res.Entry.IsRegular() && res.Entry.Mode&0o111 == 0 {
			return m.carryOptional(ctx, real, reason)
		}
		return m.link(ctx, real, reason)
	case !e.IsRegular():
		return nil
	}
	if why, err := m.secret(ctx, real, e); why != "" || err != nil {
		return err
	}
	m.place(real, e, reason).Droppable = true
	if err := m.configuration(ctx, real, e); err != nil {
		return err
	}
	return (&keeper{maker: m}).support(ctx, real, e)
}

// maxConfiguration is the largest file of /etc that is read for names of other
// files, in bytes.
const maxConfiguration = 256 << 10

// namedFile matches an absolute path in a configuration file.
var namedFile = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`(?:^|[\s"'=:])(/(?:etc|opt|srv|usr)/[A-Za-z0-9_./+@-]+)`)
})

// configuration carries the files that a program's configuration names, which
// may belong to other packages.
func (m *maker) configuration(ctx context.Context, name string, e tree.Entry) error {
	if !strings.HasPrefix(name, "/etc/") || e.Size > maxConfiguration || m.configured[name] {
		return nil
	}
	m.configured[name] = true
	data, err := tree.ReadFile(ctx, m.t, name, maxConfiguration)
	if err != nil {
		return fmt.Errorf("reading the configuration %s: %w", name, err)
	}
	for line := range strings.Lines(string(data)) {
		if strings.HasPrefix(strings.TrimSpace(line), "#") {
			continue
		}
		for _, found := range namedFile().FindAllStringSubmatch(line, -1) {
			if file := path.Clean(found[1]); !slices.Contains(programDirs, path.Dir(file)) {
				if err := m.mention(ctx, "", file, "named in "+name); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// beside carries what no package owns below a directory.
func (m *maker) beside(ctx context.Context, dir, reason string) error {
	if !isData(path.Join(dir, "x")) {
		return nil
	}
	res, err := tree.Resolve(ctx, m.t, dir)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, tree.ErrLoop) || err == nil && !res.Entry.IsDir() {
		return nil
	}
	if err != nil {
		return err
	}
	return tree.Walk(ctx, m.t, res.Path, func(name string, e tree.Entry) error {
		if strings.HasPrefix(name, "/var/log/") && e.IsRegular() || !isData(name) {
			return nil
		}
		if e.IsDir() {
			return nil
		}
		if _, owned, err := m.db.Owner(ctx, name); owned || err != nil {
			return err
		}
		if e.IsRegular() {
			if out, err := m.leaveSecret(ctx, name, e); out || err != nil {
				return err
			}
		}
		return m.datum(ctx, name, e, reason)
	})
}

// notData are the parts of a package that serve people, builds and the start
// of a whole machine.
var notData = []string{
	"/usr/share/doc", "/usr/share/man", "/usr/share/info", "/usr/share/locale", "/usr/share/lintian", "/usr/share/bug", "/usr/share/doc-base", "/usr/share/licenses",
	"/usr/share/bash-completion", "/usr/share/zsh", "/usr/share/fish", "/usr/share/vim", "/usr/share/applications", "/usr/share/icons", "/usr/share/metainfo",
	"/usr/share/pixmaps", "/usr/share/menu", "/usr/share/gdb", "/usr/share/apport", "/usr/share/pkgconfig", "/usr/lib/pkgconfig", "/usr/include", "/usr/src",
	"/etc/init.d", "/etc/logrotate.d", "/etc/cron.d", "/etc/cron.daily", "/etc/cron.hourly", "/etc/cron.weekly", "/etc/cron.monthly", "/etc/skel", "/etc/pam.d", "/etc/apk",
	"/etc/systemd", "/lib/systemd", "/usr/lib/systemd", "/usr/lib/tmpfiles.d", "/usr/lib/sysusers.d", "/lib/udev", "/usr/lib/udev",
	"/etc/ufw", "/etc/apparmor.d", "/etc/bash_completion.d", "/etc/default", "/etc/network", "/etc/dhcp", "/etc/rc.d",
}

// programDirs hold programs, which are carried when something runs them.
var programDirs = []string{"/bin", "/sbin", "/usr/bin", "/usr/sbin", "/usr/local/bin", "/usr/local/sbin", "/usr/games"}

// systemCommands are those of them that belong to the distribution.
var systemCommands = []string{"/bin", "/sbin", "/usr/bin", "/usr/sbin"}

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
