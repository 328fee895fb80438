package command

import (
	"path"
	"slices"
	"strings"
	"sync"
)

// A wrapper is a program, or a word of the shell, that starts the command that
// its arguments name. Its options are read as getopt_long(3) reads them, up to
// the first operand.
type wrapper struct {
	operands int      // words of its own before the command, such as gosu's user
	values   string   // letters of options whose value is the rest of the word, else the next one
	attached string   // letters of options whose value, if any, is the rest of the word
	long     []string // long options whose value is the next word unless "=" joins it
	query    []string // options with which it starts none of its arguments, besides help and version
	assigns  bool     // NAME=value may stand before the command
	needs    []string // options without which the operands are no command
}

// wrappers by name, with the options that their own documentation lists: GNU
// coreutils 9.7 (env, nice, nohup, stdbuf, timeout, chroot), util-linux 2.41
// (setsid, ionice, flock, setpriv, runuser), findutils 4.10 (xargs), time 1.9,
// sudo(8) of sudo 1.9.17, doas(1) of OpenDoas 6.8, tini 0.19, dumb-init 1.2.5,
// catatonit 0.2, gosu 1.17, su-exec 0.2, chpst(8) of runit 2.2, s6 2.13,
// fakeroot(1) 1.37, eatmydata(1) 131, chronic(1) of moreutils 0.69, BusyBox
// 1.37, numactl(8) 2.0, taskset(1), chrt(1) and choom(1) of util-linux, D-Bus 1.14,
// ssh-agent(1) of OpenSSH 9.2, xvfb-run(1) of Debian 12, faketime(1) 0.9, cpulimit
// 2.7, daemontools 0.76, s6-overlay 3, and exec, command and builtin of bash 5.2;
// read in 2026.
var wrappers = sync.OnceValue(func() map[string]wrapper {
	return map[string]wrapper{
		"catatonit": {query: []string{"h", "V"}}, "dumb-init": {values: "r", long: []string{"rewrite"}, query: []string{"h", "V"}},
		"tini": {values: "pe", query: []string{"h", "l"}}, "tini-static": {values: "pe", query: []string{"h", "l"}},
		"exec": {values: "a"}, "command": {query: []string{"v", "V"}}, "builtin": {},
		"busybox":   {query: []string{"list", "list-full", "install", "show"}},
		"env":       {values: "uCa", long: []string{"unset", "chdir", "argv0"}, assigns: true},
		"nice":      {values: "n", long: []string{"adjustment"}},
		"ionice":    {values: "cn", long: []string{"class", "classdata"}, query: []string{"p", "P", "u", "h", "V", "pid", "pgid", "uid"}},
		"stdbuf":    {values: "ioe", long: []string{"input", "output", "error"}},
		"setsid":    {query: []string{"h", "V"}},
		"nohup":     {},
		"time":      {values: "fo", long: []string{"format", "output"}, query: []string{"V"}},
		"timeout":   {operands: 1, values: "ks", long: []string{"kill-after", "signal"}},
		"eatmydata": {}, "chronic": {},
		"fakeroot": {values: "lfisb", long: []string{"lib", "faked", "fd-base"}, query: []string{"h", "v"}},
		"xargs": {
			values: "adEILnPs", attached: "eil",
			long: []string{"arg-file", "delimiter", "max-args", "max-procs", "max-chars", "process-slot-var"},
		},
		"flock": {operands: 1, values: "wE", long: []string{"wait", "timeout", "conflict-exit-code"}, query: []string{"h", "V"}},
		"gosu":  {operands: 1}, "su-exec": {operands: 1}, "s6-setuidgid": {operands: 1},
		"chroot": {operands: 1, long: []string{"groups", "userspec"}},
		"chpst":  {values: "uUbe/CnlLmdopfcrt"},
		"setpriv": {query: []string{"d", "h", "V", "dump", "list-caps"}, long: []string{
			"ambient-caps", "inh-caps", "bounding-set", "ruid", "euid", "rgid", "egid", "reuid", "regid", "groups", "securebits",
			"pdeathsig", "ptracer", "selinux-label", "apparmor-profile", "landlock-access", "landlock-rule", "seccomp-filter",
		}},
		"runuser": {
			values: "ugGscw", query: []string{"h", "V"}, needs: []string{"u", "user"},
			long: []string{"user", "group", "supp-group", "shell", "command", "session-command", "whitelist-environment"},
		},
		// -h has two meanings; before a command it names a host.
		"sudo": {values: "aCcDghpRrTtUu", query: []string{"e", "K", "l", "V", "v", "edit", "remove-timestamp", "list", "validate"}, assigns: true, long: []string{
			"auth-type", "close-from", "login-class", "chdir", "group", "host", "prompt", "chroot", "role", "command-timeout", "type", "other-user", "user",
		}},
		"doas":             {values: "uC", query: []string{"L", "s"}},
		"numactl":          {values: "iNmCpP", long: []string{"interleave", "cpunodebind", "physcpubind", "membind", "preferred", "preferred-many"}, query: []string{"s", "H", "show", "hardware"}},
		"taskset":          {operands: 1, query: []string{"p", "pid", "h", "V"}},
		"chrt":             {operands: 1, values: "TPD", long: []string{"sched-runtime", "sched-period", "sched-deadline"}, query: []string{"m", "p", "max", "pid", "h", "V"}},
		"choom":            {values: "n", long: []string{"adjust"}, query: []string{"p", "pid", "h", "V"}},
		"dbus-run-session": {long: []string{"config-file", "dbus-daemon"}},
		"dbus-launch":      {long: []string{"config-file", "autolaunch"}},
		"ssh-agent":        {values: "aEOPt", query: []string{"k"}},
		"xvfb-run":         {values: "efnpsw", long: []string{"error-file", "auth-file", "server-num", "xauth-protocol", "server-args", "wait"}, query: []string{"h"}},
		"faketime":         {operands: 1, query: []string{"v"}},
		"cpulimit":         {values: "lpePcm", long: []string{"limit", "pid", "exe", "path", "cpu"}, query: []string{"h"}},
		"envdir":           {operands: 1}, "setlock": {operands: 1}, "setuidgid": {operands: 1}, "envuidgid": {operands: 1},
		"softlimit":      {values: "admstlcforp"},
		"with-contenv":   {},
		"s6-envdir":      {operands: 1},
		"s6-setlock":     {operands: 1, values: "t"},
		"s6-applyuidgid": {values: "ugG"},
		"linux32":        {}, "linux64": {},
	}
})

