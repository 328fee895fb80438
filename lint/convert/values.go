package convert

import (
	_ "crypto/sha256" // digests are read by the algorithms that are linked
	_ "crypto/sha512"
	"errors"
	"fmt"
	"net"
	"regexp"
	"strconv"
	"strings"
	"sync"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	digest "github.com/opencontainers/go-digest"
	mode "github.com/tonistiigi/dchapes-mode"

	"github.com/whittle-oci/whittle/lint/dockerfile"
	"github.com/whittle-oci/whittle/lint/source"
)

var (
	errEmptyVolume  = errors.New("VOLUME specified can not be an empty string")
	errFromVariable = errors.New("variable expansion is not supported for --from, define a new stage with FROM using ARG from global scope as a workaround")
)

// platform says what is wrong with a platform (github.com/containerd/platforms,
// Parse).
func platform(value string) error {
	if strings.Contains(value, "*") {
		return fmt.Errorf("%q: wildcards not yet supported", value)
	}
	parts := strings.SplitN(value, "/", 4)
	if len(parts) > 3 {
		return fmt.Errorf("%q: cannot parse platform specifier", value)
	}
	for i, part := range parts {
		if i == 0 && !platformOS().MatchString(part) {
			return fmt.Errorf("%q is an invalid OS component of %q", part, value)
		}
		if i > 0 && !platformPart().MatchString(part) {
			return fmt.Errorf("%q is an invalid component of %q", part, value)
		}
	}
	if _, ok := dockerfile.ParsePlatform(value); len(parts) == 1 && !ok {
		return fmt.Errorf("%q: unknown operating system or architecture", value)
	}
	return nil
}

