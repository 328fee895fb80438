package plan

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/whittle-oci/whittle/builder/elf"
	"github.com/whittle-oci/whittle/builder/rootfs"
	"github.com/whittle-oci/whittle/builder/tree"
)

// evidence is why the image needs a file that no program names: "" means that
// nothing asks for it.
type evidence struct {
	certificates, zones, users, temp string
	goProgram                        bool // a Go program asks for zones: it can read a zip
	openssl                          bool // OpenSSL is told where the bundle is
}

// set keeps the first reason, so that the order of programs decides.
func (evidence) set(field *string, reason string) {
	if *field == "" {
		*field = reason
	}
}

// note takes down what a program's headers show that it uses.
func (m *maker) note(real string, info *elf.Info) {
	if info == nil {
		return
	}
	ev := info.Evidence()
	for _, f := range []struct {
		field  *string
		reason string
	}{
		{&m.evidence.certificates, ev.Certificates},
		{&m.evidence.zones, ev.Zones},
		{&m.evidence.users, ev.Users},
		{&m.evidence.users, ev.Groups},
		{&m.evidence.temp, ev.Temp},
	} {
		if f.reason != "" {
			m.evidence.set(f.field, real+" "+f.reason)
		}
	}
	if ev.Shell != "" && m.plan.Shell == "" && !slices.Contains(m.shellWanted, real) {
		m.shellWanted = append(m.shellWanted, real)
		m.shellReason = ev.Shell
	}
	if info.Go != nil {
		m.evidence.goProgram = m.evidence.goProgram || ev.Zones != ""
		m.modules(real, info)
	}
}

// modules takes down the Go modules of a program.
func (m *maker) modules(real string, info *elf.Info) {
	if info.Go.BuildInfo == nil {
		return
	}
	add := func(p, v, sum string) {
		m.plan.Modules = append(m.plan.Modules, Module{Path: p, Version: v, Sum: sum, Program: real})
	}
	add("stdlib", strings.TrimPrefix(info.Go.Version, "go"), "")
	if bi := info.Go.BuildInfo; bi.Main.Path != "" {
		add(bi.Main.Path, bi.Main.Version, bi.Main.Sum)
	}
	for _, d := range info.Go.BuildInfo.Deps {
		if d.Replace != nil {
			d = d.Replace
		}
		add(d.Path, d.Version, d.Sum)
	}
}

// noteLibraries takes down what the libraries of a program show.
func (m *maker) noteLibraries(deps []elf.Dependency) {
	for _, d := range deps {
		base := path.Base(d.Real)
		if strings.HasPrefix(base, "libssl.so") || strings.HasPrefix(base, "libgnutls.so") {
			m.evidence.set(&m.evidence.certificates, d.NeededBy+" uses "+base)
			m.evidence.openssl = m.evidence.openssl || strings.HasPrefix(base, "libssl")
		}
	}
}

// evidenced adds what the evidence asks for.
func (m *maker) evidenced(ctx context.Context) error {
	if m.opts.NoEvidence {
		return nil
	}
	for _, step := range []func(context.Context) error{m.popenShell, m.certificates, m.zones} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	named := m.user.account != nil && m.user.account.Name != nonrootName && !m.user.root
	switch {
	case m.evidence.users != "":
		m.addAccounts(m.evidence.users)
	case named:
		m.addAccounts("USER names " + m.user.account.Name)
	}
	if m.evidence.temp != "" {
		m.add(rootfs.File{Path: "/tmp", Mode: fs.ModeDir | fs.ModeSticky | 0o777, Reason: m.evidence.temp})
	}
	return nil
}

// popenShell carries /bin/sh for programs that call system(3) or popen(3).
func (m *maker) popenShell(ctx context.Context) error {
	if len(m.shellWanted) == 0 || m.plan.Shell != "" {
		return nil
	}
	who := m.shellWanted[0]
	if m.opts.NoShell {
		return &RefusedError{Message: fmt.Sprintf("%s %s, and no-shell is set", who, m.shellReason), Hint: "call the command directly, without a shell"}
	}
	if _, err := tree.Resolve(ctx, m.t, "/bin/sh"); errors.Is(err, fs.ErrNotExist) {
		m.warn("", fmt.Sprintf("%s %s, and the built image has no /bin/sh", who, m.shellReason), "")
		return nil
	}
	if err := m.program(ctx, executable{name: "/bin/sh", reason: who + " " + m.shellReason}); err != nil {
		return err
	}
	m.plan.Shell = "/bin/sh"
	m.warn("", fmt.Sprintf("%s %s, so the image has a shell", who, m.shellReason), "include: the commands it runs")
	return nil
}

