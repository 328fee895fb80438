package decide

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/whittle-oci/whittle/builder/image"
	"github.com/whittle-oci/whittle/builder/need"
	"github.com/whittle-oci/whittle/builder/need/elf"
	"github.com/whittle-oci/whittle/builder/probe"
	"github.com/whittle-oci/whittle/builder/rootfs"
	"github.com/whittle-oci/whittle/builder/tree"
)

// made is what phase 5 gives.
type made struct {
	files []*draft
	vars  []string // environment of the image
	roots []string // directories that may be copied as a whole
	home  string   // real path of the home of a user that the image got, "" for none
	notes
}

// generate is phase 5: bytes that no tree holds, and the directories that the
// user writes to. Of the tree it takes the certificate bundle and zones.
func generate(ctx context.Context, env *need.Env, in Input, facts *need.Set, user identity, files *drafts, gate *gate) (made, error) {
	g := &generator{env: env, in: in, facts: facts, user: user, files: files, gate: gate, out: made{vars: slices.Clone(in.Config.Env)}}
	steps := []func(context.Context) error{g.certificates, g.zones, g.accounts, g.nsswitch, g.temp, g.libraryCache, g.variables}
	if in.Options.NoEvidence {
		steps = nil
	}
	for _, step := range append(steps, g.userDirs, g.variableLinks, g.probe) {
		if err := step(ctx); err != nil {
			return g.out, err
		}
	}
	return g.out, nil
}

// generator is what the steps of generate read, and the result they add to.
type generator struct {
	env   *need.Env
	in    Input
	facts *need.Set
	user  identity
	files *drafts // of the closure
	gate  *gate
	out   made
}

func (g *generator) getenv(name string) string {
	v, _ := g.env.Getenv(name)
	return v
}

// setenv sets a variable of the image.
func (g *generator) setenv(name, value, why string) {
	g.out.vars = append(g.out.vars, name+"="+value)
	g.out.changes = append(g.out.changes, image.Change{Kind: "environment", Name: name, To: value, Why: why})
}

// add places a generated file.
func (g *generator) add(ctx context.Context, f rootfs.File) error {
	placed, err := place(ctx, g.env.Tree, f)
	g.out.files = append(g.out.files, placed...)
	return err
}

// take takes a file of the tree that need not be there.
func (g *generator) take(ctx context.Context, name, reason string) error {
	got, err := take(ctx, g.env.Tree, name, reason)
	g.out.files = append(g.out.files, got...)
	return err
}

// bundles are where distributions keep the roots in one file, in the order in
// which Go's crypto/x509 looks (crypto/x509/root_linux.go, Go 1.26).
var bundles = []string{
	"/etc/ssl/certs/ca-certificates.crt",
	"/etc/pki/tls/certs/ca-bundle.crt",
	"/etc/ssl/ca-bundle.pem",
	"/etc/pki/tls/cacert.pem",
	"/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
	"/etc/ssl/cert.pem",
}

// certificates takes the built image's own bundle, where it has one. A builder
// stage's is never taken: it may hold an interception authority.
func (g *generator) certificates(ctx context.Context) error {
	named := g.getenv("SSL_CERT_FILE")
	shows := g.facts.Reason(need.Certificates)
	if shows == "" && named == "" {
		return nil
	}
	trust := g.in.Trust
	if trust == nil {
		trust = g.in.Tree
	}
	reason := orElse(shows, "SSL_CERT_FILE names it")
	for _, name := range append([]string{named}, bundles...) {
		if !path.IsAbs(name) {
			continue
		}
		found, err := g.bundle(ctx, trust, name, reason)
		if found || err != nil {
			return err
		}
	}
	pem, left := rootfs.Certificates()
	if err := g.add(ctx, rootfs.File{Path: bundles[0], Mode: 0o444, Data: pem, Reason: reason + "; Mozilla's roots, as the built image has none"}); err != nil {
		return err
	}
	for _, l := range left {
		g.out.left = append(g.out.left, image.Left{Path: bundles[0], Why: "a root with a constraint that a bundle cannot express: " + l})
	}
	g.certificateFile(bundles[0])
	return nil
}

