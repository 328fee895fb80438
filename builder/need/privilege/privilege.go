// Package privilege knows which programs have to be started by root although
// their names do not say so: they change who they are, or their root directory,
// without asking first whether they may, or because their arguments or their
// configuration tell them to.
package privilege

import (
	"context"
	"errors"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/whittle-oci/whittle/builder/need"
	"github.com/whittle-oci/whittle/builder/need/elf"
	"github.com/whittle-oci/whittle/builder/packages"
	"github.com/whittle-oci/whittle/builder/tree"
)

// A Provider answers for the programs that an image starts, by itself or by its
// scripts.
type Provider struct {
	db       *packages.DB
	elf      *elf.Files
	accounts map[string]bool // names in the tree's passwd and group; nil until they are read
}

// New returns a provider over the package database of the tree.
func New(db *packages.DB, files *elf.Files) *Provider { return &Provider{db: db, elf: files} }

// Claims implements need.Provider.
func (*Provider) Claims(v need.Visit) bool {
	return v.Need.Kind == need.Program && (slices.Contains(need.Starts, v.Need.Instruction) || v.Need.Shell) && strings.HasPrefix(string(v.Head), "\x7fELF")
}

// Functions that only root may call with another identity than the caller's
// (setuid(2), setgroups(2), initgroups(3), chroot(2)), and those by which a
// program asks who it is.
var (
	changes = []string{"chroot", "initgroups", "setgroups", "setuid", "setgid", "setresuid", "setresgid", "setreuid", "setregid"}
	asks    = []string{"getuid", "geteuid", "getresuid", "cap_get_proc", "capng_have_capability", "issetugid"}

	goChanges = []string{"syscall.Setgroups", "syscall.Setuid", "syscall.Setresuid", "golang.org/x/sys/unix.Setuid", "golang.org/x/sys/unix.Setgroups"}
	goAsks    = []string{"os.Getuid", "os.Geteuid", "syscall.Getuid", "syscall.Geteuid", "golang.org/x/sys/unix.Getuid", "golang.org/x/sys/unix.Geteuid"}
)

// stays are programs that go on as who they are, whatever user their
// configuration or arguments name, when root does not start them: nginx (ngx_core
// "user"), httpd (mpm_unix "User"), lighttpd (server.username), squid
// (cache_effective_user), mosquitto.conf(5), tinyproxy.conf(5), memcached(1),
// dnsmasq(8), clamd.conf(5), icecast (changeowner), ngircd.conf(5), varnishd(1),
// mariadbd(8), tcpdump(8), uwsgi; read in 2026.
var stays = []string{
	"nginx", "apache2", "httpd", "lighttpd", "squid", "mosquitto", "tinyproxy", "memcached", "dnsmasq", "clamd", "freshclam", "icecast2", "icecast", "ngircd", "varnishd",
	"mariadbd", "mysqld", "tcpdump", "uwsgi", "uwsgi-core",
	// Programs that change who they are for commands of their own alone.
	"bash", "dash", "busybox", "zsh", "mksh", "tar", "git", "sudo", "su", "gpg", "gpg-agent", "screen", "tmux",
}

// obeys are programs that change who they are only where they are told to, and
// then do not ask whether they may: snmpd(8), rsyslog.conf(5), beanstalkd(1),
// privoxy(8), stunnel(8); read in 2026.
var obeys = []string{"snmpd", "rsyslogd", "beanstalkd", "privoxy", "stunnel", "stunnel4"}

// Needs implements need.Provider.
func (p *Provider) Needs(ctx context.Context, env *need.Env, v need.Visit) (need.Found, error) {
	var out need.Found
	if env.NoEvidence {
		return out, nil
	}
	info, err := p.elf.Info(ctx, env.Tree, v.Path)
	if errors.Is(err, elf.ErrNotELF) || errors.Is(err, elf.ErrBroken) {
		return out, nil // the ELF provider says what is wrong with it
	}
	if err != nil {
		return out, err
	}
	does, unasked := called(info)
	if does == "" {
		return out, nil
	}
	if !slices.Contains(need.Starts, v.Need.Instruction) {
		// The scripts that the image starts, and of what they run no tool of
		// the base system, whose name says what it does.
		if !slices.ContainsFunc(env.Lines, func(line []string) bool { return slices.Contains(line, v.Need.By) }) {
			return out, nil
		}
		if _, base, err := p.db.OfBaseSystem(ctx, v.Path); base || err != nil {
			return out, err
		}
	}
	told, err := p.told(ctx, env, v)
	if err != nil {
		return out, err
	}
	name := path.Base(v.Path)
	switch {
	case told != "" && !slices.Contains(stays, name):
		out.Facts = append(out.Facts, need.Fact{Kind: need.Root, Reason: fmt.Sprintf("%s calls %s, and %s", v.Path, does, told)})
	case unasked && !slices.Contains(stays, name) && !slices.Contains(obeys, name):
		out.Facts = append(out.Facts, need.Fact{Kind: need.Root, Reason: fmt.Sprintf("%s calls %s and never asks who runs it", v.Path, does)})
	}
	return out, nil
}

