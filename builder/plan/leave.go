package plan

import (
	"bytes"
	"context"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/whittle-oci/whittle/builder/tree"
)

// pseudo are paths that a runtime mounts or writes; a build leaves stubs.
var pseudo = []string{"/dev", "/proc", "/sys", "/.dockerenv", "/etc/hosts", "/etc/resolv.conf", "/etc/hostname", "/etc/mtab", "/run/.containerenv"}

// A cacheRoot is a directory that holds what a tool can fetch or make again.
type cacheRoot struct{ dir, why string }

const (
	whyPackages = "is kept by the package manager"
	whyCompiler = "is a compiler's cache"
	whyTemp     = "is temporary"
	whyLog      = "is a log"
)

// cacheDirs are the caches at fixed places.
var cacheDirs = []cacheRoot{
	{"/var/lib/dpkg", whyPackages}, {"/var/lib/apt", whyPackages}, {"/var/cache", whyPackages},
	{"/var/lib/pam", whyPackages}, {"/var/lib/systemd", whyPackages}, {"/var/lib/ucf", whyPackages},
	{"/var/lib/rpm", whyPackages}, {"/var/lib/dnf", whyPackages}, {"/var/lib/yum", whyPackages}, {"/usr/lib/sysimage", whyPackages},
	{"/etc/alternatives", whyPackages}, {"/etc/ssl/certs", whyPackages}, {"/etc/ca-certificates", whyPackages},
	{"/etc/ca-certificates.conf", whyPackages}, {"/etc/ld.so.cache", whyPackages}, {"/etc/apt", whyPackages},
	{"/etc/systemd", whyPackages}, {"/etc/init.d", whyPackages}, {"/etc/pam.d", whyPackages}, {"/etc/.pwd.lock", whyPackages},
	{"/etc/rc0.d", whyPackages}, {"/etc/rc1.d", whyPackages}, {"/etc/rc2.d", whyPackages}, {"/etc/rc3.d", whyPackages},
	{"/etc/rc4.d", whyPackages}, {"/etc/rc5.d", whyPackages}, {"/etc/rc6.d", whyPackages}, {"/etc/rcS.d", whyPackages},
	{"/lib/apk", whyPackages}, {"/usr/lib/apk", whyPackages}, {"/etc/apk", whyPackages},
	{"/usr/share/doc", whyPackages}, {"/usr/share/man", whyPackages}, {"/usr/share/info", whyPackages}, {"/usr/share/mime", whyPackages},
	{"/tmp", whyTemp}, {"/var/tmp", whyTemp}, {"/var/log", whyLog}, {"/run", whyTemp},
	{"/usr/local/cargo/registry", whyCompiler}, {"/usr/local/cargo/git", whyCompiler},
}

// accountFiles are rewritten for the user that the image gets.
var accountFiles = []string{"/etc/passwd", "/etc/passwd-", "/etc/group", "/etc/group-", "/etc/shadow", "/etc/shadow-", "/etc/gshadow", "/etc/gshadow-", "/etc/subuid", "/etc/subuid-", "/etc/subgid", "/etc/subgid-"}

// homeCaches are the caches in a home directory, relative to it.
var homeCaches = []string{".cache", ".npm", ".cargo/registry", ".cargo/git", ".m2", ".gradle", ".nuget", ".yarn", ".bundle/cache", ".config/go", "go/pkg", ".wget-hsts", ".bash_history", ".ash_history"}

// cacheRoots are the caches of this image: fixed ones, those in home
// directories, those that variables name.
func (m *maker) cacheRoots() []cacheRoot {
	roots := slices.Clone(cacheDirs)
	homes := []string{"/root"}
	if h := m.env("HOME"); h != "" {
		homes = append(homes, h)
	}
	for _, h := range homes {
		for _, c := range homeCaches {
			roots = append(roots, cacheRoot{path.Join(h, c), whyCompiler})
		}
	}
	gopath := m.env("GOPATH")
	if gopath == "" {
		gopath = "/go"
	}
	roots = append(roots, cacheRoot{path.Join(gopath, "pkg"), whyCompiler})
	for _, name := range []string{"GOCACHE", "GOMODCACHE", "npm_config_cache", "NPM_CONFIG_CACHE", "PIP_CACHE_DIR", "YARN_CACHE_FOLDER"} {
		if v := m.env(name); path.IsAbs(v) {
			roots = append(roots, cacheRoot{path.Clean(v), whyCompiler})
		}
	}
	return roots
}

// skipped says why a changed path and everything below it stays behind, or "".
func (k *keeper) skipped(ctx context.Context, name string, e tree.Entry) string {
	for _, r := range k.roots {
		if name == r.dir {
			return r.why
		}
	}
	base := path.Base(name)
	switch {
	case base == ".git" || base == ".hg" || base == ".svn":
		k.warn("COPY", name+" was left out: it is version control data", "add "+base+" to .dockerignore")
		return "is version control data"
	case k.compiles("go") && e.IsDir() && base == "vendor" && k.isVendor(ctx, name):
		return "is Go source"
	}
	return ""
}

func (k *keeper) compiles(language string) bool { return slices.Contains(k.in.Compiles, language) }

// isVendor tells a Go vendor directory from any other by the file that lists
// its modules.
func (k *keeper) isVendor(ctx context.Context, name string) bool {
	_, err := k.in.Changed.Lstat(ctx, path.Join(name, "modules.txt"))
	return err == nil
}

// unwanted says why one changed file stays behind, or "".
func (k *keeper) unwanted(name string) string {
	base := path.Base(name)
	if k.compiles("go") {
		switch {
		case path.Ext(base) == ".go":
			return "is Go source"
		case slices.Contains([]string{"go.mod", "go.sum", "go.work", "go.work.sum"}, base):
			return "is Go source"
		}
	}
	if slices.Contains([]string{".bashrc", ".bash_logout", ".profile", ".bash_history", ".ash_history", ".wget-hsts"}, base) {
		return "belongs to a login shell"
	}
	lower := strings.ToLower(base)
	if lower == "dockerfile" || strings.HasPrefix(lower, "dockerfile.") || strings.HasSuffix(lower, ".dockerfile") || lower == "containerfile" || base == ".dockerignore" {
		return "describes the build"
	}
	return ""
}

// secret says why a changed file looks like a secret, or "". Names decide for
// .env files, content for keys.
func (k *keeper) secret(ctx context.Context, name string, e tree.Entry) (string, error) {
	base := path.Base(name)
	if base == ".env" || strings.HasPrefix(base, ".env.") && !slices.Contains([]string{".env.example", ".env.sample", ".env.template", ".env.dist"}, base) {
		return "is an environment file, which holds secrets as a rule", nil
	}
	if slices.Contains([]string{".npmrc", ".netrc", ".pypirc", ".git-credentials", ".dockercfg"}, base) {
		return "holds credentials as a rule", nil
	}
	if !keyName(base) || e.Size > 1<<20 {
		return "", nil
	}
	return k.privateKey(ctx, name)
}

// keyName reports whether a file of that name may be a private key.
func keyName(base string) bool {
	return strings.HasPrefix(base, "id_") || slices.Contains([]string{".pem", ".key", ".ppk"}, path.Ext(base))
}

func (m *maker) privateKey(ctx context.Context, name string) (string, error) {
	data, err := tree.ReadFile(ctx, m.t, name, 1<<20)
	if err != nil {
		return "", fmt.Errorf("looking for a private key: %w", err)
	}
	if bytes.Contains(data, []byte("PRIVATE KEY-----")) {
		return "is a private key", nil
	}
	return "", nil
}
