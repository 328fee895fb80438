package main

import (
	"bytes"
	"regexp"
	"slices"
	"strings"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"

	"github.com/whittle-oci/whittle/lint/dockerfile"
)

// kinds decide from a case alone whether it is of a kind.
var kinds = map[string]func(disagreement) bool{
	// BuildKit cannot build the file at all, which is what we say of it.
	"refused-by-buildkit": func(d disagreement) bool { return d.file == nil && !d.extra },
	// What is said of the image is said of its final stage, once.
	"stage-not-final": missed(func(f *dockerfile.File, in dockerfile.Instruction) bool {
		return in.Stage >= 0 && in.Stage < len(f.Stages)-1
	}),
	// The default of an ARG or the value of an ENV decides.
	"variable-filled-in": extra(func(_ *dockerfile.File, in dockerfile.Instruction) bool { return strings.Contains(in.Text.Text, "$") }),
	// The command is run by another one, or named by its path.
	"not-by-name": extra(notByName),
	// PowerShell or cmd reads the RUN.
	"foreign-shell": either(foreignShell),
	// The command is apt, not apt-get.
	"apt": extra(func(f *dockerfile.File, in dockerfile.Instruction) bool { return runs(f, in, "apt", "install") }),
	// The RUN has an rm -rf of something else than the cache.
	"any-rm": extra(func(f *dockerfile.File, in dockerfile.Instruction) bool { return runs(f, in, "rm", "-rf") }),
	// The RUN's stage does not reach the image, a mount takes the files, nothing
	// is downloaded, or apt-get dist-clean, pip cache purge or rm deletes it.
	"nothing-stays": missed(func(f *dockerfile.File, in dockerfile.Instruction) bool {
		return in.Stage >= 0 && !f.Shipped(in.Stage) || runs(f, in, "apk", "--no-network") || runs(f, in, "apt-get", "dist-clean") || runs(f, in, "pip", "cache") || runs(f, in, "rm", "-rf") || strings.Contains(strings.Join(in.Node.Flags, " "), "type=cache")
	}),
	// The instruction is ADD.
	"add": extra(func(_ *dockerfile.File, in dockerfile.Instruction) bool { return in.Keyword == "add" }),
	// The RUN is ONBUILD's.
	"onbuild": extra(func(_ *dockerfile.File, in dockerfile.Instruction) bool { return in.Trigger }),
	// A package's name has the variable of another stage's ARG in it.
	"arg-of-another-stage": extra(argElsewhere),
	// All of a package's name is a variable.
	"package-in-variable": missed(argumentMatches(`^"?\$(\w+|\{.*\})"?$`)),
	// The user id is a variable.
	"uid-in-variable": missed(argumentMatches(`^"?\$\{?\w*[UuIiDd]+\w*\}?"?$`)),
	// The USER is not the image's, is root or Windows' own, or is a variable.
	"images-user": either(imagesUser),
	// Every name of ENV or ARG is a user's, a file's or without a word for a
	// secret, or has no value or the name of a script.
	"place-for-no-secret": missed(func(f *dockerfile.File, in dockerfile.Instruction) bool {
		return !slices.ContainsFunc(in.Pairs(), func(p dockerfile.Pair) bool {
			value, _ := f.Expand(in, p.Value)
			value = strings.Trim(value, `"'`)
			return secretWord.MatchString(p.Key) && !userOrFile.MatchString(p.Key) && value != "" && !strings.HasSuffix(value, ".sh")
		})
	}),
	// Names that end in PASS, and those that only BuildKit's own check knows.
	"further-secret-names": extra(func(_ *dockerfile.File, in dockerfile.Instruction) bool {
		return slices.ContainsFunc(in.Pairs(), func(p dockerfile.Pair) bool { return furtherSecret.MatchString(p.Key) })
	}),
	// The manager is microdnf.
	"microdnf": missed(func(f *dockerfile.File, in dockerfile.Instruction) bool { return runs(f, in, "microdnf", "install") }),
	// The environment says something about pip's cache.
	"pip-environment": missed(func(f *dockerfile.File, _ dockerfile.Instruction) bool {
		return bytes.Contains(f.Bytes, []byte("PIP_NO_CACHE_DIR"))
	}),
	// yum is told to update what is installed.
	"yum-update": extra(func(f *dockerfile.File, in dockerfile.Instruction) bool {
		return runs(f, in, "yum", "update") || runs(f, in, "yum", "upgrade")
	}),
	// A package is asked for by a tag of its registry.
	"registry-tag": extra(registryTag),
	// A flag's value begins with a blank.
	"value-with-blanks": missed(argumentMatches(`^["']\s`)),
	// A commit of a repository stands behind a URL.
	"commit-of-url": missed(argumentMatches(`^https?://.*#[0-9a-f]{7,40}$`)),
}

type about = func(*dockerfile.File, dockerfile.Instruction) bool

