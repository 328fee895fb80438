package packages

import (
	"context"
	"fmt"
	"path"
	"slices"
	"strings"
)

func (d *DB) readApk(ctx context.Context) error {
	for _, name := range []string{"/lib/apk/db/installed", "/usr/lib/apk/db/installed"} {
		data, err := optional(ctx, d.t, name, maxStatus)
		if err != nil {
			return fmt.Errorf("reading the package database: %w", err)
		}
		if data != nil {
			d.records = append(d.records, parseInstalled(data)...)
			return nil
		}
	}
	return nil
}

// parseInstalled reads apk's database (apk-tools, doc/apk-installed.5): one
// paragraph a package, one letter a field.
func parseInstalled(data []byte) []*record {
	var out []*record
	for paragraph := range strings.SplitSeq(string(data), "\n\n") {
		r := &record{Package: Package{Origin: "apk"}, text: strings.Trim(paragraph, "\n") + "\n"}
		dir := "/"
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
				dir = path.Clean("/" + v)
				r.dirs = append(r.dirs, dir)
			case "R":
				r.files = append(r.files, path.Join(dir, v))
			}
		}
		r.system = slices.Contains(apkSystem, r.Name)
		if r.Name != "" && r.Version != "" {
			out = append(out, r)
		}
	}
	return out
}
