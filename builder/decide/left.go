package decide

import (
	"context"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/whittle-oci/whittle/builder/need"
	"github.com/whittle-oci/whittle/builder/tree"
)

const (
	whyPackages = "is kept by the package manager"
	whyCompiler = "is a compiler's cache"
	whyInit     = "belongs to an init system"
	whyLeftover = "is what a tool left over"
)

// systemCommands are the directories of the distribution's own commands.
var systemCommands = []string{"/bin", "/sbin", "/usr/bin", "/usr/sbin"}

// cacheDirs are the caches at fixed places, and what package managers and their
// scripts keep for themselves (Debian 12, Alpine 3.20, Fedora 40; 2026-11).
// What else lies beside them, a Dockerfile put there.
var cacheDirs = map[string]string{
	"/var/lib/dpkg": whyPackages, "/var/lib/apt": whyPackages, "/var/lib/ucf": whyPackages, "/etc/apt": whyPackages,
	"/var/lib/pam/account": whyPackages, "/var/lib/pam/auth": whyPackages, "/var/lib/pam/password": whyPackages, "/var/lib/pam/seen": whyPackages, "/var/lib/pam/session": whyPackages, "/var/lib/pam/session-noninteractive": whyPackages,
	"/var/lib/systemd/deb-systemd-helper-enabled": whyPackages, "/var/lib/systemd/deb-systemd-helper-masked": whyPackages, "/var/lib/systemd/deb-systemd-user-helper-enabled": whyPackages, "/var/lib/systemd/catalog": whyPackages,
	"/var/lib/rpm": whyPackages, "/var/lib/dnf": whyPackages, "/var/lib/yum": whyPackages, "/usr/lib/sysimage": whyPackages,
	"/var/lib/apk": whyPackages, "/lib/apk": whyPackages, "/usr/lib/apk": whyPackages, "/etc/apk/world": whyPackages, "/etc/apk/arch": whyPackages, "/etc/apk/keys": whyPackages, "/etc/apk/repositories": whyPackages,
	"/usr/share/python3": whyPackages, "/var/lib/php/modules": whyPackages, "/etc/ld.so.cache": whyPackages, "/etc/.pwd.lock": whyPackages,
	"/usr/local/cargo/registry": whyCompiler, "/usr/local/cargo/git": whyCompiler,
}

// cachesIn are the caches and leftovers among what programs keep in the same
// directory.
var cachesIn = map[string]struct {
	names []string
	why   string
}{
	"/var/cache": {[]string{"apt", "apk", "debconf", "dnf", "yum", "libdnf5", "ldconfig", "man", "fontconfig", "dictionaries-common", "swcatalog"}, whyPackages},
	"/var/log":   {[]string{"apt", "dpkg.log", "alternatives.log", "bootstrap.log", "fontconfig.log", "apk.log", "dnf.log", "dnf.librepo.log", "dnf.rpm.log", "hawkey.log", "yum.log", "faillog", "lastlog", "btmp", "wtmp", "journal"}, "is a log of the build"},
	"/run":       {[]string{"adduser", "systemd", "utmp"}, whyLeftover},
	"/tmp":       {[]string{"go-build*", "go-link-*", "npm-*", "yarn--*", "v8-compile-cache*", "node-compile-cache", "pip-*", "hsperfdata_*", "cargo-install*", "rustc*", "apt-dpkg-install-*", "apt.conf.*", "apt-key-gpghome.*", ".X11-unix", ".ICE-unix"}, whyLeftover},
}

// homeCaches are the caches in a home directory, relative to it.
var homeCaches = []string{".cache", ".npm", ".cargo/registry", ".cargo/git", ".m2", ".gradle", ".nuget", ".yarn", ".bundle/cache", ".config/go", "go/pkg", ".wget-hsts", ".bash_history", ".ash_history"}

// cacheRoots are the caches of this image: fixed ones, those in home
// directories, those that variables name.
func cacheRoots(ctx context.Context, env *need.Env, in Input) (map[string]string, error) {
	roots := maps.Clone(cacheDirs)
	home, _ := env.Getenv("HOME")
	homes := []string{"/root", home}
	known, err := accountsOf(ctx, in.Tree)
	if err != nil {
		return nil, err
	}
	if id, err := lookupUser(in.Config.User, known); err == nil && id.account != nil {
		homes = append(homes, id.account.Home)
	}
	for _, h := range homes {
		if !path.IsAbs(h) || path.Clean(h) == "/" {
			continue
		}
		for _, c := range homeCaches {
			roots[path.Join(h, c)] = whyCompiler
		}
	}
	for name, below := range map[string][]string{
		"GOPATH": {"pkg"}, "GOCACHE": {""}, "GOMODCACHE": {""}, "CARGO_HOME": {"registry", "git"},
		"npm_config_cache": {""}, "NPM_CONFIG_CACHE": {""}, "PIP_CACHE_DIR": {""}, "YARN_CACHE_FOLDER": {""},
	} {
		v, _ := env.Getenv(name)
		if !path.IsAbs(v) || path.Clean(v) == "/" {
			continue
		}
		for _, b := range below {
			roots[path.Join(v, b)] = whyCompiler
		}
	}
	return roots, nil
}

