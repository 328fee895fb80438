package runtimes

import (
	"path"
	"slices"
	"strings"
)

// A wrapper is a program that starts the program its arguments name.
type wrapper struct {
	own    int      // words of its own before the command, such as gosu's user
	values []string // flags whose value is the next word
}

// wrappers by name. The flags are those of coreutils, util-linux, tini, gosu
// and s6, as their manuals have them.
var wrappers = map[string]wrapper{
	"catatonit": {}, "dumb-init": {values: []string{"-r", "--rewrite"}}, "tini": {values: []string{"-p", "-e"}}, "tini-static": {values: []string{"-p", "-e"}},
	"env":    {values: []string{"-u", "-C", "--unset", "--chdir"}},
	"nice":   {values: []string{"-n", "--adjustment"}},
	"ionice": {values: []string{"-c", "-n", "--class", "--classdata"}},
	"stdbuf": {values: []string{"-i", "-o", "-e"}},
	"setsid": {}, "nohup": {}, "exec": {},
	"timeout": {own: 1, values: []string{"-s", "-k", "--signal", "--kill-after"}},
	"xargs":   {values: []string{"-n", "-I", "-P", "-L", "-d", "-s", "-a"}},
	"flock":   {own: 1, values: []string{"-w", "-E", "--timeout"}},
	"gosu":    {own: 1}, "su-exec": {own: 1}, "s6-setuidgid": {own: 1}, "chroot": {own: 1},
	"chpst":   {values: []string{"-u", "-U", "-b", "-e", "-/", "-n", "-l", "-L", "-m", "-d", "-o", "-p", "-f", "-c"}},
	"setpriv": {values: []string{"--reuid", "--regid", "--groups", "--inh-caps", "--ambient-caps", "--bounding-set"}},
	"runuser": {values: []string{"-u", "-g", "-G", "-s", "-c", "--user", "--group"}},
	"sudo":    {values: []string{"-u", "-g", "-h", "-p", "-C", "-D"}},
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
	base := path.Base(argv[0])
	if _, ok := wrappers[base]; !ok {
		return nil, false
	}
	return argv[1+innerCommand(base, argv[1:]):], true
}

// innerCommand is the index of the first word of the command in a wrapper's
// arguments, or their number when there is none.
func innerCommand(name string, words []string) int {
	w := wrappers[name]
	for i := 0; i < len(words); i++ {
		switch {
		case slices.Contains(w.values, words[i]):
			i++
		case words[i] == "--":
		case strings.HasPrefix(words[i], "-") && len(words[i]) > 1:
		case name == "env" && strings.Contains(words[i], "="):
		case w.own > 0:
			w.own--
		default:
			return i
		}
	}
	return len(words)
}