// IsWrapper reports whether a program is there to start another.
func IsWrapper(program string) bool {
	_, ok := wrappers()[path.Base(program)]
	return ok
}

// Wrapped gives the command line that a wrapper such as tini or gosu is given
// among its arguments, which may be empty. ok is false when argv runs nothing
// but itself.
func Wrapped(argv []string) (inner []string, ok bool) {
	if len(argv) == 0 {
		return nil, false
	}
	in, ok := Split(argv[0], argv[1:])
	if !ok {
		return nil, false
	}
	return argv[1+in.Command:], true
}

// An Inner tells where things stand in the arguments of a wrapper.
type Inner struct {
	Command int   // the first word of the command, or the number of arguments when it is left out
	Assigns []int // NAME=value for the command's environment
}

// Split finds the command in the arguments of a wrapper, by name or path. An
// argument whose value is not known may be any text that is neither a flag nor
// an assignment. ok is false for other programs, and when the arguments ask for
// something else than to start a command.
func Split(program string, args []string) (in Inner, ok bool) {
	w, ok := wrappers()[path.Base(program)]
	if !ok {
		return in, false
	}
	needed := len(w.needs) == 0
	i := 0
	for i < len(args) {
		word := args[i]
		if word == "--" {
			i++
			break
		}
		if w.assigns && IsAssign(word) { // sudo takes options after it
			in.Assigns = append(in.Assigns, i)
			i++
			continue
		}
		if len(word) < 2 || word[0] != '-' {
			break
		}
		i++
		names, next := w.option(word)
		if next {
			i++
		}
		for _, n := range names {
			if n == "help" || n == "version" || slices.Contains(w.query, n) {
				return in, false
			}
			needed = needed || slices.Contains(w.needs, n)
		}
	}
	for w.assigns && i < len(args) && (strings.Contains(args[i], "=") || args[i] == "-") {
		if args[i] != "-" {
			in.Assigns = append(in.Assigns, i)
		}
		i++
	}
	i += w.operands
	if w.operands > 0 && i < len(args) && args[i] == "--" {
		i++ // su-exec and gosu hand it on, and a command of that name is none
	}
	in.Command = min(i, len(args))
	return in, needed
}

// option gives the names of the options in one word, and whether the value of
// the last is the next word.
func (w wrapper) option(word string) (names []string, next bool) {
	if long, ok := strings.CutPrefix(word, "--"); ok {
		name, _, joined := strings.Cut(long, "=")
		return []string{name}, !joined && slices.Contains(w.long, name)
	}
	for i := 1; i < len(word); i++ {
		letter := word[i : i+1]
		names = append(names, letter)
		switch {
		case strings.Contains(w.values, letter):
			return names, i == len(word)-1
		case strings.Contains(w.attached, letter):
			return names, false
		}
	}
	return names, false
}
