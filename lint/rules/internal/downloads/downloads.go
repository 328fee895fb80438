// Package downloads finds what RUN and ADD fetch from the network, and whether
// anything looks at it before it is used.
package downloads

import (
	"path"
	"slices"
	"strings"

	"mvdan.cc/sh/v3/syntax"

	"github.com/whittle-oci/whittle/lint/command"
	"github.com/whittle-oci/whittle/lint/dockerfile"
	"github.com/whittle-oci/whittle/lint/rules/internal/walk"
	"github.com/whittle-oci/whittle/lint/source"
)

// A Download is one address that curl or wget is given.
type Download struct {
	In      dockerfile.Instruction
	Command dockerfile.Command
	URL     string // variables filled in; one that is not known stands as $name
	Span    source.Span
	// Kept reports whether a file or another program gets what is fetched.
	// What a script only looks at, such as the number of a version, is not.
	Kept bool
	Into string // the program that it is piped into, "" for none
}

// Fetched lists the downloads of all RUNs in the order of the file.
func Fetched(f *dockerfile.File) []Download {
	var out []Download
	fields := walk.NewExpander(f)
	for _, in := range f.Instructions {
		if in.Keyword != "run" {
			continue
		}
		var uses map[*syntax.CallExpr]use
		for _, c := range f.Commands(in) {
			if c.Name != "curl" && c.Name != "wget" {
				continue
			}
			if uses == nil {
				uses = usesOf(f, in)
			}
			out = appendDownloads(out, fields, in, c, uses[c.Call])
		}
	}
	return out
}

// notAddresses are the flags whose value may look like an address and is none.
var notAddresses = map[string][]string{
	"curl": {"-x", "--proxy", "--preproxy", "-e", "--referer", "-H", "--header", "-d", "--data", "-A", "--user-agent", "-U", "-b", "-c", "-o", "--output", "-P", "-T"},
	"wget": {"-e", "--execute", "--referer", "--header", "--post-data", "-U", "--user-agent", "-O", "--output-document", "-P", "-o", "-A"},
}

func appendDownloads(out []Download, fields *walk.Expander, in dockerfile.Instruction, c dockerfile.Command, u use) []Download {
	kept := u.kept(c)
	before := ""
	for _, x := range fields.Fields(in, c.Args) {
		text := x.Text
		skip := slices.Contains(notAddresses[c.Name], before) || c.Name == "wget" && strings.HasPrefix(text, "-")
		before = text
		if skip || !address(x) {
			continue
		}
		out = append(out, Download{in, c, text, x.Span, kept, u.into})
	}
	return out
}

// address reports whether a word is an address, or a variable that is called as
// one.
func address(x walk.Field) bool {
	for _, scheme := range []string{"https://", "http://", "ftp://"} {
		if strings.HasPrefix(x.Text, scheme) {
			return true
		}
	}
	return !x.Known && strings.HasPrefix(x.Text, "$") && strings.Contains(strings.ToLower(x.Text), "url")
}

// A use is what becomes of a command's output.
type use struct {
	into             string
	toFile, captured bool
}

// usesOf notes for the commands of a script where their output goes.
func usesOf(f *dockerfile.File, in dockerfile.Instruction) map[*syntax.CallExpr]use {
	uses := map[*syntax.CallExpr]use{}
	s, ok := f.Script(in)
	if !ok || s.File == nil {
		return uses
	}
	change := func(st *syntax.Stmt, do func(*use)) {
		if call := lastCall(st); call != nil {
			u := uses[call]
			do(&u)
			uses[call] = u
		}
	}
	syntax.Walk(s.File, func(n syntax.Node) bool {
		switch x := n.(type) {
		case *syntax.BinaryCmd:
			if x.Op == syntax.Pipe || x.Op == syntax.PipeAll {
				change(x.X, func(u *use) { u.into = FirstWord(x.Y) })
			}
		case *syntax.Stmt:
			for _, r := range x.Redirs {
				if (r.Op == syntax.RdrOut || r.Op == syntax.AppOut || r.Op == syntax.RdrClob) && r.Word.Lit() != "/dev/null" && (r.N == nil || r.N.Value == "1") {
					change(x, func(u *use) { u.toFile = true })
				}
			}
		case *syntax.CmdSubst:
			for _, st := range x.Stmts {
				change(st, func(u *use) { u.captured = true })
			}
		}
		return true
	})
	return uses
}

