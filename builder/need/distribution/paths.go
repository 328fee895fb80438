package distribution

import (
	"path"
	"slices"
	"strings"
)

// notData are the parts of a package that serve people, builds and the start
// of a whole machine (Filesystem Hierarchy Standard 3.0, Debian Policy 4.6;
// 2026-10).
var notData = []string{
	"/usr/share/doc", "/usr/share/man", "/usr/share/info", "/usr/share/locale", "/usr/share/lintian", "/usr/share/bug", "/usr/share/doc-base", "/usr/share/licenses",
	"/usr/share/bash-completion", "/usr/share/zsh", "/usr/share/fish", "/usr/share/vim", "/usr/share/applications", "/usr/share/icons", "/usr/share/metainfo",
	"/usr/share/pixmaps", "/usr/share/menu", "/usr/share/gdb", "/usr/share/apport", "/usr/share/pkgconfig", "/usr/lib/pkgconfig", "/usr/include", "/usr/src",
	"/etc/init.d", "/etc/logrotate.d", "/etc/cron.d", "/etc/cron.daily", "/etc/cron.hourly", "/etc/cron.weekly", "/etc/cron.monthly", "/etc/skel", "/etc/pam.d", "/etc/apk",
	"/etc/systemd", "/lib/systemd", "/usr/lib/systemd", "/usr/lib/tmpfiles.d", "/usr/lib/sysusers.d", "/lib/udev", "/usr/lib/udev",
	"/etc/ufw", "/etc/apparmor.d", "/etc/bash_completion.d", "/etc/default", "/etc/network", "/etc/dhcp", "/etc/rc.d",
}

// ProgramDirs hold programs, which are carried when something runs them.
var ProgramDirs = []string{"/bin", "/sbin", "/usr/bin", "/usr/sbin", "/usr/local/bin", "/usr/local/sbin", "/usr/games"}

// IsData reports whether a file of a package may be read by a running program.
func IsData(name string) bool {
	if slices.Contains(ProgramDirs, path.Dir(name)) || slices.Contains([]string{".a", ".la", ".pc", ".h"}, path.Ext(name)) {
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
