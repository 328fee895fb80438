package node

import (
	"path"
	"regexp"
	"strings"
	"sync"
)

// A shim is a small shell script by which a package manager makes a program of a
// package a command: pnpm always, npm and Yarn where links are no good (the
// packages cmd-shim and @zkochan/cmd-shim; read in 2026).
type shim struct {
	options  []string // of node
	target   string   // path of the file that is run
	node     bool     // node runs it
	nodePath string   // NODE_PATH that is set where there is none
}

// maxShim is the longest shim, in bytes. Its NODE_PATH has a directory for each
// level of the tree.
const maxShim = 64 << 10

// shimLine matches the command that a shim ends with.
var shimLine = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`(?m)^\s*exec (?:(node|"\$basedir/node")((?: +-[\w=-]+)*) +)?"(?:\$basedir/([^"$` + "`" + `]+)|(/[^"$` + "`" + `]+))"\s+((?:[^"\s]+\s+)*)"\$@"\s*$`)
})

var shimPath = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`(?m)^\s*export NODE_PATH="([^"$` + "`" + `]+)"\s*$`)
})

// parseShim reads the shim at a path. ok is false for any other script.
func parseShim(name string, text []byte) (s shim, ok bool) {
	if len(text) > maxShim || !strings.HasPrefix(string(text), "#!/bin/sh") || !strings.Contains(string(text), "basedir=") {
		return s, false
	}
	found := shimLine().FindAllSubmatch(text, -1)
	if len(found) == 0 {
		return s, false
	}
	m := found[len(found)-1]
	for _, other := range found { // all its branches run the same file
		if string(other[3]) != string(m[3]) || string(other[4]) != string(m[4]) {
			return s, false
		}
	}
	if strings.TrimSpace(string(m[5])) != "" {
		return s, false
	}
	s.node, s.options = len(m[1]) > 0, strings.Fields(string(m[2]))
	if s.target = string(m[4]); s.target == "" {
		s.target = path.Join(path.Dir(name), string(m[3]))
	}
	if p := shimPath().FindSubmatch(text); p != nil {
		s.nodePath = string(p[1])
	}
	return s, true
}
