package probe

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"path"
	"slices"
	"strconv"
	"strings"
)

// Tools are the programs that the probe can stand for.
func Tools() []string { return []string{"curl", "wget", "nc", "ncat", "netcat"} }

// IsTool reports whether a command line starts one of the tools, by name or by
// path.
func IsTool(argv []string) bool {
	return len(argv) > 0 && slices.Contains(Tools(), path.Base(argv[0]))
}

// A check is what a command line asks, as far as the probe can ask it.
type check struct {
	url     string
	tcp     bool
	head    bool
	any     bool // every status is an answer
	seconds int
	headers []string
}

// Translate writes the command line of a tool as one of the probe, without
// its name: curl [-f] URL, wget [--spider] URL, nc -z HOST PORT, with the
// options that a check uses (curl(1) 8, wget(1) 1.21 and BusyBox 1.36, nc(1) of
// OpenBSD). The error says which word is not understood: the probe asks this
// machine alone, in HTTP/1.1 without TLS or by TCP, follows nothing and tries
// once.
func Translate(argv []string) ([]string, error) {
	if !IsTool(argv) {
		return nil, errors.New("it is none of " + strings.Join(Tools(), ", "))
	}
	var c check
	var err error
	switch path.Base(argv[0]) {
	case "curl":
		c, err = curl(argv[1:])
	case "wget":
		c, err = wget(argv[1:])
	default:
		c, err = netcat(argv[1:])
	}
	if err != nil {
		return nil, err
	}
	return c.arguments()
}

// An option is one that a tool may be given. Without do it changes nothing for
// a check.
type option struct {
	short, long string
	value       bool
	do          func(c *check, value string) error
}

func seconds(c *check, v string) error {
	f, err := strconv.ParseFloat(strings.TrimSuffix(v, "s"), 64)
	if err != nil || !(f > 0 && f <= 86400) {
		return fmt.Errorf("%q is no time in seconds", v)
	}
	n := int(f)
	if float64(n) < f {
		n++
	}
	if c.seconds == 0 || n < c.seconds {
		c.seconds = n
	}
	return nil
}

func header(c *check, v string) error {
	if !strings.Contains(v, ":") || strings.ContainsAny(v, "\r\n") || strings.HasPrefix(v, "@") {
		return fmt.Errorf("%q is no header", v)
	}
	c.headers = append(c.headers, v)
	return nil
}

// discarded takes the names of files that hold nothing afterwards.
func discarded(_ *check, v string) error {
	if v != "/dev/null" && v != "-" {
		return fmt.Errorf("its answer is written to %s", v)
	}
	return nil
}

func method(c *check, v string) error {
	switch v {
	case "GET":
	case "HEAD":
		c.head = true
	default:
		return fmt.Errorf("the method is %s", v)
	}
	return nil
}

func curlOptions() []option {
	return []option{
		{"f", "fail", false, func(c *check, _ string) error { c.any = false; return nil }},
		{"", "fail-with-body", false, func(c *check, _ string) error { c.any = false; return nil }},
		{"s", "silent", false, nil}, {"S", "show-error", false, nil}, {"v", "verbose", false, nil}, {"k", "insecure", false, nil},
		{"L", "location", false, nil}, {"g", "globoff", false, nil}, {"i", "include", false, nil}, {"N", "no-buffer", false, nil}, {"#", "progress-bar", false, nil},
		{"", "no-progress-meter", false, nil}, {"", "http1.1", false, nil}, {"", "http1.0", false, nil}, {"4", "ipv4", false, nil},
		{"I", "head", false, func(c *check, _ string) error { c.head = true; return nil }},
		{"X", "request", true, method}, {"o", "output", true, discarded}, {"H", "header", true, header},
		{"m", "max-time", true, seconds}, {"", "connect-timeout", true, seconds},
		{"", "url", true, func(c *check, v string) error { return c.address(v) }},
		{"w", "write-out", true, nil},
		{"A", "user-agent", true, func(c *check, v string) error { return header(c, "User-Agent: "+v) }},
	}
}

func curl(words []string) (check, error) {
	c := check{any: true}
	return c, parse(&c, words, curlOptions(), false)
}

func wgetOptions() []option {
	return []option{
		{"q", "quiet", false, nil}, {"nv", "no-verbose", false, nil}, {"v", "verbose", false, nil}, {"S", "server-response", false, nil},
		{"", "spider", false, nil}, {"", "no-check-certificate", false, nil}, {"", "no-cache", false, nil}, {"4", "inet4-only", false, nil},
		{"O", "output-document", true, discarded}, {"o", "output-file", true, discarded},
		{"T", "timeout", true, seconds}, {"t", "tries", true, nil}, {"Y", "", true, nil}, {"", "proxy", true, nil},
		{"U", "user-agent", true, func(c *check, v string) error { return header(c, "User-Agent: "+v) }},
		{"", "header", true, header},
	}
}

// wget writes what it gets to a file unless it is told otherwise, which an
// image need not be able to.
func wget(words []string) (check, error) {
	c := check{}
	return c, parse(&c, words, wgetOptions(), true)
}

