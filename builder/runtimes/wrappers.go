package runtimes

import (
	"path"
	"slices"
	"strings"
)

// A wrapper is a program that starts the program its arguments name. Its
// options are read as getopt_long(3) reads them, up to the first operand.
type wrapper struct {
	operands int      // words of its own before the command, such as gosu's user
	values   string   // letters of options whose value is the rest of the word, else the next one
	attached string   // letters of options whose value, if any, is the rest of the word
	long     []string // long options whose value is the next word unless "=" joins it
	query    string   // letters of options with which it starts no program of its arguments
	assigns  bool     // NAME=value may stand before the command
	needs    []string // options without which the operands are no command
}

// wrappers by name, with the options that their own documentation lists: GNU
// coreutils 9.7 (env, nice, nohup, stdbuf, timeout, chroot), util-linux 2.41
// (setsid, ionice, flock, setpriv, runuser), findutils 4.10 (xargs), sudo(8) of
// sudo 1.9.17, tini 0.19, dumb-init 1.2.5, catatonit 0.2, gosu 1.17, su-exec
// 0.2, chpst(8) of runit 2.2, s6 2.13 and exec of bash 5.2; read in 2026.
var wrappers = map[string]wrapper{
	"catatonit": {}, "dumb-init": {values: "r", long: []string{"rewrite"}, query: "hV"},
	"tini": {values: "pe", query: "hl"}, "tini-static": {values: "pe", query: "hl"},
	"env":    {values: "uCa", long: []string{"unset", "chdir", "argv0"}, assigns: true},
	"nice":   {values: "n", long: []string{"adjustment"}},
	"ionice": {values: "cn", long: []string{"class", "classdata"}, query: "pPuhV"},
	"stdbuf": {values: "ioe", long: []string{"input", "output", "error"}},
	"setsid": {query: "hV"}, "nohup": {}, "exec": {values: "a"},
	"timeout": {operands: 1, values: "ks", long: []string{"kill-after", "signal"}},
	"xargs": {
		values: "adEILnPs", attached: "eil",
		long: []string{"arg-file", "delimiter", "max-args", "max-procs", "max-chars", "process-slot-var"},
	},
	"flock": {operands: 1, values: "wE", long: []string{"wait", "timeout", "conflict-exit-code"}, query: "hV"},
	"gosu":  {operands: 1}, "su-exec": {operands: 1}, "s6-setuidgid": {operands: 1},
	"chroot": {operands: 1, long: []string{"groups", "userspec"}},
	"chpst":  {values: "uUbe/CnlLmdopfcrt"},
	"setpriv": {query: "dhV", long: []string{
		"ambient-caps", "inh-caps", "bounding-set", "ruid", "euid", "rgid", "egid", "reuid", "regid", "groups", "securebits",
		"pdeathsig", "ptracer", "selinux-label", "apparmor-profile", "landlock-access", "landlock-rule", "seccomp-filter",
	}},
	"runuser": {
		values: "ugGscw", query: "hV", needs: []string{"u", "user"},
		long: []string{"user", "group", "supp-group", "shell", "command", "session-command", "whitelist-environment"},
	},
	// -h has two meanings; before a command it names a host.
	"sudo": {values: "aCcDghpRrTtUu", query: "eKlVv", assigns: true, long: []string{
		"auth-type", "close-from", "login-class", "chdir", "group", "host", "prompt", "chroot", "role", "command-timeout", "type", "other-user", "user",
	}},
}

// IsWrapper reports whether a program is there to start another.
func IsWrapper(program string) bool {
	_, ok := wrappers[path.Base(program)]
	return ok
}

// Wrapped gives the command line that a wrapper such as tini or gosu is given
// among its arguments. ok is false when argv runs nothing but itself.
func Wrapped(argv []string) (inner []string, ok bool) {
	if len(argv) == 0 {
		return nil, false
	}
	w, ok := wrappers[path.Base(argv[0])]
	if !ok {
		return nil, false
	}
	at, ok := w.command(argv[1:])
	if !ok {
		return nil, false
	}
	return argv[1+at:], true
}

// innerCommand is the index of the first word of the command in a wrapper's
// arguments, or their number when there is none.
func innerCommand(name string, words []string) int {
	if at, ok := wrappers[name].command(words); ok {
		return at
	}
	return len(words)
}

// command is the index of the first word of the command in the arguments, or
// their number when it is left out. ok is false when they ask for something
// else than to start a command.
func (w wrapper) command(words []string) (at int, ok bool) {
	needed := len(w.needs) == 0
	i := 0
	for i < len(words) {
		word := words[i]
		if word == "--" {
			i++
			break
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
			if len(n) == 1 && strings.Contains(w.query, n) {
				return 0, false
			}
			needed = needed || slices.Contains(w.needs, n)
		}
	}
	for w.assigns && i < len(words) && (strings.Contains(words[i], "=") || words[i] == "-") {
		i++
	}
	i += w.operands
	if w.operands > 0 && i < len(words) && words[i] == "--" {
		i++ // su-exec and gosu hand it on, and a command of that name is none
	}
	return min(i, len(words)), needed
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