// bundle takes the bundle at a path, unless there is none or it holds a key.
func (g *generator) bundle(ctx context.Context, trust tree.Tree, name, reason string) (bool, error) {
	res, err := tree.Resolve(ctx, trust, name)
	if need.Missing(err) || err == nil && (!res.Entry.IsRegular() || res.Entry.Size == 0) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if why, err := g.gate.secret(ctx, res.Path, res.Entry); err != nil {
		return false, err
	} else if why != "" {
		g.out.warnings = append(g.out.warnings, secretWarning(name, why))
		return false, nil
	}
	got, err := take(ctx, g.env.Tree, name, reason)
	if err != nil || len(got) == 0 {
		return false, err
	}
	if d := got[len(got)-1]; !ownersOnly(d.Mode) {
		d.Mode, d.why = 0o444, "a bundle is only read"
	}
	g.out.files = append(g.out.files, got...)
	g.certificateFile(name)
	return true, nil
}

// certificateFile tells OpenSSL where the bundle is: by itself it looks for a
// directory of hashed links.
func (g *generator) certificateFile(name string) {
	if g.facts.Has(need.OpenSSL) && g.getenv("SSL_CERT_FILE") == "" {
		g.setenv("SSL_CERT_FILE", name, "OpenSSL looks elsewhere by itself")
	}
}

const zoneinfo = "/usr/share/zoneinfo"

// zones takes the zone files of the built image. Where it has none, Go's own
// archive does for Go programs; others had none before either.
func (g *generator) zones(ctx context.Context) error {
	reason := g.facts.Reason(need.Zones)
	if reason == "" {
		return g.zone(ctx, strings.TrimPrefix(g.getenv("TZ"), ":"))
	}
	if res, err := tree.Resolve(ctx, g.env.Tree, "/etc/localtime"); err == nil && res.Entry.IsRegular() {
		if err := g.take(ctx, "/etc/localtime", reason); err != nil {
			return err
		}
	}
	res, err := tree.Resolve(ctx, g.env.Tree, zoneinfo)
	if err == nil && res.Entry.IsDir() {
		return g.zoneFiles(ctx, res.Path, reason)
	}
	if err != nil && !need.Missing(err) {
		return err
	}
	if !g.facts.Has(need.GoZones) || g.getenv("ZONEINFO") != "" {
		return nil
	}
	const archive = "/usr/share/zoneinfo.zip"
	g.setenv("ZONEINFO", archive, "the built image has no zone files")
	return g.add(ctx, rootfs.File{Path: archive, Mode: 0o444, Data: rootfs.ZoneinfoZip(), Reason: reason})
}

// zone takes the one zone that TZ names: C's library and Go's both read it by
// themselves, whatever the program calls.
func (g *generator) zone(ctx context.Context, tz string) error {
	if tz == "" || tz == "UTC" || strings.Contains(tz, "..") {
		return nil
	}
	if !path.IsAbs(tz) {
		tz = path.Join(zoneinfo, tz)
	}
	return g.take(ctx, tz, "TZ names it")
}

// zoneFiles takes the zones, without the variants that count leap seconds and
// the ones that say the same again.
func (g *generator) zoneFiles(ctx context.Context, root, reason string) error {
	if root != zoneinfo {
		if err := g.take(ctx, zoneinfo, reason); err != nil {
			return err
		}
	}
	g.out.roots = append(g.out.roots, root)
	return tree.Walk(ctx, g.env.Tree, root, func(p string, e tree.Entry) error {
		if rel := strings.TrimPrefix(p, root+"/"); rel == "right" || rel == "posix" {
			return tree.SkipDir
		}
		if e.IsDir() || e.IsRegular() || e.IsSymlink() {
			g.out.files = append(g.out.files, fromTree(p, e, reason))
		}
		return nil
	})
}

