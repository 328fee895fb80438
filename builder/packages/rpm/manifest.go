package rpm

import (
	"context"
	"fmt"
	"strings"

	"github.com/whittle-oci/whittle/builder/packages"
	"github.com/whittle-oci/whittle/builder/rootfs"
	"github.com/whittle-oci/whittle/builder/tree"
)

// manifest is what images without a package manager have in place of the
// database. The distroless images of Azure Linux introduced it, and Syft and
// Trivy read it.
const manifest = "/var/lib/rpmmanifest/container-manifest-2"

// A manifestLine is a package as the manifest has it.
type manifestLine struct{ name, version, release, epoch, built, vendor, size, arch, source string }

// none is what rpm prints for a value that is not there.
const none = "(none)"

// String gives the columns that rpm writes for --queryformat
// %{NAME} %{VERSION}-%{RELEASE} %{INSTALLTIME} %{BUILDTIME} %{VENDOR} %{EPOCH}
// %{SIZE} %{ARCH} %{EPOCHNUM} %{SOURCERPM}, with tabs between them. The time
// of the build stands for that of the installation, which would tell when an
// image was built and nothing else. Trivy reads nothing of a manifest in which
// a package has no source, so that one gets the name that its source would have.
func (m manifestLine) String() string {
	or := func(s, instead string) string {
		if s == "" {
			return instead
		}
		return strings.Join(strings.Fields(s), " ")
	}
	version := m.version + "-" + or(m.release, "0")
	columns := []string{
		m.name, version, or(m.built, "0"), or(m.built, "0"), or(m.vendor, none), or(m.epoch, none),
		or(m.size, "0"), or(m.arch, none), or(m.epoch, "0"), or(m.source, m.name+"-"+version+".src.rpm"),
	}
	return strings.Join(columns, "\t") + "\n"
}

// record makes the record of a package without its files.
func (m manifestLine) record() *packages.Record {
	r := &packages.Record{Package: packages.Package{Name: m.name, Version: m.version, Arch: m.arch, Origin: "rpm"}, Text: m.String(), SourceFile: m.source, System: isSystem(m.name)}
	if m.release != "" {
		r.Version += "-" + m.release
	}
	if m.epoch != "" {
		r.Epoch, r.Version = m.epoch, m.epoch+":"+r.Version
	}
	if source := sourceName(m.source); source != m.name {
		r.Source = source
	}
	return r
}

// sourceName takes version, release and ending off the name of a source package.
func sourceName(file string) string {
	for range 2 {
		i := strings.LastIndexByte(file, '-')
		if i < 0 {
			return ""
		}
		file = file[:i]
	}
	return file
}

// readManifest reads the packages of a manifest, none where there is no such
// file. Lines that cannot be understood are passed over.
func readManifest(ctx context.Context, t tree.Tree) ([]*packages.Record, error) {
	data, err := tree.ReadOptional(ctx, t, manifest, packages.MaxDatabase)
	if err != nil {
		return nil, fmt.Errorf("reading the package database: %w", err)
	}
	var out []*packages.Record
	for line := range strings.Lines(strings.ToValidUTF8(string(data), "\uFFFD")) {
		c := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		if len(c) < 10 || c[0] == "" || c[0] == signatureKey {
			continue
		}
		for i, v := range c {
			if v == none {
				c[i] = ""
			}
		}
		version, release, _ := strings.Cut(c[1], "-")
		if version == "" {
			continue
		}
		r := manifestLine{name: c[0], version: version, release: release, epoch: c[5], built: c[3], vendor: c[4], size: c[6], arch: c[7], source: c[9]}.record()
		r.Files, r.Checksums = []string{}, map[string]string{}
		out = append(out, r)
	}
	sortRecords(out)
	return out, nil
}

// Keep implements packages.Format: the manifest with the packages that are
// kept.
func (Format) Keep(_ context.Context, _ tree.Tree, kept []*packages.Record) ([]rootfs.File, error) {
	if len(kept) == 0 {
		return nil, nil
	}
	var text strings.Builder
	for _, r := range kept {
		text.WriteString(r.Text)
	}
	return []rootfs.File{{Path: manifest, Mode: 0o644, Data: []byte(text.String()), Reason: "records of the kept packages"}}, nil
}