// skipped says why a changed path and everything below it stays behind, or "".
func (k *keeper) skipped(ctx context.Context, name string, e tree.Entry) string {
	if why, ok := k.caches[name]; ok {
		return why
	}
	dir, base := path.Split(name)
	dir = path.Clean(dir)
	if dir == "/var/tmp" {
		dir = "/tmp"
	}
	for _, pattern := range cachesIn[dir].names {
		if ok, _ := path.Match(pattern, base); ok {
			return cachesIn[dir].why
		}
	}
	switch {
	case k.application && base == "__pycache__":
		return whyCompiler
	case e.IsSymlink() && initLink(name):
		return whyInit
	case base == ".git" || base == ".hg" || base == ".svn":
		k.warn("COPY", name+" was left out: it is version control data", "add "+base+" to .dockerignore")
		return "is version control data"
	case slices.Contains(k.compiles, "go") && e.IsDir() && base == "vendor" && k.isVendor(ctx, name):
		return "is Go source"
	}
	return ""
}

// initLink reports whether a link starts a service of a machine, as packages
// make them when they are installed.
func initLink(name string) bool {
	if strings.HasPrefix(name, "/etc/systemd/") {
		return true
	}
	rc, ok := strings.CutPrefix(name, "/etc/rc")
	return ok && len(rc) > 3 && rc[1:4] == ".d/"
}

// isVendor tells a Go vendor directory from any other by the file that lists
// its modules.
func (k *keeper) isVendor(ctx context.Context, name string) bool {
	_, err := k.tree.Lstat(ctx, path.Join(name, "modules.txt"))
	return err == nil
}

// unwanted says why one changed file stays behind, or "".
func (k *keeper) unwanted(ctx context.Context, name string, e tree.Entry) (string, error) {
	base := path.Base(name)
	if slices.Contains(k.compiles, "go") && (path.Ext(base) == ".go" || slices.Contains([]string{"go.mod", "go.sum", "go.work", "go.work.sum"}, base)) {
		return "is Go source", nil
	}
	if slices.Contains([]string{".bashrc", ".bash_logout", ".profile"}, base) {
		same, err := k.fromSkeleton(ctx, name, e)
		if err != nil || same {
			return "is what every new account gets", err
		}
	}
	if describesBuild(base) && !slices.ContainsFunc(searchDirs, func(dir string) bool { return strings.Contains(name, "/"+dir+"/") }) {
		k.builds = append(k.builds, name)
		return "describes the build", nil
	}
	return "", nil
}

// describesBuild reports whether a file of that name tells how an image is
// made.
func describesBuild(base string) bool {
	lower := strings.ToLower(base)
	return lower == "dockerfile" || strings.HasPrefix(lower, "dockerfile.") || strings.HasSuffix(lower, ".dockerfile") || lower == "containerfile" ||
		slices.Contains([]string{".dockerignore", ".whittle.yaml"}, base) || strings.HasSuffix(lower, ".dockerignore")
}

// maxSkeleton is the largest file that is compared with a skeleton, in bytes.
const maxSkeleton = 1 << 20

// fromSkeleton reports whether a file came from /etc/skel, as useradd copies
// it, or is root's equivalent of that.
func (k *keeper) fromSkeleton(ctx context.Context, name string, e tree.Entry) (bool, error) {
	for _, origin := range []string{"/etc/skel/" + path.Base(name), "/usr/share/base-files/dot" + path.Base(name)} {
		theirs, err := tree.ReadOptional(ctx, k.env.Tree, origin, maxSkeleton)
		if err != nil || theirs == nil || int64(len(theirs)) != e.Size {
			continue // too large a file is nobody's skeleton
		}
		mine, err := tree.ReadFile(ctx, k.env.Tree, name, maxSkeleton)
		if err != nil {
			return false, err
		}
		if string(mine) == string(theirs) {
			return true, nil
		}
	}
	return false, nil
}
