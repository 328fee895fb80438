package packages

import (
	"context"
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
// come F, a directory, and after it R, a file in it, with Z, the file's SHA-1
// in base64 behind "Q1".
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
				if sum, ok := strings.CutPrefix(v, "Q1"); ok && file != "" {
					r.checksums[file] = sum
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