func (g *generator) nsswitch(ctx context.Context) error {
	reason := g.facts.Reason(need.NameService)
	if reason == "" {
		return nil
	}
	return g.add(ctx, rootfs.File{Path: "/etc/nsswitch.conf", Mode: 0o644, Data: rootfs.Nsswitch(), Reason: reason})
}

func (g *generator) temp(ctx context.Context) error {
	reason := g.facts.Reason(need.Temp)
	if reason == "" {
		return nil
	}
	return g.add(ctx, rootfs.File{Path: "/tmp", Mode: fs.ModeDir | fs.ModeSticky | 0o777, Reason: reason})
}

// probe adds the program that a HEALTHCHECK starts in place of curl, wget or nc.
func (g *generator) probe(ctx context.Context) error {
	if g.in.Options.Probe == nil {
		return nil
	}
	return g.add(ctx, rootfs.File{Path: probe.Path, Mode: 0o755, Data: g.in.Options.Probe, Reason: "HEALTHCHECK, with probe: true"})
}

// libraryCache makes the loader's cache of what the image has of the tree's,
// for who asks it for libraries (ldconfig(8) -p).
func (g *generator) libraryCache(ctx context.Context) error {
	reason := g.facts.Reason(need.LibraryCache)
	if reason == "" {
		return nil
	}
	occupied := g.files.occupied()
	pruned, err := elf.PrunedCache(ctx, g.env.Tree, func(file string) bool { return g.files.present(file, occupied) })
	if err != nil || pruned == nil {
		return err
	}
	return g.add(ctx, rootfs.File{Path: elf.CachePath, Mode: 0o644, Data: pruned, Reason: reason})
}

// variables sets what runtimes want to be set, unless the Dockerfile says
// something else.
func (g *generator) variables(context.Context) error {
	for _, f := range g.facts.Facts {
		if f.Kind != need.Variable {
			continue
		}
		name, value, _ := strings.Cut(f.Subject, "=")
		if _, set := g.env.Getenv(name); !set {
			g.setenv(name, value, f.Reason)
		}
	}
	return nil
}

// accounts adds passwd and group: where a program reads them, where the
// image's user has a name, and where the image got a user that the Dockerfile
// does not know, unless its programs cannot ask who they are.
func (g *generator) accounts(ctx context.Context) error {
	read, root, asks := g.facts.Reason(need.Accounts), g.facts.Reason(need.Root), g.facts.Reason(need.Home)
	switch {
	case g.user.root && read == "" && root == "":
		return nil
	case g.user.root:
		return g.writeAccounts(ctx, orElse(read, root))
	case g.in.Options.NoIdentity:
		return nil
	case read != "":
		return g.writeAccounts(ctx, read)
	case g.user.account != nil && g.user.account.Name != nonrootName:
		return g.writeAccounts(ctx, "USER names "+g.user.account.Name)
	case g.user.uid != g.user.built.uid && asks != "":
		return g.writeAccounts(ctx, "tells who the image's user is, as "+asks)
	}
	return nil
}

// writeAccounts writes passwd and group: root, the image's user, and the
// accounts that the Dockerfile made. All of them stay where a program looks
// accounts up by name, and where the image runs as root, since what it starts
// may become any of them.
func (g *generator) writeAccounts(ctx context.Context, reason string) error {
	users, groups, err := g.ownAccounts(ctx)
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(users, func(u rootfs.User) bool { return u.UID == 0 }) {
		users = append([]rootfs.User{{Name: "root", Gecos: "root", Home: "/root", Shell: "/sbin/nologin"}}, users...)
	}
	if !slices.ContainsFunc(groups, func(x rootfs.Group) bool { return x.GID == 0 }) {
		groups = append([]rootfs.Group{{Name: "root"}}, groups...)
	}
	if !g.user.root {
		u := rootfs.User{Name: nonrootName, UID: g.user.uid, GID: g.user.gid, Gecos: nonrootName, Home: "/", Shell: "/sbin/nologin"}
		if g.user.account != nil {
			u = *g.user.account
			u.GID = g.user.gid
		}
		if u.Home, err = g.home(ctx, u); err != nil {
			return err
		}
		users = append(slices.DeleteFunc(users, func(x rootfs.User) bool { return x.Name == u.Name }), u)
		for _, x := range g.user.groups {
			if !slices.ContainsFunc(groups, func(y rootfs.Group) bool { return x.GID == y.GID }) {
				groups = append(groups, x)
			}
		}
	}
	if g.facts.Has(need.Passwords) {
		// Who looks for an account in a shadow file that is not there refuses
		// it, also where it needs no password; "*" says that there is none.
		for i := range users {
			users[i].Password = "*"
		}
		if err := g.lostPasswords(ctx); err != nil {
			return err
		}
	}
	if err := g.add(ctx, rootfs.File{Path: "/etc/passwd", Mode: 0o644, Data: rootfs.FormatPasswd(users), Reason: reason}); err != nil {
		return err
	}
	return g.add(ctx, rootfs.File{Path: "/etc/group", Mode: 0o644, Data: rootfs.FormatGroup(groups), Reason: reason})
}