// The expressions are compiled when they are asked for: a start costs every run.
var (
	platformPart = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[A-Za-z0-9_.-]+$`) })
	platformOS   = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`^[A-Za-z0-9_-]+(\([A-Za-z0-9_.%-]*(\+[A-Za-z0-9_.%-]+)*\))?$`)
	})
)

// signals are the names that a Linux frontend knows, without SIG
// (github.com/moby/sys/signal 0.7, signal_linux.go). Real-time signals are told
// by their form.
const signals = " ABRT ALRM BUS CHLD CLD CONT FPE HUP ILL INT IO IOT KILL PIPE POLL PROF PWR QUIT SEGV STKFLT STOP SYS TERM TRAP TSTP TTIN TTOU URG USR1 USR2 VTALRM WINCH XCPU XFSZ RTMIN RTMAX "

func stopSignal(value string) error {
	err := fmt.Errorf("invalid signal: %s", value)
	if n, bad := strconv.Atoi(value); bad == nil {
		if n == 0 {
			return err
		}
		return nil
	}
	name := strings.TrimPrefix(strings.ToUpper(value), "SIG")
	for prefix, last := range map[string]int{"RTMIN+": 15, "RTMAX-": 14} {
		if rest, ok := strings.CutPrefix(name, prefix); ok {
			if n, bad := strconv.Atoi(rest); bad == nil && n >= 1 && n <= last && strconv.Itoa(n) == rest {
				return nil
			}
			return err
		}
	}
	if name == "" || strings.Contains(name, " ") || !strings.Contains(signals, " "+name+" ") {
		return err
	}
	return nil
}

// expose looks at ports, which variables may give several of.
func (c *checker) expose(in dockerfile.Instruction, cmd *instructions.ExposeCommand) {
	for i, span := range words(in, len(cmd.Ports)) {
		c.refuse(span, c.try(in, []string{"80", "tcp", "80/tcp", "127.0.0.1"}, func(unknown dockerfile.Unknown) error {
			ports, err := c.f.FillWords(in, cmd.Ports[i], unknown)
			if err != nil {
				return err
			}
			for _, p := range ports {
				if err := port(p); err != nil {
					return err
				}
			}
			return nil
		}), "port-range")
	}
}

// port says what is wrong with [address:[host:]]container[/protocol], each of
// the middle two a port or a range of them.
func port(text string) error {
	parts := strings.Split(text, ":")
	n := len(parts)
	address, host, container := "", "", parts[n-1]
	if n > 1 {
		host = parts[n-2]
		address = strings.Join(parts[:n-2], ":")
	}
	container, protocol, _ := strings.Cut(container, "/")
	if container == "" {
		return fmt.Errorf("invalid port: %q: no port specified", text)
	}
	switch strings.ToLower(protocol) {
	case "", "tcp", "udp", "sctp":
	default:
		return fmt.Errorf("invalid port: %q: invalid proto: %s", text, protocol)
	}
	if strings.HasPrefix(address, "[") {
		inner, _, err := net.SplitHostPort(address + ":")
		if err != nil {
			return fmt.Errorf("invalid IP address %v: %w", address, err)
		}
		address = inner
	}
	if address != "" && net.ParseIP(address) == nil {
		return fmt.Errorf("invalid IP address: %s", address)
	}
	first, last, ok := portRange(container)
	if !ok {
		return fmt.Errorf("invalid containerPort: %s", container)
	}
	if host == "" {
		return nil
	}
	hostFirst, hostLast, ok := portRange(host)
	if !ok {
		return fmt.Errorf("invalid hostPort: %s", host)
	}
	if last != first && last-first != hostLast-hostFirst {
		return fmt.Errorf("invalid ranges specified for container and host Ports: %s and %s", container, host)
	}
	return nil
}

func portRange(text string) (first, last int, ok bool) {
	a, b, is := strings.Cut(text, "-")
	first, err := strconv.Atoi(a)
	if err != nil || first < 0 || first > 65535 {
		return 0, 0, false
	}
	if !is || a == b {
		return first, first, true
	}
	last, err = strconv.Atoi(b)
	return first, last, err == nil && last >= first && last <= 65535
}

// A transfer is what COPY and ADD have in common.
type transfer struct {
	instructions.SourcesAndDest
	chown, chmod, checksum string
	link, add              bool
}

// copied looks at COPY and ADD.
func (c *checker) copied(in dockerfile.Instruction, t transfer) {
	c.flag(in, "chown", t.chown, []string{"0"}, func(value string) error {
		if t.link && byName(value) {
			return fmt.Errorf("--chown=%s: user and group names can't be resolved when used with --link, use numeric uid[:gid] instead", value)
		}
		return nil
	})
	c.flag(in, "chmod", t.chmod, []string{"755", "rwx", "u=rwx"}, chmod)
	sources, dest := in.Copied()
	for i, path := range t.SourcePaths {
		span := in.Arguments()
		if len(sources) == len(t.SourcePaths) {
			span = sources[i].Span
		}
		c.word(in, path, span, some, func(value string) error {
			switch git, local := gitSource(value); {
			case t.add:
			case git && !local:
				return errors.New("source can't be a git ref for COPY")
			case remote(value) && !git:
				return errors.New("source can't be a URL for COPY")
			}
			return nil
		})
	}
	c.word(in, t.DestPath, dest.Span, some, nil)
	c.checksum(in, t)
	for _, doc := range c.f.Heredocs(in) {
		if doc.Expand {
			c.refuse(doc.Body, c.try(in, some, func(unknown dockerfile.Unknown) error {
				_, err := c.f.FillHeredoc(in, doc.Content, unknown)
				return err
			}))
		}
	}
}

// checksum looks at ADD --checksum, which is for one source from elsewhere.
func (c *checker) checksum(in dockerfile.Instruction, t transfer) {
	if t.checksum == "" {
		return
	}
	sum := "sha256:" + strings.Repeat("0", 64)
	c.flag(in, "checksum", t.checksum, []string{sum, sum[7:], "sha256"}, func(value string) error {
		if value == "" {
			return nil
		}
		if len(t.SourcePaths) != 1 {
			return errors.New("checksum can't be specified for multiple sources")
		}
		return c.try(in, []string{"https://x", "x"}, func(unknown dockerfile.Unknown) error {
			src, err := c.f.Fill(in, t.SourcePaths[0], unknown)
			if err != nil {
				return nil // told of the source
			}
			switch git, _ := gitSource(src); {
			case git:
				return nil
			case !remote(src):
				return errors.New("checksum requires HTTP(S) or Git sources")
			}
			_, err = digest.Parse(value)
			return err
		})
	})
}

func (c *checker) flag(in dockerfile.Instruction, name, value string, values []string, check func(string) error) {
	if flag, ok := in.Flag(name); ok && value != "" {
		c.word(in, value, flag.ValueSpan, values, check)
	}
}

// byName reports whether a user or group is named and not numbered.
func byName(chown string) bool {
	for part := range strings.SplitSeq(chown, ":") {
		if _, err := strconv.ParseUint(part, 10, 32); part != "" && err != nil {
			return true
		}
	}
	return false
}

func chmod(value string) error {
	if value == "" {
		return nil
	}
	octal := fmt.Errorf("invalid chmod parameter: '%v'. it should be octal string and between 0 and 07777", value)
	if n, err := strconv.ParseUint(value, 8, 32); err == nil {
		if n > 0o7777 {
			return octal
		}
		return nil
	}
	_, err := mode.Parse(value)
	if _, number := errors.AsType[*strconv.NumError](err); number {
		return octal
	}
	return err
}

func remote(src string) bool {
	return strings.HasPrefix(src, "http://") || strings.HasPrefix(src, "https://")
}

var (
	scheme = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[a-zA-Z0-9]+://`) })
	scp    = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[a-zA-Z0-9_-]+@[a-zA-Z0-9.-]+:`) })
)

// gitSource reports whether BuildKit takes a source for a Git repository
// (frontend/dockerfile/dfgitutil). local is true where it might as well be a path.
func gitSource(src string) (git, local bool) {
	if strings.HasPrefix(src, "github.com/") {
		return true, true
	}
	if !strings.Contains(src, ":") {
		return false, false
	}
	switch s := strings.ToLower(scheme().FindString(src)); s {
	case "ssh://", "git://":
		return true, false
	case "http://", "https://":
		path, _, _ := strings.Cut(src, "#")
		path, _, _ = strings.Cut(path, "?")
		return strings.HasSuffix(path, ".git"), false
	case "":
		return scp().MatchString(src), false
	}
	return false, false
}

// place is where a text stands in a flag's value, or the value as a whole.
func place(f *dockerfile.File, flag dockerfile.Flag, text string) source.Span {
	whole := string(f.Bytes[flag.ValueSpan.Start:flag.ValueSpan.End])
	if i := strings.Index(whole, text); text != "" && i >= 0 {
		return source.Span{Start: flag.ValueSpan.Start + i, End: flag.ValueSpan.Start + i + len(text)}
	}
	return flag.ValueSpan
}
