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
	names                            string // accounts are looked up by name
	shell                            string // a program may run commands, which cannot be seen
	nsswitch                         string // a glibc that asks DNS before the hosts file by itself
	goProgram                        bool   // a Go program asks for zones: it can read a zip
	openssl                          bool   // OpenSSL is told where the bundle is
	files                            []dataFile
}

// dataFile is a table that a program reads: the first of its names that the
// tree has.
type dataFile struct {
	names  []string
	reason string
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
	if m.asks == "" {
		m.asks = info.Asks()
		if m.asks != "" {
			m.asks = real + " " + m.asks
		}
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
		{&m.evidence.names, ev.Names},
		{&m.evidence.temp, ev.Temp},
	} {
		if f.reason != "" {
			m.evidence.set(f.field, real+" "+f.reason)
		}
	}
	for _, f := range []struct {
		reason string
		names  []string
	}{
		{ev.MIME, []string{"/usr/local/share/mime/globs2", "/usr/share/mime/globs2", "/etc/mime.types"}},
		{ev.Services, []string{"/etc/services"}},
		{ev.Protocols, []string{"/etc/protocols"}},
	} {
		if f.reason != "" {
			m.evidence.files = append(m.evidence.files, dataFile{f.names, real + " " + f.reason})
		}
	}
	switch {
	case ev.Shell == "":
	case info.Unknown != "":
		m.evidence.set(&m.evidence.shell, real+" "+ev.Shell)
	case m.plan.Shell == "" && !slices.Contains(m.shellWanted, real):
		m.shellWanted = append(m.shellWanted, real)
		m.shellReason = ev.Shell
	}
	if info.Unknown != "" {
		m.warn("", fmt.Sprintf("%s %s, so what it needs cannot be seen: certificates, time zones, accounts, tables of /etc and /tmp are carried where the built image or whittle has them", real, info.Unknown), "include: what else it reads; or build it without that")
		m.evidence.goProgram = true
		m.evidence.openssl = m.evidence.openssl || info.Go == nil
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
		if strings.HasPrefix(base, "libnss_files") {
			m.evidence.set(&m.evidence.nsswitch, d.Reason)
		}
	}
}

// evidenced adds what the evidence asks for.
func (m *maker) evidenced(ctx context.Context) error {
	if m.opts.NoEvidence {
		return nil
	}
	for _, step := range []func(context.Context) error{m.popenShell, m.certificates, m.zones, m.dataFiles, m.identityFiles} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	if m.evidence.nsswitch != "" {
		if err := m.add(ctx, rootfs.File{Path: "/etc/nsswitch.conf", Mode: 0o644, Data: rootfs.Nsswitch(), Reason: m.evidence.nsswitch}); err != nil {
			return err
		}
	}
	if m.evidence.temp == "" {
		return nil
	}
	return m.add(ctx, rootfs.File{Path: "/tmp", Mode: fs.ModeDir | fs.ModeSticky | 0o777, Reason: m.evidence.temp})
}

// identityFiles adds passwd and group: where a program reads them, where the
// image's user has a name, and where the image got a user that the Dockerfile
// does not know, unless its programs cannot ask who they are.
func (m *maker) identityFiles(ctx context.Context) error {
	switch {
	case m.user.root && m.evidence.users == "" && m.needRoot == "":
		return nil
	case m.user.root:
		return m.addAccounts(ctx, orDefault(m.evidence.users, m.needRoot))
	case m.opts.NoIdentity:
		return nil
	case m.evidence.users != "":
		return m.addAccounts(ctx, m.evidence.users)
	case m.user.account != nil && m.user.account.Name != nonrootName:
		return m.addAccounts(ctx, "USER names "+m.user.account.Name)
	case m.user.uid != m.user.built.uid && m.asks != "":
		return m.addAccounts(ctx, "tells who the image's user is, as "+m.asks)
	}
	return nil
}

