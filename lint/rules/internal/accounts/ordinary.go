package accounts

import (
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"

	"github.com/whittle-oci/whittle/lint/dockerfile"
	"github.com/whittle-oci/whittle/lint/rule"
	"github.com/whittle-oci/whittle/lint/rules/internal/ports"
)

// Ordinary is a user that no image has an account for, so that nobody's files
// are its own. Distroless images call it nonroot.
const Ordinary = "65532:65532"

// LessThanRoot says whether a fix that takes root from the image may be applied.
// It is shown only where the image has to start as root, or may be built on.
func LessThanRoot(f *dockerfile.File, base string) rule.Safety {
	final := f.Final().Index
	if !Starts(f) || startsAsRoot(base) || len(Created(f, final)) > 0 {
		return rule.Suggestion
	}
	for p := range ports.Exposed(f) {
		low, _, _ := strings.Cut(p.Container, "-")
		if n, err := strconv.Atoi(low); err == nil && n < 1024 && f.Shipped(p.In.Stage) {
			return rule.Suggestion
		}
	}
	for i := final; i >= 0; i = f.Stages[i].Parent {
		if slices.ContainsFunc(f.In(i), func(in dockerfile.Instruction) bool { return wantsRoot(f, in) }) {
			return rule.Suggestion
		}
	}
	return rule.Unsafe
}

// Starts reports whether the image has something to run.
func Starts(f *dockerfile.File) bool { return Has(f, "cmd", "entrypoint") }

// Has reports whether the final stage, or one that it is made from, has an
// instruction with one of the keywords.
func Has(f *dockerfile.File, keywords ...string) bool {
	for i := f.Final().Index; i >= 0; i = f.Stages[i].Parent {
		if slices.ContainsFunc(f.In(i), func(in dockerfile.Instruction) bool {
			return slices.Contains(keywords, in.Keyword) && !in.Trigger
		}) {
			return true
		}
	}
	return false
}

// wantsRoot reports whether an instruction has to do with a program that starts
// as root: one that is known for it, one that leaves root by itself, one that
// works in root's home, or one that has files of another user.
func wantsRoot(f *dockerfile.File, in dockerfile.Instruction) bool {
	span := in.Span()
	text := string(f.Bytes[span.Start:span.End])
	if slices.ContainsFunc([]string{"gosu", "su-exec", "setpriv", "/root/", "docker.sock"}, func(w string) bool { return strings.Contains(text, w) }) {
		return true
	}
	var words []string
	switch c := in.Command.(type) {
	case *instructions.CmdCommand:
		words = c.CmdLine
	case *instructions.EntrypointCommand:
		words = c.CmdLine
	case *instructions.WorkdirCommand:
		dir, _ := f.Expand(in, c.Path)
		return dir == "/root" || strings.HasPrefix(dir, "/root/")
	case *instructions.EnvCommand:
		for _, kv := range c.Env {
			if kv.Key == "HOME" && strings.HasPrefix(kv.Value, "/root") {
				return true
			}
		}
	case *instructions.CopyCommand, *instructions.AddCommand:
		owner, ok := in.Flag("chown")
		return ok && !Root(owner.Value)
	case *instructions.RunCommand:
		for _, x := range f.Commands(in) {
			if words := x.Words(); x.Name == "chown" && len(words) > 0 && !Root(words[0].Text) {
				return true
			}
		}
	case *instructions.VolumeCommand:
		return slices.ContainsFunc(c.Volumes, func(dir string) bool {
			return strings.HasPrefix(dir, "/sys/") || strings.HasPrefix(dir, "/proc/") || strings.HasPrefix(dir, "/dev/")
		})
	}
	for _, w := range words {
		for word := range strings.FieldsFuncSeq(w, func(r rune) bool { return strings.ContainsRune(" \t\n\"'`;&|()", r) }) {
			if slices.Contains(rootPrograms, path.Base(word)) {
				return true
			}
		}
	}
	return false
}

// rootPrograms are those that start as root as a rule.
var rootPrograms = []string{
	"init", "systemd", "supervisord", "my_init", "runsvdir", "runit", "s6-svscan", "s6-svc", "dockerd", "dockerd-entrypoint.sh", "containerd",
	"sshd", "crond", "cron", "rsyslogd", "syslogd", "syslog-ng", "inetd", "xinetd", "service", "systemctl", "rc-service",
	"httpd", "httpd-foreground", "apache2", "apache2ctl", "apachectl", "apache2-foreground", "nginx", "named", "dnsmasq", "unbound", "squid", "postfix", "dovecot",
	"openvpn", "vsftpd", "proftpd", "pure-ftpd", "smbd", "slapd", "rsync", "in.tftpd", "rpcbind", "iptables",
	"sudo", "su", "runuser", "chroot", "chown", "start-stop-daemon", "gosu", "su-exec", "setpriv",
}

// startsAsRoot reports whether an image is known for an entrypoint that begins
// as root and goes on as somebody else.
func startsAsRoot(base string) bool {
	name, _, _ := strings.Cut(strings.TrimPrefix(strings.TrimPrefix(base, "docker.io/"), "library/"), ":")
	if StepsDown(base) || slices.Contains([]string{"nginx", "httpd", "docker", "wordpress", "drupal", "nextcloud"}, name) {
		return true
	}
	return slices.ContainsFunc([]string{"linuxserver", "baseimage", "devcontainer", "systemd", "ubi-init", "/init", "dind", "s6-overlay", "rocker/", "-apache"}, func(part string) bool { return strings.Contains(base, part) })
}
