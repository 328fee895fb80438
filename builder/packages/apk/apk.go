// Package apk reads the database of Alpine's package manager, and keeps the
// records by which scanners find packages without it.
package apk

import (
	"bytes"
	"context"
	"crypto/md5"  //nolint:gosec // apk's own checksums
	"crypto/sha1" //nolint:gosec // apk's own checksums
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/package-url/packageurl-go"

	"github.com/whittle-oci/whittle/builder/packages"
	"github.com/whittle-oci/whittle/builder/rootfs"
	"github.com/whittle-oci/whittle/builder/tree"
)

// databases are where apk keeps its database, before and since the merge of
// /usr.
var databases = []string{"/lib/apk/db/installed", "/usr/lib/apk/db/installed"}

// world lists the packages that were asked for (apk-world(5)).
const world = "/etc/apk/world"

// A Format is apk's database.
type Format struct{}

// Origin implements packages.Format.
func (Format) Origin() string { return "apk" }

// Type implements packages.Format.
func (Format) Type() string { return packageurl.TypeApk }

// Read implements packages.Format.
func (Format) Read(ctx context.Context, t tree.Tree) ([]*packages.Record, error) {
	_, data, err := installed(ctx, t)
	return parseInstalled(data), err
}

// installed finds the database.
func installed(ctx context.Context, t tree.Tree) (name string, data []byte, err error) {
	for _, name := range databases {
		data, err := tree.ReadOptional(ctx, t, name, packages.MaxDatabase)
		if err != nil {
			return "", nil, fmt.Errorf("reading the package database: %w", err)
		}
		if data != nil {
			return name, data, nil
		}
	}
	return "", nil, nil
}

// parseInstalled reads apk's database (apk-tools, doc/apk-installed.5): one
// paragraph a package, one letter a field. After the fields of the package
// come F, a directory, and after it R, a file in it, with Z, the file's
// checksum.
func parseInstalled(data []byte) []*packages.Record {
	var out []*packages.Record
	for paragraph := range strings.SplitSeq(string(data), "\n\n") {
		r := &packages.Record{Package: packages.Package{Origin: "apk"}, Text: strings.Trim(paragraph, "\n") + "\n", Checksums: map[string]string{}}
		dir, file := "/", ""
		for line := range strings.Lines(paragraph) {
			field, v, ok := strings.Cut(strings.TrimRight(line, "\r\n"), ":")
			if !ok {
				continue
			}
			switch field {
			case "P":
				r.Name = v
			case "V":
				r.Version = v
			case "A":
				r.Arch = v
			case "o":
				r.Source = v
			case "L":
				r.Licenses = []string{v}
			case "D":
				for name := range strings.FieldsSeq(v) {
					if name = unversioned(name); !strings.HasPrefix(name, "!") { // a conflict
						r.Depends = append(r.Depends, packages.Relation{name})
					}
				}
			case "p":
				for name := range strings.FieldsSeq(v) {
					r.Provides = append(r.Provides, unversioned(name))
				}
			case "F":
				dir, file = path.Clean("/"+v), ""
				r.Dirs = append(r.Dirs, dir)
			case "R":
				file = path.Join(dir, v)
				r.Files = append(r.Files, file)
			case "Z":
				if file != "" {
					r.Checksums[file] = v
				}
			}
		}
		if r.Source == r.Name {
			r.Source = ""
		}
		r.System = slices.Contains(system, r.Name)
		if r.Name != "" && r.Version != "" {
			out = append(out, r)
		}
	}
	return out
}

// unversioned takes the version off a dependency (apk-world(5)).
func unversioned(name string) string {
	if i := strings.IndexAny(name, "<>=~"); i >= 0 {
		return name[:i]
	}
	return name
}

// system are Alpine's packages of the distribution itself (Alpine 3.20).
var system = []string{"busybox", "busybox-binsh", "ssl_client", "musl", "musl-utils", "alpine-baselayout", "alpine-baselayout-data", "alpine-keys", "alpine-release", "apk-tools", "scanelf", "libc-utils"}

// List implements packages.Format: the database has the files itself.
func (Format) List(_ context.Context, _ tree.Tree, r *packages.Record) ([]string, error) {
	return r.Files, nil
}

// Sums implements packages.Format: the database has the checksums itself.
func (Format) Sums(_ context.Context, _ tree.Tree, r *packages.Record) (map[string]string, error) {
	return r.Checksums, nil
}

// Matches implements packages.Format. apk writes checksums as an encoding,
// Q for base64 or X for hexadecimal, and a kind, 1 for SHA-1 or 2 for SHA-256
// (apk-tools, apk_blob_pull_digest in src/blob.c). apk 3 also writes SHA-256
// where 2 expects SHA-1: its first 20 bytes, alone or followed by the encoded
// rest. Very old databases have MD5 in hexadecimal alone. A sum of a form that
// is not known agrees with nothing.
func (Format) Matches(sum string, content []byte) bool {
	decode := hex.DecodeString
	switch {
	case strings.HasPrefix(sum, "Q1"), strings.HasPrefix(sum, "Q2"):
		decode = decodeParts
		sum = sum[2:]
	case strings.HasPrefix(sum, "X1"), strings.HasPrefix(sum, "X2"):
		sum = sum[2:]
	}
	want, err := decode(sum)
	if err != nil {
		return false
	}
	md, short, long := md5.Sum(content), sha1.Sum(content), sha256.Sum256(content) //nolint:gosec // apk's own checksums
	return bytes.Equal(want, md[:]) || bytes.Equal(want, short[:]) || bytes.Equal(want, long[:]) || bytes.Equal(want, long[:len(short)])
}

// decodeParts decodes base64 that may go on behind its padding.
func decodeParts(text string) ([]byte, error) {
	head, rest, more := strings.Cut(text, "=")
	if !more || strings.Trim(rest, "=") == "" {
		return base64.StdEncoding.DecodeString(text)
	}
	first, err := base64.RawStdEncoding.DecodeString(head)
	if err != nil {
		return nil, err
	}
	second, err := base64.StdEncoding.DecodeString(rest)
	return append(first, second...), err
}

// Edits implements packages.Format: apk has no list of configuration files, so
// all below /etc may be edited.
func (Format) Edits(_ *packages.Record, name string) bool { return strings.HasPrefix(name, "/etc/") }

// Asked implements packages.Format: what is in the world file.
func (Format) Asked(ctx context.Context, t tree.Tree) (func(packages.Package) bool, error) {
	data, err := tree.ReadOptional(ctx, t, world, packages.MaxList)
	if err != nil {
		return nil, err
	}
	var asked []string
	for w := range strings.FieldsSeq(string(data)) {
		name, _, _ := strings.Cut(w, "@")
		asked = append(asked, unversioned(name))
	}
	return func(p packages.Package) bool { return slices.Contains(asked, p.Name) }, nil
}

// Keep implements packages.Format: the database with the packages that are
// kept.
func (Format) Keep(ctx context.Context, t tree.Tree, kept []*packages.Record) ([]rootfs.File, error) {
	name, _, err := installed(ctx, t)
	if err != nil || len(kept) == 0 {
		return nil, err
	}
	var text strings.Builder
	for _, r := range kept {
		text.WriteString(r.Text + "\n")
	}
	return []rootfs.File{{Path: name, Mode: 0o644, Data: []byte(text.String()), Reason: "records of the kept packages"}}, nil
}

// Licences implements packages.Format: Alpine keeps no licence texts.
func (Format) Licences(*packages.Record) []string { return nil }