func netcatOptions() []option {
	return []option{
		{"z", "", false, func(c *check, _ string) error { c.tcp = true; return nil }},
		{"v", "", false, nil}, {"n", "", false, nil}, {"4", "", false, nil},
		{"w", "wait", true, seconds}, {"G", "", true, seconds},
	}
}

func netcat(words []string) (check, error) {
	var c check
	var rest []string
	collect := append(netcatOptions(), option{"", "", true, func(_ *check, v string) error { rest = append(rest, v); return nil }})
	if err := parse(&c, words, collect, false); err != nil {
		return c, err
	}
	if !c.tcp {
		return c, errors.New("without -z it talks to the service")
	}
	if len(rest) != 2 {
		return c, errors.New("it names no host and port")
	}
	if _, err := strconv.ParseUint(rest[1], 10, 16); err != nil {
		return c, fmt.Errorf("%q is no port", rest[1])
	}
	c.url = "tcp://" + rest[0] + ":" + rest[1]
	return c, nil
}

// parse reads words by a table of options. What is no option is the address,
// or is for the option without a name. joined are short options with several
// letters, as wget's -nv.
func parse(c *check, words []string, options []option, joined bool) error {
	find := func(name string, long bool) (option, bool) {
		for _, o := range options {
			if long && o.long == name && name != "" || !long && o.short == name && name != "" {
				return o, true
			}
		}
		return option{}, false
	}
	apply := func(o option, v string) error {
		if o.do == nil {
			return nil
		}
		return o.do(c, v)
	}
	positional := c.address
	for _, o := range options {
		if o.short == "" && o.long == "" {
			positional = func(v string) error { return o.do(c, v) }
		}
	}
	only := false // the rest are no options
	for i := 0; i < len(words); i++ {
		w := words[i]
		next := func() (string, error) {
			if i++; i >= len(words) {
				return "", fmt.Errorf("%s has no value", w)
			}
			return words[i], nil
		}
		var err error
		switch {
		case only || w == "-" || !strings.HasPrefix(w, "-"):
			err = positional(w)
		case w == "--":
			only = true
		case strings.HasPrefix(w, "--"):
			name, v, has := strings.Cut(w[2:], "=")
			o, ok := find(name, true)
			if !ok || has && !o.value {
				return fmt.Errorf("%s is not understood", w)
			}
			if o.value && !has {
				if v, err = next(); err != nil {
					return err
				}
			}
			err = apply(o, v)
		default:
			err = short(w, joined, find, apply, next)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// short reads a word of short options, of which the last may have a value.
func short(w string, joined bool, find func(string, bool) (option, bool), apply func(option, string) error, next func() (string, error)) error {
	letters := w[1:]
	if o, ok := find(letters, false); ok && joined && len(letters) > 1 {
		return apply(o, "")
	}
	for len(letters) > 0 {
		o, ok := find(letters[:1], false)
		if !ok {
			return fmt.Errorf("-%s is not understood", letters[:1])
		}
		letters = letters[1:]
		if !o.value {
			if err := apply(o, ""); err != nil {
				return err
			}
			continue
		}
		v, err := letters, error(nil)
		if v == "" {
			if v, err = next(); err != nil {
				return err
			}
		}
		return apply(o, v)
	}
	return nil
}

// address takes the URL of a check. There is one.
func (c *check) address(v string) error {
	if c.url != "" {
		return fmt.Errorf("it asks %s, too", v)
	}
	if !strings.Contains(v, "://") {
		v = "http://" + v
	}
	c.url = v
	return nil
}

// arguments writes a check as the probe reads it.
func (c check) arguments() ([]string, error) {
	if c.url == "" {
		return nil, errors.New("it names no address")
	}
	u, err := url.Parse(c.url)
	if err != nil {
		return nil, fmt.Errorf("%q is no address", c.url)
	}
	switch {
	case u.Scheme != "http" && u.Scheme != "tcp":
		return nil, fmt.Errorf("the probe does not speak %s", u.Scheme)
	case u.User != nil:
		return nil, errors.New("the address has a user")
	}
	host := u.Hostname()
	addr, err := netip.ParseAddr(host)
	switch {
	case host == "localhost", err == nil && addr.Is4(), err == nil && addr == netip.IPv6Loopback():
	default:
		return nil, fmt.Errorf("the host %s is neither localhost nor an IPv4 address", host)
	}
	if port := u.Port(); port != "" {
		if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
			return nil, fmt.Errorf("%q is no port", port)
		}
	}
	rest := u.EscapedPath()
	if u.RawQuery != "" {
		rest += "?" + u.RawQuery
	}
	if host == "::1" {
		host = "[::1]"
	}
	if port := u.Port(); port != "" {
		host += ":" + port
	}
	var out []string
	if c.seconds > 0 {
		out = append(out, "-t", strconv.Itoa(c.seconds))
	}
	if c.head {
		out = append(out, "-I")
	}
	if c.any {
		out = append(out, "-a")
	}
	for _, h := range c.headers {
		out = append(out, "-H", h)
	}
	return append(out, u.Scheme+"://"+host+rest), nil
}