// lostPasswords warns of accounts that have a password in the built image, which
// nobody can log in with any more.
func (g *generator) lostPasswords(ctx context.Context) error {
	data, err := tree.ReadOptional(ctx, g.in.Tree, "/etc/shadow", maxShadow)
	if err != nil {
		return err
	}
	var names []string
	for line := range strings.Lines(string(data)) {
		name, rest, _ := strings.Cut(strings.TrimSpace(line), ":")
		if hash, _, _ := strings.Cut(rest, ":"); strings.HasPrefix(hash, "$") {
			names = append(names, name)
		}
	}
	if len(names) > 0 {
		g.out.warnings = append(g.out.warnings, image.NewWarning("RUN", "the password of "+strings.Join(names, ", ")+" is not in the image, since every container would have it and /etc/shadow is not carried: nobody logs in with it", "mount /etc/shadow as a secret at run time, or let people in by keys"))
	}
	return nil
}

// maxShadow is the largest shadow(5) that is read, in bytes.
const maxShadow = 1 << 20

// ownAccounts are the accounts of the tree that the base image has not, or all
// of them where any may be asked for.
func (g *generator) ownAccounts(ctx context.Context) ([]rootfs.User, []rootfs.Group, error) {
	mine, err := accountsOf(ctx, g.in.Tree)
	if err != nil || g.in.Base == nil || g.user.root || g.facts.Has(need.Names) {
		return mine.users, mine.groups, err
	}
	theirs, err := accountsOf(ctx, g.in.Base)
	if err != nil {
		return nil, nil, err
	}
	users := slices.DeleteFunc(mine.users, func(u rootfs.User) bool { return slices.Contains(theirs.users, u) })
	groups := slices.DeleteFunc(mine.groups, func(x rootfs.Group) bool {
		return slices.ContainsFunc(theirs.groups, func(y rootfs.Group) bool { return x.Name == y.Name && x.GID == y.GID })
	})
	return users, groups, nil
}

// home makes the home of the user, tells its path where the Dockerfile does
// not, and gives the path that passwd names. A runtime finds it there for the
// user itself, but not for a number that a platform makes up.
func (g *generator) home(ctx context.Context, u rootfs.User) (string, error) {
	named := g.getenv("HOME")
	ours := g.user.uid != g.user.built.uid
	home := u.Home
	switch {
	case path.IsAbs(named):
		home = path.Clean(named)
	case ours:
		var err error
		if home, err = g.oldHome(ctx); err != nil {
			return "", err
		}
		if home == "" {
			home = nonrootHome
			if has, err := homely(ctx, g.in.Tree, u.Home); err != nil {
				return "", err
			} else if has {
				home = u.Home
			}
		}
	}
	fits, err := homely(ctx, g.in.Tree, home)
	if err != nil || !fits && named == "" {
		return u.Home, err
	}
	d, err := g.userDir(ctx, home, "home of the user", userOwned)
	if err != nil || d == nil {
		return u.Home, err
	}
	d.asked = true
	if ours {
		g.out.home = d.Path
	}
	if named == "" && g.facts.Has(need.Home) {
		g.setenv("HOME", home, "a user whose number a platform makes up has no other")
	}
	if ours {
		return home, nil
	}
	return u.Home, nil
}

