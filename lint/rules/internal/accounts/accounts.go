// Package accounts knows which users an image has and which one it runs as: by
// the USER and RUN instructions of a stage and of those it is made from, by the
// image that all are made from, and by what that is known for.
package accounts

import (
	"path"
	"slices"
	"strings"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"

	"github.com/whittle-oci/whittle/lint/dockerfile"
	"github.com/whittle-oci/whittle/lint/source"
)

// An Account is a user that a RUN creates.
type Account struct {
	Name string
	UID  string // digits, "" when the system chooses it or it is not known
	// Shared marks one that may have the number of another.
	Shared bool
	In     dockerfile.Instruction
	Span   source.Span // the word that names it
}

// Created lists the accounts that the RUNs of a stage and of the stages it is
// made from create, the earliest stage first.
func Created(f *dockerfile.File, stage int) []Account {
	var out []Account
	for _, s := range chain(f, stage) {
		for _, in := range f.In(s) {
			if in.Trigger || in.Keyword != "run" {
				continue
			}
			for _, c := range f.Commands(in) {
				if a, ok := account(f, in, c); ok {
					out = append(out, a)
				}
			}
		}
	}
	return out
}

// chain lists a stage and those it is made from, the earliest first.
func chain(f *dockerfile.File, stage int) []int {
	var out []int
	for ; stage >= 0; stage = f.Stages[stage].Parent {
		out = append(out, stage)
	}
	slices.Reverse(out)
	return out
}

// values are the flags of useradd (shadow), adduser (Debian) and adduser
// (BusyBox) whose value is the next word.
var values = map[string][]string{
	"useradd": {"-b", "-c", "-d", "-e", "-f", "-g", "-G", "-k", "-K", "-p", "-R", "-P", "-s", "-u", "-Z", "--base-dir", "--comment", "--home-dir", "--home", "--expiredate", "--inactive", "--gid", "--groups", "--skel", "--key", "--password", "--root", "--prefix", "--shell", "--uid", "--selinux-user"},
	"adduser": {"-h", "-g", "-s", "-G", "-u", "-k", "-c", "-d", "--home", "--shell", "--uid", "--gid", "--ingroup", "--gecos", "--comment", "--firstuid", "--lastuid", "--conf", "--add_extra_groups"},
}

// account reads a command that creates a user.
func account(f *dockerfile.File, in dockerfile.Instruction, c dockerfile.Command) (a Account, ok bool) {
	takes, ok := values[c.Name]
	if !ok {
		return a, false
	}
	a.In = in
	var words []dockerfile.Arg
	for i := 0; i < len(c.Args); i++ {
		text := c.Args[i].Text
		name, value, joined := strings.Cut(text, "=")
		switch {
		case !strings.HasPrefix(text, "-") || text == "-":
			words = append(words, c.Args[i])
			continue
		case text == "-o" || text == "--non-unique":
			a.Shared = true
		case !joined && slices.Contains(takes, text) && i+1 < len(c.Args):
			i++
			value = known(f, in, c.Args[i])
		case bundled(text, takes) && i+1 < len(c.Args):
			// useradd -rmu 1000: the last letter takes the next word.
			a.Shared = a.Shared || strings.Contains(text, "o")
			name = "-" + text[len(text)-1:]
			i++
			value = known(f, in, c.Args[i])
		}
		if name == "-u" || name == "--uid" {
			a.UID = number(value)
		}
	}
	at := len(words) - 1
	if c.Name == "adduser" {
		at = 0 // adduser USER GROUP
	}
	if at < 0 || len(words) == 0 || c.Name == "adduser" && len(words) > 1 {
		return a, false // adduser USER GROUP adds to a group
	}
	a.Name, a.Span = known(f, in, words[at]), words[at].Span
	return a, a.Name != ""
}

// bundled reports whether a word is short flags together, the last of which
// takes the next word.
func bundled(text string, takes []string) bool {
	return len(text) > 2 && text[0] == '-' && text[1] != '-' && slices.Contains(takes, "-"+text[len(text)-1:])
}

// known is the value of an argument, "" when it is computed.
func known(f *dockerfile.File, in dockerfile.Instruction, a dockerfile.Arg) string {
	if a.Literal {
		return a.Text
	}
	if value, ok := f.Expand(in, strings.Trim(a.Text, `"`)); ok {
		return value
	}
	return ""
}

func number(text string) string {
	if text == "" || strings.Trim(text, "0123456789") != "" {
		return ""
	}
	if text = strings.TrimLeft(text, "0"); text == "" {
		return "0"
	}
	return text
}

// Last finds the USER in force at the end of a stage or, where it has none, of
// the stage it is made from. user is what it says, variables filled in; known
// is false when one has no value.
func Last(f *dockerfile.File, stage int) (in dockerfile.Instruction, user string, known, found bool) {
	for ; stage >= 0; stage = f.Stages[stage].Parent {
		all := f.In(stage)
		for i := len(all) - 1; i >= 0; i-- {
			if u, ok := all[i].Command.(*instructions.UserCommand); ok && !all[i].Trigger {
				user, known = f.Expand(all[i], u.User)
				return all[i], user, known, true
			}
		}
	}
	return dockerfile.Instruction{}, "", false, false
}

// Root reports whether a user, as USER or an image's configuration names it, is
// root. An empty one is.
func Root(user string) bool {
	name, _, _ := strings.Cut(user, ":")
	return name == "root" || strings.Trim(name, "0") == ""
}

// Name cuts the group off a user.
func Name(user string) string {
	name, _, _ := strings.Cut(user, ":")
	return name
}

// Base is the stage whose base is the image that a stage goes back to.
func Base(f *dockerfile.File, stage int) *dockerfile.Stage {
	s := &f.Stages[stage]
	for s.Parent >= 0 {
		s = &f.Stages[s.Parent]
	}
	return s
}

// repository is the name of an image without what Docker Hub's names may leave
// out.
func repository(image string) (name, tag string) {
	name, _, _ = strings.Cut(image, "@")
	if i := strings.LastIndexByte(name, ':'); i >= 0 && !strings.Contains(name[i:], "/") {
		name, tag = name[:i], name[i+1:]
	}
	for _, p := range []string{"docker.io/", "index.docker.io/", "registry-1.docker.io/", "library/"} {
		name = strings.TrimPrefix(name, p)
	}
	return path.Clean(name), tag
}
