package distribution

import (
	"path"
	"regexp"
	"slices"
	"strings"
	"sync"
)

// notData are the parts of a package that serve people, builds and the start
// of a whole machine (Filesystem Hierarchy Standard 3.0, Debian Policy 4.6;
// 2026-10).
var notData = []string{
	"/usr/share/doc", "/usr/share/man", "/usr/share/info", "/usr/share/locale", "/usr/share/lintian", "/usr/share/bug", "/usr/share/doc-base", "/usr/share/licenses",
	"/usr/share/bash-completion", "/usr/share/zsh", "/usr/share/fish", "/usr/share/vim", "/usr/share/applications", "/usr/share/icons", "/usr/share/metainfo",
	"/usr/share/pixmaps", "/usr/share/menu", "/usr/share/gdb", "/usr/share/gcc", "/usr/share/apport", "/usr/share/pkgconfig", "/usr/lib/pkgconfig", "/usr/include", "/usr/src",
	"/usr/share/cmake", "/usr/lib/cmake", "/usr/share/aclocal", "/usr/share/gir-1.0", "/usr/share/perl5", "/usr/share/python3", "/usr/share/debconf", "/usr/share/initramfs-tools",
	"/etc/init.d", "/etc/logrotate.d", "/etc/cron.d", "/etc/cron.daily", "/etc/cron.hourly", "/etc/cron.weekly", "/etc/cron.monthly", "/etc/skel", "/etc/pam.d", "/etc/apk",
	"/etc/systemd", "/lib/systemd", "/usr/lib/systemd", "/usr/lib/tmpfiles.d", "/usr/lib/sysusers.d", "/lib/udev", "/usr/lib/udev",
	"/usr/lib/node_modules/npm", "/usr/lib/node_modules/corepack", // of nodesource.com; they come when something runs them
	"/etc/ufw", "/etc/apparmor.d", "/etc/bash_completion.d", "/etc/default", "/etc/network", "/etc/dhcp", "/etc/rc.d",
	// of distributions with rpm (Fedora 42, openSUSE 15.6; 2026-11)
	"/usr/lib/.build-id", "/usr/lib/debug", "/usr/lib/rpm", "/usr/lib/sysimage", "/usr/lib64/pkgconfig", "/usr/lib64/cmake", "/usr/share/augeas", "/usr/share/selinux", "/etc/selinux", "/etc/sysconfig", "/etc/dnf", "/etc/yum", "/etc/yum.repos.d", "/etc/zypp",
}

// tools are directories that many packages put files into for one program, and
// which are data where that program's own packages bring them.
var tools = map[string]string{"/usr/share/vim/": "vim", "/usr/share/zsh/": "zsh", "/usr/share/fish/": "fish", "/usr/share/gdb/": "gdb"}

// isDataOf is IsData for a file of a package.
func isDataOf(pkg, name string) bool {
	for dir, tool := range tools {
		if strings.HasPrefix(name, dir) {
			return pkg == tool || strings.HasPrefix(pkg, tool+"-")
		}
	}
	return IsData(name)
}

// ProgramDirs hold programs, which are carried when something runs them.
var ProgramDirs = []string{"/bin", "/sbin", "/usr/bin", "/usr/sbin", "/usr/local/bin", "/usr/local/sbin", "/usr/games"}

// libraryDir matches the directories in which the loader looks by itself
// (ld.so(8); Debian's multiarch paths).
var libraryDir = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^(/usr)?(/local)?/lib(32|64|x32)?(/[a-z0-9_]+-linux-[a-z0-9_]+)?$`)
})

// onLoaderPath reports whether a file is a library that the loader finds by its
// name alone.
func onLoaderPath(name string) bool {
	dir := path.Dir(name)
	if i := strings.Index(dir, "/glibc-hwcaps"); i >= 0 {
		dir = dir[:i]
	}
	return strings.Contains(path.Base(name), ".so") && libraryDir().MatchString(dir)
}

// onPath reports whether a file is a program along PATH.
func onPath(name string) bool { return slices.Contains(ProgramDirs, path.Dir(name)) }

// IsData reports whether a file of a package may be read by a running program.
func IsData(name string) bool {
	switch path.Ext(name) {
	case ".a", ".pc", ".h":
		return false
	case ".la":
		// libtool opens a module by it (libltdl, lt_dlopen); beside a library
		// it is for linking.
		if libraryDir().MatchString(path.Dir(name)) {
			return false
		}
	}
	// The languages themselves say what they read of them.
	if slices.ContainsFunc([]string{"/usr/lib/python3", "/usr/lib/jvm/", "/usr/lib/php/", "/etc/php/", "/usr/lib/ruby/", "/usr/share/rubygems-integration/"}, func(dir string) bool { return strings.HasPrefix(name, dir) }) || strings.Contains(name, "-linux-gnu/ruby/") || strings.Contains(name, "/rubygems-integration/") {
		return false
	}
	return !onPath(name) && !slices.ContainsFunc(notData, func(dir string) bool { return name == dir || strings.HasPrefix(name, dir+"/") })
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

// Documentation reports whether a file is for people to read: manual pages and
// the like.
func Documentation(name string) bool {
	return slices.ContainsFunc([]string{"/usr/share/man/", "/usr/share/doc/", "/usr/share/info/", "/usr/share/gtk-doc/"}, func(dir string) bool { return strings.HasPrefix(name, dir) })
}

// IsModuleDir reports whether a directory is one of modules: it lies below one
// of libraries, and is not one that other evidence decides about.
func IsModuleDir(dir string) bool {
	for at := path.Dir(dir); at != "/" && at != "."; at = path.Dir(at) {
		if libraryDir().MatchString(at) {
			rel := strings.TrimPrefix(dir, at+"/")
			first, _, _ := strings.Cut(rel, "/")
			return !libraryDir().MatchString(dir) && !slices.Contains([]string{"gconv", "locale", "terminfo", "ssl", "systemd", "udev", "debug", "pkgconfig", "cmake", "modules", "firmware", "apt", "dpkg", "perl", "perl5", "perl-base", "gcc", "gcc-cross", "bfd-plugins", "ldscripts", "git-core", "tmpfiles.d", "sysusers.d", "init", "lsb", "sysimage"}, first) &&
				!strings.HasPrefix(first, "python") && !strings.HasPrefix(first, "ruby") && !strings.HasPrefix(first, "jvm")
		}
	}
	return false
}
