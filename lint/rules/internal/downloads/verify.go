package downloads

import (
	"net/url"
	"path"
	"slices"
	"strings"

	"github.com/whittle-oci/whittle/lint/dockerfile"
)

// Verified reports whether the RUN of a download, or a later one of its stage,
// compares a checksum or a signature.
func Verified(f *dockerfile.File, d Download) bool {
	last := f.Derived(lastKey{}, func() any { return lastVerified(f) }).(map[int]int)
	at, ok := last[d.In.Stage]
	return ok && at >= d.In.Index
}

type lastKey struct{}

// lastVerified gives the index of the last RUN of each stage that compares a
// checksum or a signature.
func lastVerified(f *dockerfile.File) map[int]int {
	out := map[int]int{}
	for _, in := range f.Instructions {
		if in.Keyword == "run" && slices.ContainsFunc(f.Commands(in), verifies) {
			out[in.Stage] = in.Index
		}
	}
	return out
}

func verifies(c dockerfile.Command) bool {
	switch c.Name {
	case "sha1sum", "sha224sum", "sha256sum", "sha384sum", "sha512sum", "b2sum", "shasum", "md5sum", "gpgv", "gpgv2", "minisign", "signify", "slsa-verifier", "cosign", "rhash":
		return true
	case "gpg", "gpg2":
		return c.HasFlag("--verify", "--verify-files", "--decrypt", "-d")
	case "openssl":
		return c.Has("dgst", "-verify", "cms", "smime", "sha256")
	case "rpm", "rpmkeys":
		return c.HasFlag("-K", "--checksig")
	case "apk":
		return c.Has("verify")
	case "gh":
		return c.Has("attestation")
	case "busybox":
		return c.Has("sha256sum", "sha512sum", "sha1sum")
	}
	return false
}

// Checks reports whether an address is that of a signature, a key or a list of
// checksums: what others are checked with.
func Checks(address string) bool {
	u, err := url.Parse(address)
	if err != nil {
		return false
	}
	base := strings.ToLower(path.Base(u.Path))
	for _, end := range []string{".asc", ".gpg", ".sig", ".sign", ".key", ".pub", ".pem", ".crt", ".cer", ".sha1", ".sha256", ".sha256sum", ".sha512", ".sha512sum", ".md5", ".minisig", ".sigstore", ".bundle", "sha256sums", "sha512sums", "sha256sum.txt", "sha256sums.txt", "sha512sums.txt", "checksums.txt", "checksums.sha256", "keys", "gpg", ".sha", ".list", ".repo"} {
		if strings.HasSuffix(base, end) {
			return true
		}
	}
	return strings.Contains(u.Host, "keyserver") || strings.Contains(strings.ToLower(u.Path), "gpg")
}

// Local reports whether an address is the machine itself.
func Local(address string) bool {
	u, err := url.Parse(address)
	if err != nil {
		return false
	}
	host := u.Hostname()
	return host == "localhost" || strings.HasPrefix(host, "127.") || host == "::1" || host == "0.0.0.0" || host == "host.docker.internal" || host == "169.254.169.254"
}

// Latest says in what way an address gives something else every time, "" when
// it does not as far as it shows.
func Latest(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	parts := strings.Split(strings.Trim(u.Path, "/"), "/")
	host := strings.TrimPrefix(u.Host, "www.")
	if (host == "raw.githubusercontent.com" || host == "raw.github.com") && len(parts) > 3 {
		branch := parts[2]
		if branch == "refs" && parts[3] == "heads" && len(parts) > 4 {
			branch = parts[4]
		}
		if moving(branch) {
			return "is whatever the branch " + branch + " holds"
		}
	}
	for i, p := range parts {
		switch {
		case (p == "archive" || p == "raw" || p == "tarball" || p == "zipball" || p == "blob") && i+1 < len(parts):
			branch := parts[i+1]
			if branch == "refs" && i+3 < len(parts) && parts[i+2] == "heads" {
				branch = parts[i+3]
			}
			if branch = strings.TrimSuffix(strings.TrimSuffix(branch, ".zip"), ".tar.gz"); moving(branch) {
				return "is whatever the branch " + branch + " holds"
			}
		case p == "latest" || strings.HasPrefix(p, "latest.") || strings.HasPrefix(p, "latest-") || strings.HasSuffix(p, "-latest.tar.gz") || strings.HasSuffix(p, "-latest.zip") || strings.HasSuffix(p, "-latest.tgz"):
			return "is whatever was released last"
		}
	}
	return ""
}

// moving are names that branches have.
func moving(branch string) bool {
	return slices.Contains([]string{"master", "main", "HEAD", "develop", "dev", "trunk", "next", "nightly", "stable"}, branch)
}

// Commit reports whether a git revision names a commit.
func Commit(revision string) bool {
	return len(revision) >= 7 && len(revision) <= 64 && strings.Trim(strings.ToLower(revision), "0123456789abcdef") == "" && strings.Trim(revision, "0123456789") != ""
}
