package dockerfile

import (
	"slices"
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// A wrapper is a program that runs the command in its arguments.
type wrapper struct {
	values   string   // letters of flags whose value is the next word
	long     []string // long flags whose value is the next word
	operands int      // words before the command
	query    string   // letters of flags with which it runs nothing
}

var wrappers = map[string]wrapper{
	"sudo":      {values: "ughpCrtUTDR", long: []string{"--user", "--group", "--host", "--prompt", "--chdir", "--chroot"}, query: "lKkVv"},
	"doas":      {values: "uC"},
	"env":       {values: "uC", long: []string{"--unset", "--chdir"}},
	"time":      {values: "fo"},
	"nice":      {values: "n"},
	"nohup":     {},
	"exec":      {values: "a"},
	"command":   {query: "vV"},
	"builtin":   {},
	"ionice":    {values: "cn"},
	"stdbuf":    {values: "ioe"},
	"timeout":   {values: "sk", operands: 1},
	"xargs":     {values: "IELnPsda"},
	"chroot":    {operands: 1},
	"gosu":      {operands: 1},
	"su-exec":   {operands: 1},
	"flock":     {values: "wE", operands: 1},
	"eatmydata": {},
	"fakeroot":  {},
	"chronic":   {},
	"busybox":   {},
	"setpriv":   {},
	"runuser":   {values: "ugG"},
	"tini":      {},
	"dumb-init": {},
}

// inner gives the words after a wrapper's own.
func (w wrapper) inner(args []Arg) (rest, assigns []Arg) {
	operands := w.operands
	for len(args) > 0 {
		text := args[0].Text
		switch {
		case text == "--":
			args = args[1:]
			for ; operands > 0 && len(args) > 0; operands-- {
				args = args[1:]
			}
			return args, assigns
		case len(text) > 1 && text[0] == '-':
			if text[1] != '-' && w.query != "" && strings.ContainsAny(text[1:], w.query) {
				return nil, nil
			}
			value := len(text) == 2 && strings.Contains(w.values, text[1:]) || slices.Contains(w.long, text)
			args = args[1:]
			if value && len(args) > 0 {
				args = args[1:]
			}
		case isAssign(text):
			assigns = append(assigns, args[0])
			args = args[1:]
		case operands > 0:
			operands--
			args = args[1:]
		default:
			return args, assigns
		}
	}
	return nil, assigns
}

// isAssign reports whether a word is NAME=value.
func isAssign(word string) bool {
	name, _, ok := strings.Cut(word, "=")
	return ok && syntax.ValidName(name)
}