// dataFiles carries small tables of the tree that programs read by name.
func (m *maker) dataFiles(ctx context.Context) error {
	for _, f := range m.evidence.files {
		for _, name := range f.names {
			res, err := tree.Resolve(ctx, m.t, name)
			if errors.Is(err, fs.ErrNotExist) || errors.Is(err, tree.ErrLoop) || err == nil && !res.Entry.IsRegular() {
				continue
			}
			if err != nil {
				return err
			}
			if _, _, err := m.carry(ctx, name, f.reason); err != nil {
				return err
			}
			break
		}
	}
	return nil
}

// popenShell carries /bin/sh for programs that call system(3) or popen(3).
func (m *maker) popenShell(ctx context.Context) error {
	if m.plan.Shell != "" || len(m.shellWanted) == 0 && (m.evidence.shell == "" || m.opts.NoShell) {
		return nil
	}
	who := m.evidence.shell
	if len(m.shellWanted) > 0 {
		who = m.shellWanted[0] + " " + m.shellReason
	}
	if _, err := tree.Resolve(ctx, m.t, "/bin/sh"); errors.Is(err, fs.ErrNotExist) {
		if len(m.shellWanted) == 0 {
			return nil
		}
		m.warn("", who+", and the built image has no /bin/sh", "")
		return nil
	}
	return m.shellFor(ctx, executable{name: "/bin/sh", reason: who}, shellUse{why: who, shell: "/bin/sh", hint: "include: the commands it runs"})
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
	trust := m.in.Trust
	if trust == nil {
		trust = m.t
	}
	reason := orDefault(m.evidence.certificates, "SSL_CERT_FILE names it")
	for _, name := range append([]string{named}, bundles...) {
		if !path.IsAbs(name) {
			continue
		}
		res, err := tree.Resolve(ctx, trust, name)
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, tree.ErrLoop) || err == nil && (!res.Entry.IsRegular() || res.Entry.Size == 0) {
			continue
		}
		if err != nil {
			return err
		}
		if why, err := m.secret(ctx, res.Path, res.Entry); err != nil {
			return err
		} else if why != "" {
			m.warnSecret(name, why)
			continue
		}
		_, e, err := m.carry(ctx, name, reason)
		if err != nil {
			return err
		}
		if !ownersOnly(e.Mode) {
			e.Mode, e.why = 0o444, "a bundle is only read"
		}
		m.certificateFile(name)
		return nil
	}
	pem, left := rootfs.Certificates()
	if err := m.add(ctx, rootfs.File{Path: bundles[0], Mode: 0o444, Data: pem, Reason: reason + "; Mozilla's roots, as the built image has none"}); err != nil {
		return err
	}
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
	tz := m.env("TZ")
	if m.evidence.zones == "" {
		return m.zone(ctx, tz)
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
	if err := m.add(ctx, rootfs.File{Path: archive, Mode: 0o444, Data: rootfs.ZoneinfoZip(), Reason: m.evidence.zones}); err != nil {
		return err
	}
	m.config.Env = append(m.config.Env, "ZONEINFO="+archive)
	m.change("environment", "ZONEINFO", "", archive, "the built image has no zone files")
	return nil
}

// zone carries the one zone that TZ names: C's library and Go's both read it
// by themselves, whatever the program calls.
func (m *maker) zone(ctx context.Context, tz string) error {
	tz = strings.TrimPrefix(tz, ":")
	if tz == "" || tz == "UTC" || strings.Contains(tz, "..") {
		return nil
	}
	if !path.IsAbs(tz) {
		tz = path.Join(zoneinfo, tz)
	}
	return m.carryOptional(ctx, tz, "TZ names it")
}

// zoneFiles carries the zones, without the variants that count leap seconds
// and the ones that say the same again.
func (m *maker) zoneFiles(ctx context.Context, root string) error {
	if root != zoneinfo {
		if _, _, err := m.carry(ctx, zoneinfo, m.evidence.zones); err != nil {
			return err
		}
	}
	m.walked[root] = true
	return tree.Walk(ctx, m.t, root, func(p string, e tree.Entry) error {
		rel := strings.TrimPrefix(p, root+"/")
		if rel == "right" || rel == "posix" {
			return tree.SkipDir
		}
		if e.IsDir() || e.IsRegular() || e.IsSymlink() {
			m.place(p, e, m.evidence.zones)
		}
		return nil
	})
}
