package packages

import (
	"context"
	"crypto/md5" //nolint:gosec // dpkg's own checksums
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/whittle-oci/whittle/builder/tree"
)

// Where dpkg keeps its database. status.d is what distroless images have
// instead of the status file.
const (
	dpkgStatus  = "/var/lib/dpkg/status"
	dpkgStatusD = "/var/lib/dpkg/status.d"
	dpkgInfo    = "/var/lib/dpkg/info"
)

func (d *DB) readDpkg(ctx context.Context) error {
	data, err := optional(ctx, d.t, dpkgStatus, maxStatus)
	if err != nil {
		return fmt.Errorf("reading the package database: %w", err)
	}
	d.records = append(d.records, parseStatus(data)...)
	dir, err := tree.Resolve(ctx, d.t, dpkgStatusD)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, tree.ErrLoop) || err == nil && !dir.Entry.IsDir() {
		return nil
	}
	var entries []tree.Entry
	if err == nil {
		entries, err = d.t.ReadDir(ctx, dir.Path)
	}
	if err != nil {
		return fmt.Errorf("reading the package database: %w", err)
	}
	for _, e := range entries {
		if !e.IsRegular() || strings.HasSuffix(e.Name, ".md5sums") {
			continue
		}
		data, err := tree.ReadFile(ctx, d.t, path.Join(dpkgStatusD, e.Name), maxList)
		if err != nil {
			return fmt.Errorf("reading the package database: %w", err)
		}
		d.records = append(d.records, parseStatus(data)...)
	}
	return nil
}

// parseStatus reads paragraphs of a dpkg status file (deb-control(5), dpkg's
// status format). Packages that are not installed are left out, and so is what
// cannot be understood.
func parseStatus(data []byte) []*record {
	var out []*record
	for paragraph := range strings.SplitSeq(string(data), "\n\n") {
		paragraph = strings.Trim(paragraph, "\n")
		fields := paragraphFields(paragraph)
		if fields["Package"] == "" || fields["Version"] == "" {
			continue
		}
		if s, ok := fields["Status"]; ok && !strings.HasSuffix(s, " installed") {
			continue
		}
		r := &record{Package: Package{Name: fields["Package"], Version: fields["Version"], Arch: fields["Architecture"], Origin: "dpkg"}}
		r.Source, _, _ = strings.Cut(fields["Source"], " ")
		r.system = fields["Essential"] == "yes" || fields["Priority"] == "required"
		r.text = paragraph + "\n"
		if fields["Status"] == "" {
			r.text = "Package: " + r.Name + "\nStatus: install ok installed\n" + strings.TrimPrefix(r.text, "Package: "+r.Name+"\n")
		}
		r.conffiles = map[string]string{}
		for line := range strings.Lines(fields["Conffiles"]) {
			if f := strings.Fields(line); len(f) >= 2 {
				r.conffiles[f[0]] = f[1]
			}
		}
		out = append(out, r)
	}
	return out
}

// paragraphFields reads the fields of one paragraph; further lines of a field
// begin with a blank.
func paragraphFields(paragraph string) map[string]string {
	out := map[string]string{}
	last := ""
	for line := range strings.Lines(paragraph) {
		line = strings.TrimRight(line, "\r\n")
		if line == "" {
			continue
		}
		if line[0] == ' ' || line[0] == '\t' {
			if last != "" {
				out[last] += "\n" + line
			}
			continue
		}
		name, value, ok := strings.Cut(line, ":")
		if !ok {
			last = ""
			continue
		}
		last = name
		out[name] = strings.TrimSpace(value)
	}
	return out
}

// listers is how many file lists are read at a time: over a connection most of
// the time goes by waiting.
const listers = 8

// list reads which files the packages have.
func (d *DB) list(ctx context.Context, records []*record) error {
	eg, ctx := errgroup.WithContext(ctx)
	eg.SetLimit(listers)
	for _, r := range records {
		if r.files != nil {
			continue
		}
		eg.Go(func() error {
			files, err := d.dpkgFiles(ctx, r)
			r.files = files
			return err
		})
	}
	return eg.Wait()
}

// ownersOf gives the package of every listed path under all names that the
// path has. One that several packages list, as those of one name for two
// architectures do, is the first one's in the order of the database.
func ownersOf(records []*record) map[string]*record {
	owners := map[string]*record{}
	for _, r := range records {
		for _, f := range slices.Concat(r.files, r.dirs) {
			for _, n := range aliases(f) {
				if _, ok := owners[n]; !ok {
					owners[n] = r
				}
			}
		}
	}
	return owners
}

// dpkgFiles reads a package's list of files. Packages that may be installed
// for several architectures have theirs under NAME:ARCH.
func (d *DB) dpkgFiles(ctx context.Context, r *record) ([]string, error) {
	for _, name := range []string{r.Name, r.Name + ":" + r.Arch} {
		data, err := optional(ctx, d.t, path.Join(dpkgInfo, name+".list"), maxList)
		if err != nil {
			return nil, fmt.Errorf("reading the files of %s: %w", r.Name, err)
		}
		if data != nil {
			return strings.Split(strings.TrimSpace(string(data)), "\n"), nil
		}
	}
	// distroless keeps sums only, with paths relative to the root.
	data, err := optional(ctx, d.t, path.Join(dpkgStatusD, r.Name+".md5sums"), maxList)
	if err != nil {
		return nil, fmt.Errorf("reading the files of %s: %w", r.Name, err)
	}
	out := []string{}
	for line := range strings.Lines(string(data)) {
		if _, name, ok := strings.Cut(strings.TrimSpace(line), "  "); ok {
			out = append(out, path.Clean("/"+name))
		}
	}
	return out, nil
}

// sums reads the checksums of a package's files, nil when there are none.
func (d *DB) sums(ctx context.Context, r *record) ([]byte, error) {
	for _, name := range []string{
		path.Join(dpkgInfo, r.Name+".md5sums"), path.Join(dpkgInfo, r.Name+":"+r.Arch+".md5sums"), path.Join(dpkgStatusD, r.Name+".md5sums"),
	} {
		data, err := optional(ctx, d.t, name, maxList)
		if data != nil || err != nil {
			return data, err
		}
	}
	return nil, nil
}

// edited reports whether a file's content differs from what its package says.
// A file of which the package says nothing counts as the package's.
func (d *DB) edited(ctx context.Context, r *record, name string) (bool, error) {
	want, err := d.sum(ctx, r, name)
	if err != nil || want == "" {
		return false, err
	}
	data, err := optional(ctx, d.t, name, maxStatus)
	if err != nil || data == nil {
		return false, err
	}
	if r.Origin == "apk" {
		return !apkSum(want, data), nil
	}
	have := md5.Sum(data) //nolint:gosec // dpkg's own checksum
	return hex.EncodeToString(have[:]) != want, nil
}

// sum is the checksum that a package gives for one of its files, "" for none.
func (d *DB) sum(ctx context.Context, r *record, name string) (string, error) {
	if s, ok := r.conffiles[name]; ok {
		return s, nil
	}
	if r.checksums == nil {
		data, err := d.sums(ctx, r)
		if err != nil {
			return "", err
		}
		r.checksums = map[string]string{}
		for line := range strings.Lines(string(data)) {
			if s, file, ok := strings.Cut(strings.TrimSpace(line), "  "); ok {
				r.checksums[path.Clean("/"+file)] = s
			}
		}
	}
	for _, n := range aliases(name) {
		if s, ok := r.checksums[n]; ok {
			return s, nil
		}
	}
	return "", nil
}