// bundles are where distributions keep the roots in one file, in the order in
// which Go's crypto/x509 looks.
var bundles = []string{
	"/etc/ssl/certs/ca-certificates.crt",
	"/etc/pki/tls/certs/ca-bundle.crt",
	"/etc/ssl/ca-bundle.pem",
	"/etc/pki/tls/cacert.pem",
	"/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
	"/etc/ssl/cert.pem",
}

// certificates carries the built image's own bundle, where it has one. A
// builder stage's is never taken: it may hold an interception authority.
func (m *maker) certificates(ctx context.Context) error {
	named := m.env("SSL_CERT_FILE")
	if m.evidence.certificates == "" && named == "" {
		return nil
	}
	reason := orDefault(m.evidence.certificates, "SSL_CERT_FILE names it")
	for _, name := range append([]string{named}, bundles...) {
		if name == "" {
			continue
		}
		res, err := tree.Resolve(ctx, m.t, name)
		if errors.Is(err, fs.ErrNotExist) || err == nil && (!res.Entry.IsRegular() || res.Entry.Size == 0) {
			continue
		}
		if err != nil {
			return err
		}
		_, e, err := m.carry(ctx, name, reason)
		if err != nil {
			return err
		}
		e.Mode = 0o444
		m.certificateFile(name)
		return nil
	}
	pem, left := rootfs.Certificates()
	m.add(rootfs.File{Path: bundles[0], Mode: 0o444, Data: pem, Reason: reason + "; Mozilla's roots, as the built image has none"})
	for _, l := range left {
		m.plan.Left = append(m.plan.Left, Left{Path: bundles[0], Why: "a root with a constraint that a bundle cannot express: " + l})
	}
	m.certificateFile(bundles[0])
	return nil
}

// certificateFile tells OpenSSL where the bundle is: by itself it looks for a
// directory of hashed links.
func (m *maker) certificateFile(name string) {
	if !m.evidence.openssl || m.env("SSL_CERT_FILE") != "" {
		return
	}
	m.config.Env = append(m.config.Env, "SSL_CERT_FILE="+name)
	m.change("environment", "SSL_CERT_FILE", "", name, "OpenSSL looks elsewhere by itself")
}

const zoneinfo = "/usr/share/zoneinfo"

// zones carries the zone files of the built image. Where it has none, Go's own
// archive does for Go programs; others had none before either.
func (m *maker) zones(ctx context.Context) error {
	if m.evidence.zones == "" {
		return nil
	}
	if res, err := tree.Resolve(ctx, m.t, "/etc/localtime"); err == nil && res.Entry.IsRegular() {
		if _, _, err := m.carry(ctx, "/etc/localtime", m.evidence.zones); err != nil {
			return err
		}
	}
	res, err := tree.Resolve(ctx, m.t, zoneinfo)
	if err == nil && res.Entry.IsDir() {
		return m.zoneFiles(ctx, res.Path)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if !m.evidence.goProgram || m.env("ZONEINFO") != "" {
		return nil
	}
	const archive = "/usr/share/zoneinfo.zip"
	m.add(rootfs.File{Path: archive, Mode: 0o444, Data: rootfs.ZoneinfoZip(), Reason: m.evidence.zones})
	m.config.Env = append(m.config.Env, "ZONEINFO="+archive)
	m.change("environment", "ZONEINFO", "", archive, "the built image has no zone files")
	return nil
}

// zoneFiles carries the zones, without the variants that count leap seconds
// and the ones that say the same again.
func (m *maker) zoneFiles(ctx context.Context, root string) error {
	if root != zoneinfo {
		if _, _, err := m.carry(ctx, zoneinfo, m.evidence.zones); err != nil {
			return err
		}
	}
	w := &walked{}
	m.walked[root] = w
	return tree.Walk(ctx, m.t, root, func(p string, e tree.Entry) error {
		rel := strings.TrimPrefix(p, root+"/")
		if rel == "right" || rel == "posix" {
			w.skipped = append(w.skipped, p)
			return tree.SkipDir
		}
		if e.IsDir() {
			w.dirs = append(w.dirs, p)
			m.place(p, e, m.evidence.zones)
			return nil
		}
		w.seen = append(w.seen, p)
		m.place(p, e, m.evidence.zones)
		return nil
	})
}