// oldHome is the home of the built image's own user where kept files lie in
// it, "" otherwise.
func (g *generator) oldHome(ctx context.Context) (string, error) {
	home := "/root"
	if a := g.user.built.account; a != nil && a.Home != "" {
		home = a.Home
	}
	if !path.IsAbs(home) {
		return "", nil
	}
	res, err := tree.Resolve(ctx, g.in.Tree, home)
	if need.Missing(err) {
		return "", nil
	}
	if err != nil || !res.Entry.IsDir() || res.Path == "/" || systemDir(res.Path) || !g.files.occupied()[res.Path] {
		return "", err
	}
	return path.Clean(home), nil
}

// homely reports whether a directory can be the user's home. One that holds
// the system's own files, as /usr/sbin of the user daemon, stays as it is, and
// one that is not there is made below /home only: /nonexistent means what it
// says.
func homely(ctx context.Context, t tree.Tree, home string) (bool, error) {
	if !path.IsAbs(home) {
		return false, nil
	}
	res, err := tree.Resolve(ctx, t, home)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return strings.HasPrefix(path.Clean(home), "/home/"), nil
	case errors.Is(err, tree.ErrLoop):
		return false, nil
	case err != nil:
		return false, fmt.Errorf("looking for the user's home: %w", err)
	}
	return res.Entry.IsDir() && !systemDir(res.Path), nil
}

// userDirs makes the directories that belong to the image's user whatever is
// in them: WORKDIR, VOLUMEs, HOME, what writable: names, and where a packaged
// program keeps its state.
func (g *generator) userDirs(ctx context.Context) error {
	type wanted struct {
		path, reason string
		role         role
		asked        bool
	}
	var all []wanted
	for _, v := range slices.Sorted(maps.Keys(g.in.Config.Volumes)) {
		all = append(all, wanted{v, "VOLUME", userOwned, false})
	}
	if wd := g.in.Config.WorkingDir; wd != "" {
		all = append(all, wanted{wd, "WORKDIR", userOwned, false})
	}
	if h := g.getenv("HOME"); path.IsAbs(h) && !g.user.root {
		has, err := homely(ctx, g.in.Tree, h)
		if err != nil {
			return err
		}
		if has {
			all = append(all, wanted{h, "HOME", userOwned, true})
		}
	}
	for _, dir := range g.facts.Subjects(need.State) {
		all = append(all, wanted{dir, "a program keeps what it writes there", userTree, false})
	}
	for _, w := range g.in.Options.Writable {
		all = append(all, wanted{w, "writable:", userTree, true})
	}
	for _, w := range all {
		d, err := g.userDir(ctx, w.path, w.reason, w.role)
		if err != nil {
			return err
		}
		if d != nil && w.asked {
			d.asked = true
		}
	}
	return nil
}

// variableLinks takes the links by which a variable names a path of the image:
// /var/lock/app where /var/lock leads to /run/lock.
func (g *generator) variableLinks(ctx context.Context) error {
	all := g.files.clone()
	all.add(g.out.files, g.gate)
	links, err := variableLinks(ctx, g.env.Tree, g.out.vars, all)
	g.out.files = append(g.out.files, links...)
	return err
}

// userDir makes a directory that belongs to the user. The result is nil where
// there can be none.
func (g *generator) userDir(ctx context.Context, name, reason string, r role) (*draft, error) {
	got, err := directory(ctx, g.env.Tree, name, reason)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", reason, err)
	}
	g.out.files = append(g.out.files, got...)
	if len(got) == 0 {
		return nil, nil
	}
	d := got[len(got)-1]
	if r == userOwned && systemDir(d.Path) {
		return nil, nil
	}
	d.role = r
	return d, nil
}