// called gives the function by which a program changes who it is, "" for none,
// and whether it does not ask before.
func called(info *elf.Info) (does string, unasked bool) {
	if info.Go == nil {
		does = info.Calls(changes...)
		return does, info.Calls(asks...) == ""
	}
	for _, n := range goChanges {
		if does == "" && info.Go.Has(n) {
			does = n
		}
	}
	return does, !slices.ContainsFunc(goAsks, info.Go.Has)
}

// told says what tells a program to become somebody else, "" for nothing: an
// argument, or a line of a configuration that it is given or has by its name.
func (p *Provider) told(ctx context.Context, env *need.Env, v need.Visit) (string, error) {
	if err := p.list(ctx, env); err != nil {
		return "", err
	}
	files := byName(path.Base(v.Path))
	for _, line := range env.Lines {
		at := slices.IndexFunc(line, func(word string) bool {
			return path.Base(word) == path.Base(v.Path) || path.Base(word) == path.Base(v.Need.Path)
		})
		if at < 0 {
			continue
		}
		args := line[at+1:]
		for i, a := range args {
			flag, value, joined := strings.Cut(a, "=")
			if !joined && i+1 < len(args) {
				value = args[i+1]
			}
			user, _, _ := strings.Cut(value, ":")
			if slices.Contains([]string{"-u", "-U", "--user", "-user", "--setuid", "--run-as"}, flag) && p.accounts[user] {
				return fmt.Sprintf("is given %s %s", flag, value), nil
			}
			for _, word := range []string{a, value} {
				if path.IsAbs(word) {
					files = append(files, path.Clean(word))
				}
			}
		}
	}
	slices.Sort(files)
	for _, name := range slices.Compact(files) {
		line, err := p.directive(ctx, env, name)
		if err != nil {
			return "", err
		}
		if line != "" {
			return fmt.Sprintf("%s says %q", name, line), nil
		}
	}
	return "", nil
}

// byName are the configurations that a program has by its name.
func byName(program string) []string {
	var out []string
	for _, n := range []string{program, strings.TrimSuffix(program, "d"), program + "d"} {
		out = append(out, "/etc/"+n+".conf", "/etc/"+n+"/"+n+".conf", "/etc/"+n+"/"+n+".cfg", "/etc/"+n+"/"+program+".conf")
	}
	return out
}

// maxConfiguration is the largest configuration that is read, in bytes.
const maxConfiguration = 256 << 10

var (
	// account matches a line that names a user to become.
	account = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`(?i)^(?:user|username|uid|setuid|run[_-]?as(?:[_-]user)?|user\.?name)[ \t]*[ \t:=][ \t]*["']?([A-Za-z_][A-Za-z0-9_.-]*)["']?(?:[ \t:;].*)?$`)
	})
	// jail matches one that names a root directory to change to.
	jail = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`(?i)^(?:use[ _-])?chroot[ \t]*[ \t:=][ \t]*["']?(/[^ \t"']+|yes|true|on|1)["']?[ \t;]*$`)
	})
)

// directive gives the line of a configuration that names a user to become or a
// root directory to change to, "" for none.
func (p *Provider) directive(ctx context.Context, env *need.Env, name string) (string, error) {
	res, ok, err := tree.Find(ctx, env.Tree, name)
	if err != nil || !ok || !res.Entry.IsRegular() || res.Entry.Size > maxConfiguration {
		return "", err
	}
	data, err := tree.ReadFile(ctx, env.Tree, res.Path, maxConfiguration)
	if err != nil {
		return "", fmt.Errorf("reading the configuration %s: %w", name, err)
	}
	for line := range strings.Lines(string(data)) {
		line = strings.TrimSpace(line)
		if m := account().FindStringSubmatch(line); m != nil && p.accounts[m[1]] || jail().MatchString(line) {
			return line, nil
		}
	}
	return "", nil
}

// maxAccounts is the largest passwd that is read, in bytes.
const maxAccounts = 1 << 20

// list reads the names of accounts other than root, once.
func (p *Provider) list(ctx context.Context, env *need.Env) error {
	if p.accounts != nil {
		return nil
	}
	data, err := tree.ReadOptional(ctx, env.Tree, "/etc/passwd", maxAccounts)
	if err != nil {
		return err
	}
	known := map[string]bool{}
	for line := range strings.Lines(string(data)) {
		if name, _, ok := strings.Cut(line, ":"); ok && name != "root" && name != "" {
			known[name] = true
		}
	}
	p.accounts = known
	return nil
}
