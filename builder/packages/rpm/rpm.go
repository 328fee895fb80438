// Package rpm reads the databases of the RPM package manager, and keeps the
// records by which scanners find packages without it.
package rpm

import (
	"context"
	"crypto/md5"  //nolint:gosec // rpm's own checksums
	"crypto/sha1" //nolint:gosec // rpm's own checksums
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"errors"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/package-url/packageurl-go"

	"github.com/whittle-oci/whittle/builder/packages"
	"github.com/whittle-oci/whittle/builder/tree"
)

// A Format is rpm's database, in any of the forms that it has had: Berkeley
// DB, its own, and SQLite. Where there is none, it is the manifest of an image
// without a package manager.
type Format struct{}

// Origin implements packages.Format.
func (Format) Origin() string { return "rpm" }

// Type implements packages.Format.
func (Format) Type() string { return packageurl.TypeRPM }

// Read implements packages.Format. A database that is damaged or too large is
// an error of the type *packages.UnreadableError.
func (Format) Read(ctx context.Context, t tree.Tree) ([]*packages.Record, error) {
	var out []*packages.Record
	caps := capabilities{}
	paths := 0
	err := headers(ctx, t, func(h header) error {
		r, err := newRecord(h, &paths)
		if r == nil || err != nil {
			return err
		}
		out = append(out, r)
		return caps.add(h, r)
	})
	if err != nil {
		return nil, err
	}
	if len(out) == 0 {
		return readManifest(ctx, t)
	}
	sortRecords(out)
	caps.relate(out)
	return out, nil
}

// sortRecords puts packages in an order that does not depend on the form of the
// database, nor on when they were installed.
func sortRecords(list []*packages.Record) {
	slices.SortStableFunc(list, func(a, b *packages.Record) int {
		return strings.Compare(a.Name+"\x00"+a.Arch+"\x00"+a.Version, b.Name+"\x00"+b.Arch+"\x00"+b.Version)
	})
}

// signatureKey is what rpm calls the packages that hold keys of vendors.
const signatureKey = "gpg-pubkey"

// newRecord makes the record of a header, nil for what is no package. paths
// counts the bytes of the paths of all packages.
func newRecord(h header, paths *int) (*packages.Record, error) {
	var err error
	text := func(tag uint32) string {
		s, e := h.text(tag)
		err = errors.Join(err, e)
		return s
	}
	number := func(tag uint32) string {
		n, ok, e := h.number(tag)
		err = errors.Join(err, e)
		if !ok {
			return ""
		}
		return strconv.FormatUint(n, 10)
	}
	name, version, release, epoch := text(tagName), text(tagVersion), text(tagRelease), number(tagEpoch)
	size := number(tagLongSize)
	if size == "" {
		size = number(tagSize)
	}
	m := manifestLine{
		name: name, version: version, release: release, epoch: epoch, built: number(tagBuildTime),
		vendor: text(tagVendor), size: size, arch: text(tagArch), source: text(tagSourceRPM),
	}
	licence := text(tagLicense)
	if err != nil || name == "" || version == "" || name == signatureKey {
		return nil, err
	}
	if blank := func(s string) bool { return strings.ContainsFunc(s, unicode.IsSpace) }; slices.ContainsFunc([]string{name, version, release, m.arch, m.source}, blank) || strings.Contains(version+release, "-") {
		return nil, fmt.Errorf("%q is no name and version of a package", name+"-"+version+"-"+release)
	}
	r := m.record()
	if licence != "" {
		r.Licenses = []string{licence}
	}
	if err := addFiles(r, h, paths); err != nil {
		return nil, fmt.Errorf("the package %s: %w", name, err)
	}
	return r, nil
}

// Flags and states of files (rpm, include/rpm/rpmfiles.h).
const (
	flagConfig  = 1 << 0
	flagGhost   = 1 << 6
	flagLicense = 1 << 7

	stateReplaced   = 1 // another package has the path
	stateWrongColor = 4 // the package of another architecture has it
)

// ghost is the checksum of a file that a package lists and does not bring:
// whatever it holds, somebody else wrote it.
const ghost = "ghost"

// generated are directories whose ghosts the scripts of packages write.
var generated = []string{
	"/etc/pki/", "/etc/ssl/", "/etc/udev/", "/usr/lib/fontconfig/", "/usr/lib/locale/", "/usr/lib/sysimage/", "/usr/share/icons/", "/usr/share/mime/",
	"/var/cache/", "/var/lib/ca-certificates/", "/var/lib/rpm/", "/var/log/",
}