// lastCall is the command whose output is a statement's.
func lastCall(st *syntax.Stmt) *syntax.CallExpr {
	switch x := st.Cmd.(type) {
	case *syntax.CallExpr:
		return x
	case *syntax.BinaryCmd:
		return lastCall(x.Y)
	case *syntax.Subshell:
		if n := len(x.Stmts); n > 0 {
			return lastCall(x.Stmts[n-1])
		}
	case *syntax.Block:
		if n := len(x.Stmts); n > 0 {
			return lastCall(x.Stmts[n-1])
		}
	}
	return nil
}

// FirstWord is the name of the command that a statement runs first, behind
// sudo, env and their like; "" where it is computed.
func FirstWord(st *syntax.Stmt) string {
	switch x := st.Cmd.(type) {
	case *syntax.CallExpr:
		argv := make([]string, len(x.Args))
		for i, w := range x.Args {
			argv[i], _ = command.Literal(w)
		}
		for inner, ok := argv, true; ok && len(inner) > 0; inner, ok = command.Wrapped(argv) {
			argv = inner
		}
		if len(argv) > 0 && argv[0] != "" {
			return path.Base(argv[0])
		}
	case *syntax.BinaryCmd:
		return FirstWord(x.X)
	case *syntax.Subshell:
		if len(x.Stmts) > 0 {
			return FirstWord(x.Stmts[0])
		}
	case *syntax.Block:
		if len(x.Stmts) > 0 {
			return FirstWord(x.Stmts[0])
		}
	}
	return ""
}

// readers are programs that show text and keep nothing.
var readers = []string{"grep", "egrep", "jq", "awk", "sed", "cut", "head", "tail", "tr", "sort", "wc", "cat", "python", "python3", "perl", "read", "xargs"}

// kept reports whether curl or wget leaves a file behind or feeds a program
// that does.
func (u use) kept(c dockerfile.Command) bool {
	if c.HasFlag("-I", "--head", "--spider", "-V", "--version") && !c.HasFlag("-o", "-O") {
		return false
	}
	file, toOutput := c.Name == "wget", c.Name == "curl"
	for i, a := range c.Args {
		value := ""
		if i+1 < len(c.Args) {
			value = c.Args[i+1].Text
		}
		switch {
		case c.Name == "curl" && (a.Text == "-O" || a.Text == "--remote-name" || a.Text == "-OJ"):
			file, toOutput = true, false
		case c.Name == "curl" && (a.Text == "-o" || a.Text == "--output" || bundledLast(a.Text, 'o')):
			file, toOutput = value != "/dev/null" && value != "-", value == "-"
		case c.Name == "curl" && strings.HasPrefix(a.Text, "-o") || c.Name == "curl" && strings.HasPrefix(a.Text, "--output="):
			file, toOutput = !strings.HasSuffix(a.Text, "/dev/null"), false
		case c.Name == "curl" && shortHas(a.Text, 'O'):
			file, toOutput = true, false
		case c.Name == "wget" && (a.Text == "-O" || a.Text == "--output-document" || bundledLast(a.Text, 'O')):
			file, toOutput = value != "/dev/null" && value != "-", value == "-"
		case c.Name == "wget" && (strings.HasSuffix(a.Text, "O-") && strings.HasPrefix(a.Text, "-") || a.Text == "--output-document=-"):
			file, toOutput = false, true
		}
	}
	switch {
	case file:
		return true
	case !toOutput || u.captured:
		return false
	}
	return u.toFile || u.into != "" && !slices.Contains(readers, u.into)
}

// bundledLast reports whether a letter ends short flags that stand together,
// so that its value is the next word.
func bundledLast(text string, letter byte) bool {
	return len(text) > 2 && text[0] == '-' && text[1] != '-' && text[len(text)-1] == letter && strings.Trim(text[1:], "fsSLkgiJRvqncNOoxe46#") == ""
}

func shortHas(text string, letter byte) bool {
	return len(text) > 2 && text[0] == '-' && text[1] != '-' && strings.IndexByte(text, letter) > 0 && strings.Trim(text[1:], "fsSLkgiJRv#OC") == ""
}
