package packages

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
)

// apkDatabases are where apk keeps its database, before and since the merge of
// /usr.
var apkDatabases = []string{"/lib/apk/db/installed", "/usr/lib/apk/db/installed"}

// apkWorld lists the packages that were asked for.
const apkWorld = "/etc/apk/world"

func (d *DB) readApk(ctx context.Context) error {
	for _, name := range apkDatabases {
		data, err := optional(ctx, d.t, name, maxStatus)
		if err != nil {
			return fmt.Errorf("reading the package database: %w", err)
		}
		if data != nil {
			d.apk = name
			d.records = append(d.records, parseInstalled(data)...)
			return nil
		}
	}
	return nil
}

// parseInstalled reads apk's database (apk-tools, doc/apk-installed.5): one
// paragraph a package, one letter a field. After the fields of the package
// come F, a directory, and after it R, a file in it, with Z, the file's
// checksum.
func parseInstalled(data []byte) []*record {
	var out []*record
	for paragraph := range strings.SplitSeq(string(data), "\n\n") {
		r := &record{Package: Package{Origin: "apk"}, text: strings.Trim(paragraph, "\n") + "\n", checksums: map[string]string{}}
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
			case "F":
				dir, file = path.Clean("/"+v), ""
				r.dirs = append(r.dirs, dir)
			case "R":
				file = path.Join(dir, v)
				r.files = append(r.files, file)
			case "Z":
				if file != "" {
					r.checksums[file] = v
				}
			}
		}
		if r.Source == r.Name {
			r.Source = ""
		}
		r.system = slices.Contains(apkSystem, r.Name)
		if r.Name != "" && r.Version != "" {
			out = append(out, r)
		}
	}
	return out
}

// apkSum reports whether content has the checksum that apk wrote: an encoding,
// Q for base64 or X for hexadecimal, and a kind, 1 for SHA-1 or 2 for SHA-256
// (apk-tools, apk_blob_pull_digest in src/blob.c). apk 3 also writes SHA-256
// where 2 expects SHA-1: its first 20 bytes, alone or followed by the encoded
// rest. Very old databases have MD5 in hexadecimal alone. A sum of a form that
// is not known agrees with nothing.
func apkSum(sum string, content []byte) bool {
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
