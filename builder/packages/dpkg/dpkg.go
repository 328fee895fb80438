// Package dpkg reads the database of Debian's package manager, and keeps the
// records by which scanners find packages without it.
package dpkg

import (
	"context"
	"crypto/md5" //nolint:gosec // dpkg's own checksums
	"encoding/hex"
	"fmt"
	"path"
	"strings"

	"github.com/package-url/packageurl-go"

	"github.com/whittle-oci/whittle/builder/packages"
	"github.com/whittle-oci/whittle/builder/rootfs"
	"github.com/whittle-oci/whittle/builder/tree"
)

// Where dpkg keeps its database. status.d is what distroless images have
// instead of the status file.
const (
	status  = "/var/lib/dpkg/status"
	statusD = "/var/lib/dpkg/status.d"
	info    = "/var/lib/dpkg/info"
)

// diversions lists the files that packages moved away (dpkg-divert(1)).
const diversions = "/var/lib/dpkg/diversions"

// states says which packages apt installed for others alone
// (apt-mark(8), extended_states).
const states = "/var/lib/apt/extended_states"

// A Format is dpkg's database (dpkg(1), FILES).
type Format struct{}

// Origin implements packages.Format.
func (Format) Origin() string { return "dpkg" }

// Type implements packages.Format.
func (Format) Type() string { return packageurl.TypeDebian }

// Read implements packages.Format.
func (Format) Read(ctx context.Context, t tree.Tree) ([]*packages.Record, error) {
	data, err := tree.ReadOptional(ctx, t, status, packages.MaxDatabase)
	if err != nil {
		return nil, fmt.Errorf("reading the package database: %w", err)
	}
	out := parseStatus(data)
	moved, err := tree.ReadOptional(ctx, t, diversions, packages.MaxList)
	if err != nil {
		return nil, fmt.Errorf("reading the package database: %w", err)
	}
	for i, list := 0, parseDiversions(moved); i < len(out) && len(list) > 0; i++ {
		out[i].Diversions = list
	}
	dir, err := tree.Resolve(ctx, t, statusD)
	if tree.Missing(err) || err == nil && !dir.Entry.IsDir() {
		return out, nil
	}
	var entries []tree.Entry
	if err == nil {
		entries, err = t.ReadDir(ctx, dir.Path)
	}
	if err != nil {
		return nil, fmt.Errorf("reading the package database: %w", err)
	}
	for _, e := range entries {
		if !e.IsRegular() || strings.HasSuffix(e.Name, ".md5sums") {
			continue
		}
		data, err := tree.ReadFile(ctx, t, path.Join(statusD, e.Name), packages.MaxList)
		if err != nil {
			return nil, fmt.Errorf("reading the package database: %w", err)
		}
		out = append(out, parseStatus(data)...)
	}
	return out, nil
}

// parseStatus reads paragraphs of a dpkg status file (deb-control(5), dpkg's
// status format). Packages that are not installed are left out, and so is what
// cannot be understood.
func parseStatus(data []byte) []*packages.Record {
	var out []*packages.Record
	for paragraph := range strings.SplitSeq(string(data), "\n\n") {
		paragraph = strings.Trim(paragraph, "\n")
		fields := paragraphFields(paragraph)
		if fields["Package"] == "" || fields["Version"] == "" {
			continue
		}
		if s, ok := fields["Status"]; ok && !strings.HasSuffix(s, " installed") {
			continue
		}
		r := &packages.Record{Package: packages.Package{Name: fields["Package"], Version: fields["Version"], Arch: fields["Architecture"], Origin: "dpkg"}}
		r.Source, _, _ = strings.Cut(fields["Source"], " ")
		r.System = fields["Essential"] == "yes" || fields["Priority"] == "required"
		r.Section = fields["Section"]
		r.Depends = append(parseRelations(fields["Pre-Depends"]), parseRelations(fields["Depends"])...)
		for _, provided := range parseRelations(fields["Provides"]) {
			r.Provides = append(r.Provides, provided...)
		}
		r.Text = paragraph + "\n"
		if fields["Status"] == "" {
			r.Text = "Package: " + r.Name + "\nStatus: install ok installed\n" + strings.TrimPrefix(r.Text, "Package: "+r.Name+"\n")
		}
		r.Conffiles = map[string]string{}
		for line := range strings.Lines(fields["Conffiles"]) {
			if f := strings.Fields(line); len(f) >= 2 {
				r.Conffiles[f[0]] = f[1]
			}
		}
		out = append(out, r)
	}
	return out
}

// parseRelations reads a list of dependencies (Debian Policy 7.1): commas
// between them, | between alternatives, and behind a name an architecture, a
// version, restrictions, none of which count here: what is installed was found
// to fit.
func parseRelations(list string) []packages.Relation {
	var out []packages.Relation
	for group := range strings.SplitSeq(list, ",") {
		var relation packages.Relation
		for alternative := range strings.SplitSeq(group, "|") {
			name := strings.TrimSpace(alternative)
			if i := strings.IndexAny(name, " \n\t(:[<"); i >= 0 {
				name = name[:i]
			}
			if name != "" {
				relation = append(relation, name)
			}
		}
		if len(relation) > 0 {
			out = append(out, relation)
		}
	}
	return out
}