// addFiles lists the files of a package: directories, an index into them for
// each file, and names, or, in headers of RPM before 4, whole paths.
func addFiles(r *packages.Record, h header, paths *int) error {
	names, err := h.texts(tagBaseNames)
	if err != nil {
		return err
	}
	dirs, err := h.texts(tagDirNames)
	if err != nil {
		return err
	}
	index, err := h.numbers(tagDirIndexes)
	if err != nil {
		return err
	}
	if len(index) != len(names) {
		return fmt.Errorf("%d files have %d directories", len(names), len(index))
	}
	for i, n := range names {
		if index[i] >= uint64(len(dirs)) {
			return fmt.Errorf("the file %d is in no directory", i)
		}
		dir := dirs[index[i]]
		if err := countPath(paths, len(dir)+len(n)); err != nil {
			return err
		}
		names[i] = dir + n
	}
	if len(names) == 0 {
		if names, err = h.texts(tagOldFilenames); err != nil {
			return err
		}
		for _, n := range names {
			if err := countPath(paths, len(n)); err != nil {
				return err
			}
		}
	}
	flags, err := h.numbers(tagFileFlags)
	if err != nil {
		return err
	}
	states, err := h.numbers(tagFileStates)
	if err != nil {
		return err
	}
	digests, err := h.texts(tagFileDigests)
	if err != nil {
		return err
	}
	r.Files, r.Checksums, r.Conffiles = make([]string, 0, len(names)), map[string]string{}, map[string]string{}
	for i, n := range names {
		if i < len(states) && (states[i] == stateReplaced || states[i] == stateWrongColor) {
			continue
		}
		n = path.Clean("/" + n)
		r.Files = append(r.Files, n)
		sum, flag := "", uint64(0)
		if i < len(digests) {
			sum = digests[i]
		}
		if i < len(flags) {
			flag = flags[i]
		}
		if flag&flagGhost != 0 && !slices.ContainsFunc(generated, func(dir string) bool { return strings.HasPrefix(n, dir) }) {
			sum = ghost
		}
		if sum != "" {
			r.Checksums[n] = sum
			if flag&flagConfig != 0 || sum == ghost {
				r.Conffiles[n] = sum
			}
		}
		if flag&flagLicense != 0 {
			r.Licences = append(r.Licences, n)
		}
	}
	return nil
}

// countPath adds a path of so many bytes to those of all packages.
func countPath(paths *int, n int) error {
	if *paths += n + perPath; n > maxPath || *paths > maxPaths {
		return errors.New("the paths of its files are too long")
	}
	return nil
}

// List implements packages.Format: the database has the files itself.
func (Format) List(_ context.Context, _ tree.Tree, r *packages.Record) ([]string, error) {
	return r.Files, nil
}

// Sums implements packages.Format: the database has the checksums itself.
func (Format) Sums(_ context.Context, _ tree.Tree, r *packages.Record) (map[string]string, error) {
	return r.Checksums, nil
}

// Matches implements packages.Format. A header says once which algorithm its
// checksums are of, and their lengths say it as well. A sum of a form that is
// not known agrees with nothing.
func (Format) Matches(sum string, content []byte) bool {
	var have []byte
	switch len(sum) {
	case len(ghost):
		return sum == ghost && len(content) == 0
	case 2 * md5.Size:
		s := md5.Sum(content) //nolint:gosec // rpm's own checksum
		have = s[:]
	case 2 * sha1.Size:
		s := sha1.Sum(content) //nolint:gosec // rpm's own checksum
		have = s[:]
	case 2 * sha256.Size224:
		s := sha256.Sum224(content)
		have = s[:]
	case 2 * sha256.Size:
		s := sha256.Sum256(content)
		have = s[:]
	case 2 * sha512.Size384:
		s := sha512.Sum384(content)
		have = s[:]
	case 2 * sha512.Size:
		s := sha512.Sum512(content)
		have = s[:]
	default:
		return false
	}
	return strings.EqualFold(hex.EncodeToString(have), sum)
}

// Edits implements packages.Format: the files that a package calls its
// configuration, and those that it does not bring.
func (Format) Edits(r *packages.Record, name string) bool { return r.Conffiles[name] != "" }

// system are the packages of a distribution itself, without which there is no
// installation (Fedora 42, RHEL 7 to 10, Amazon Linux 2023, openSUSE 15.6, Azure
// Linux 3; 2026-11). Package managers are not among them: they depend on
// libraries whose data and modules programs need as well.
var system = []string{
	"aaa_base", "alternatives", "basesystem", "bash", "coreutils", "coreutils-common", "coreutils-single", "crypto-policies", "filesystem", "filesystem-asc",
	"glibc", "glibc-common", "glibc-minimal-langpack", "libgcc", "libgcc_s1", "setup", "system-user-root",
}

// isSystem reports whether a package is a part of the distribution itself.
func isSystem(name string) bool {
	for _, suffix := range []string{"-release", "-release-common", "-release-container", "-repos", "-gpg-keys"} {
		if strings.HasSuffix(name, suffix) {
			return true
		}
	}
	return slices.Contains(system, name)
}

// Licences implements packages.Format: the files that a package calls its
// licence.
func (Format) Licences(r *packages.Record) []string { return r.Licences }