// extra is a kind of what we report and they do not, decided by instruction.
func extra(is about) func(disagreement) bool {
	return func(d disagreement) bool { return d.extra && d.about(is) }
}

// missed is a kind of what they report and we do not.
func missed(is about) func(disagreement) bool {
	return func(d disagreement) bool { return !d.extra && d.about(is) }
}

func either(is about) func(disagreement) bool {
	return func(d disagreement) bool { return d.about(is) }
}

// about reports whether one of the instructions is of a kind.
func (d disagreement) about(is about) bool {
	return d.file != nil && slices.ContainsFunc(d.in, func(in dockerfile.Instruction) bool { return is(d.file, in) })
}

// runs reports whether a RUN calls a program with one of its words.
func runs(f *dockerfile.File, in dockerfile.Instruction, name, word string) bool {
	return slices.ContainsFunc(f.Commands(in), func(c dockerfile.Command) bool { return c.Name == name && c.Has(word) })
}

// notByName reports whether a RUN calls a program through another one or by its
// path.
func notByName(f *dockerfile.File, in dockerfile.Instruction) bool {
	for i, c := range f.Commands(in) {
		name := string(f.Bytes[c.NameSpan.Start:c.NameSpan.End])
		if len(c.Wrappers) > 0 || strings.Contains(name, "/") || i > 0 && c.Span.End <= f.Commands(in)[i-1].Span.End {
			return true
		}
	}
	return false
}

// foreignShell reports whether a RUN is not for a POSIX shell: SHELL says so, it
// calls PowerShell, or the base is Windows.
func foreignShell(f *dockerfile.File, in dockerfile.Instruction) bool {
	run, ok := in.Command.(*instructions.RunCommand)
	if !ok || !run.PrependShell {
		return false
	}
	if s, read := f.Script(in); !read || s.File == nil {
		return true
	}
	base, _ := f.BaseName(&f.Stages[in.Stage])
	return strings.Contains(base, "windows") || strings.Contains(base, "nanoserver") ||
		slices.ContainsFunc(f.Commands(in), func(c dockerfile.Command) bool { return c.Name == "powershell" || c.Name == "pwsh" })
}

// argElsewhere reports whether a RUN uses a variable that is an ARG of another
// stage only.
func argElsewhere(f *dockerfile.File, in dockerfile.Instruction) bool {
	for _, other := range f.Instructions {
		arg, ok := other.Command.(*instructions.ArgCommand)
		if !ok || other.Stage == in.Stage {
			continue
		}
		for _, kv := range arg.Args {
			_, _, declared := f.Variable(in, kv.Key)
			if !declared && (strings.Contains(in.Text.Text, "$"+kv.Key) || strings.Contains(in.Text.Text, "${"+kv.Key)) {
				return true
			}
		}
	}
	return false
}

// argumentMatches is whether an argument of a command, as it stands in the
// file, matches an expression.
func argumentMatches(expr string) about {
	re := regexp.MustCompile(expr)
	return func(f *dockerfile.File, in dockerfile.Instruction) bool {
		return slices.ContainsFunc(f.Commands(in), func(c dockerfile.Command) bool {
			return slices.ContainsFunc(c.Args, func(a dockerfile.Arg) bool { return re.Match(f.Bytes[a.Span.Start:a.Span.End]) })
		})
	}
}

var (
	secretWord    = regexp.MustCompile(`(?i)pass|pwd|key|token|secret`)
	userOrFile    = regexp.MustCompile(`(?i)user(name)?$|_file$`)
	furtherSecret = regexp.MustCompile(`(?i)pass$|(^|_)(key|auth|pwd)(_|$)`)
)

// imagesUser reports whether a USER does not decide alone, as it stands, whom
// the image runs as.
func imagesUser(f *dockerfile.File, in dockerfile.Instruction) bool {
	if in.Keyword != "user" {
		return false
	}
	name := in.Text.Text[len("user"):]
	if strings.Contains(name, "$") || strings.TrimSpace(name) == "root" || strings.Contains(name, "Container") || !f.Shipped(in.Stage) {
		return true
	}
	return slices.ContainsFunc(f.Instructions, func(x dockerfile.Instruction) bool {
		return x.Keyword == "user" && x.Index > in.Index && f.Shipped(x.Stage)
	})
}

var tagged = regexp.MustCompile(`[^/]@[a-z]+["']?$`)

// registryTag reports whether a command asks for NAME@TAG, where the default of
// an ARG may be the tag.
func registryTag(f *dockerfile.File, in dockerfile.Instruction) bool {
	return slices.ContainsFunc(f.Commands(in), func(c dockerfile.Command) bool {
		return slices.ContainsFunc(c.Args, func(a dockerfile.Arg) bool {
			text, _ := f.Expand(in, a.Text)
			return tagged.MatchString(text)
		})
	})
}