// parseDiversions reads dpkg's list: a line each for the path, where it went,
// and the package whose file has the path now, ":" for none.
func parseDiversions(data []byte) []packages.Diversion {
	var out []packages.Diversion
	lines := strings.Split(strings.TrimSpace(string(data)), "\n")
	for ; len(lines) >= 3; lines = lines[3:] {
		d := packages.Diversion{From: lines[0], To: lines[1], By: strings.TrimPrefix(lines[2], ":")}
		if path.IsAbs(d.From) && path.IsAbs(d.To) {
			out = append(out, d)
		}
	}
	return out
}

// diverted gives the paths that files of a package have after diversions.
func diverted(r *packages.Record, files []string) []string {
	for _, d := range r.Diversions {
		if d.By == r.Name {
			continue
		}
		for i, f := range files {
			if f == d.From {
				files[i] = d.To
			}
		}
	}
	return files
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

// List implements packages.Format. Packages that may be installed for several
// architectures have their lists under NAME:ARCH.
func (Format) List(ctx context.Context, t tree.Tree, r *packages.Record) ([]string, error) {
	for _, name := range []string{r.Name, r.Name + ":" + r.Arch} {
		data, err := tree.ReadOptional(ctx, t, path.Join(info, name+".list"), packages.MaxList)
		if err != nil {
			return nil, fmt.Errorf("reading the files of %s: %w", r.Name, err)
		}
		if data != nil {
			return diverted(r, strings.Split(strings.TrimSpace(string(data)), "\n")), nil
		}
	}
	// distroless keeps sums only, with paths relative to the root.
	data, err := tree.ReadOptional(ctx, t, path.Join(statusD, r.Name+".md5sums"), packages.MaxList)
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

// Sums implements packages.Format.
func (Format) Sums(ctx context.Context, t tree.Tree, r *packages.Record) (map[string]string, error) {
	data, err := sums(ctx, t, r)
	if err != nil {
		return nil, err
	}
	out := map[string]string{}
	for line := range strings.Lines(string(data)) {
		if s, file, ok := strings.Cut(strings.TrimSpace(line), "  "); ok {
			out[path.Clean("/"+file)] = s
		}
	}
	return out, nil
}

// sums reads the checksums of a package's files, nil when there are none.
func sums(ctx context.Context, t tree.Tree, r *packages.Record) ([]byte, error) {
	for _, name := range []string{
		path.Join(info, r.Name+".md5sums"), path.Join(info, r.Name+":"+r.Arch+".md5sums"), path.Join(statusD, r.Name+".md5sums"),
	} {
		data, err := tree.ReadOptional(ctx, t, name, packages.MaxList)
		if data != nil || err != nil {
			return data, err
		}
	}
	return nil, nil
}

// Matches implements packages.Format: checksums are MD5 in hexadecimal.
func (Format) Matches(sum string, content []byte) bool {
	have := md5.Sum(content) //nolint:gosec // dpkg's own checksum
	return hex.EncodeToString(have[:]) == sum
}

// Edits implements packages.Format: the files that a package calls its
// configuration may be edited without getting a new time.
func (Format) Edits(r *packages.Record, name string) bool { return r.Conffiles[name] != "" }

// Asked implements packages.Format: apt marks what it installed for others.
func (Format) Asked(ctx context.Context, t tree.Tree) (func(packages.Package) bool, error) {
	data, err := tree.ReadOptional(ctx, t, states, packages.MaxDatabase)
	if err != nil {
		return nil, err
	}
	automatic := map[string]bool{}
	for paragraph := range strings.SplitSeq(string(data), "\n\n") {
		if f := paragraphFields(paragraph); f["Auto-Installed"] == "1" {
			automatic[f["Package"]] = true
		}
	}
	return func(p packages.Package) bool { return !automatic[p.Name] }, nil
}

// Keep implements packages.Format: one paragraph a package in status.d, as
// distroless images have them.
func (Format) Keep(ctx context.Context, t tree.Tree, kept []*packages.Record) ([]rootfs.File, error) {
	var out []rootfs.File
	taken := map[string]bool{}
	for _, r := range kept {
		reason := "record of the package " + r.Name
		name := path.Join(statusD, r.Name)
		if taken[name] {
			name += ":" + r.Arch // the same package for another architecture
		}
		taken[name] = true
		out = append(out, rootfs.File{Path: name, Mode: 0o644, Data: []byte(r.Text), Reason: reason})
		data, err := sums(ctx, t, r)
		if err != nil {
			return nil, err
		}
		if data != nil {
			out = append(out, rootfs.File{Path: name + ".md5sums", Mode: 0o644, Data: data, Reason: reason})
		}
	}
	return out, nil
}

// Licences implements packages.Format (Debian Policy 12.5).
func (Format) Licences(r *packages.Record) []string {
	return []string{"/usr/share/doc/" + r.Name + "/copyright"}
}
