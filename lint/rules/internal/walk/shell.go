package walk

import (
	"path"
	"slices"
	"strings"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"

	"github.com/whittle-oci/whittle/lint/dockerfile"
)

// Pipefail reports whether the command line of a shell turns pipefail on, for a
// shell that knows it: bash, zsh, the Korn shells, busybox, and what is sh in
// the image where that is one of them.
func Pipefail(f *dockerfile.File, in dockerfile.Instruction, shell []string) bool {
	i := slices.Index(shell, "pipefail")
	if i < 2 || !strings.HasPrefix(shell[i-1], "-") || !strings.HasSuffix(shell[i-1], "o") {
		return false
	}
	switch name := path.Base(shell[0]); name {
	case "sh":
		image, tag := base(f, in.Stage)
		return image == "alpine" || strings.Contains(tag, "alpine") || slices.Contains(shIsBash, image)
	default:
		return slices.Contains([]string{"bash", "zsh", "ash", "ksh", "mksh"}, name)
	}
}

// shIsBash are base images whose /bin/sh is bash.
var shIsBash = []string{"fedora", "centos", "rockylinux", "almalinux", "amazonlinux", "oraclelinux", "leap", "tumbleweed", "archlinux", "ubi8", "ubi9"}

// StopsOnError reports whether a script stops at the first command that fails:
// the shell is told to, or the script begins with set -e.
func StopsOnError(s dockerfile.Script) bool {
	for i, w := range s.Shell {
		if i > 0 && (len(w) > 1 && w[0] == '-' && w[1] != '-' && strings.Contains(w, "e") || w == "errexit") {
			return true
		}
	}
	return s.File != nil && slices.ContainsFunc(s.File.Stmts, stopsOnError)
}

// ShellOf is a shell with pipefail that a stage's base has, "" when nothing is
// known of the base.
func ShellOf(f *dockerfile.File, stage int) string {
	name, tag := base(f, stage)
	switch {
	case name == "alpine" || strings.Contains(tag, "alpine"):
		return "/bin/ash"
	case slices.Contains(withBash, name):
		return "/bin/bash"
	}
	return ""
}

// base is the image that a stage goes back to, without its registry, "" when it
// is not known.
func base(f *dockerfile.File, stage int) (name, tag string) {
	for stage >= 0 && f.Stages[stage].Parent >= 0 {
		stage = f.Stages[stage].Parent
	}
	if stage < 0 {
		return "", ""
	}
	ref, known := f.BaseName(&f.Stages[stage])
	if !known || strings.Contains(ref, "distroless") {
		return "", ""
	}
	name, tag, _ = Image(ref)
	return path.Base(name), tag
}

// withBash are base images, of any registry, that carry bash when their tag does
// not say alpine. None of them sets a USER.
var withBash = []string{
	"debian", "ubuntu", "fedora", "centos", "rockylinux", "almalinux", "amazonlinux", "oraclelinux", "leap", "tumbleweed", "archlinux", "ubi8", "ubi9",
	"buildpack-deps", "gcc", "golang", "node", "openjdk", "eclipse-temurin", "php", "python", "ruby", "rust", "perl", "maven",
	"nginx", "httpd", "postgres", "mysql", "mariadb", "redis",
}

// RunsAsRoot reports whether an instruction is known to run as root: USER says
// so, or there is none and the base is known to have none.
func RunsAsRoot(f *dockerfile.File, in dockerfile.Instruction) bool {
	if user, set := UserAt(f, in); set {
		name, _, _ := strings.Cut(user, ":")
		return name == "root" || name == "0"
	}
	return ShellOf(f, in.Stage) != ""
}

// UserAt is the USER in force at an instruction, "" when its value is not
// known. set is false when there is no USER before it.
func UserAt(f *dockerfile.File, in dockerfile.Instruction) (user string, set bool) {
	before := in.Index
	for stage := in.Stage; stage >= 0; stage = f.Stages[stage].Parent {
		for _, x := range slices.Backward(f.In(stage)) {
			if c, isUser := x.Command.(*instructions.UserCommand); isUser && x.Index < before && !x.Trigger {
				if user, known := f.Expand(x, c.User); known {
					return user, true
				}
				return "", true
			}
		}
		before = len(f.Instructions)
	}
	return "", false
}

// Workdir is the working directory of an instruction. known is false when no
// WORKDIR before it says.
func Workdir(f *dockerfile.File, in dockerfile.Instruction) (dir string, known bool) {
	before := in.Index
	for stage := in.Stage; stage >= 0; stage = f.Stages[stage].Parent {
		for _, x := range slices.Backward(f.In(stage)) {
			c, isWorkdir := x.Command.(*instructions.WorkdirCommand)
			if !isWorkdir || x.Index >= before || x.Trigger {
				continue
			}
			part, ok := f.Expand(x, c.Path)
			if !ok || part == "" {
				return "", false
			}
			dir = path.Join(part, dir)
			if path.IsAbs(part) {
				return dir, true
			}
		}
		before = len(f.Instructions)
	}
	return "", false
}
