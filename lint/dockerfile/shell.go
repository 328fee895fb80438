package dockerfile

import (
	"bytes"
	"path"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/parser"
	"mvdan.cc/sh/v3/syntax"

	"github.com/whittle-oci/whittle/lint/command"
	"github.com/whittle-oci/whittle/lint/source"
)

// A Script is the shell text of a RUN with its place in the file. It is what
// the shell is given: continued lines are one line, the lines of heredocs are
// lines.
type Script struct {
	Text string
	File *syntax.File // nil when the text is not POSIX shell or bash
	// Shell is the command that reads the text: the SHELL in force, or what
	// the #! line of a heredoc names, env resolved.
	Shell []string
	// Heredoc marks a script that is the body of RUN <<EOF.
	Heredoc bool
	at      func(offset int) int
}

// Span maps a range of the script to the file.
func (s Script) Span(start, end int) source.Span {
	if end <= start {
		at := s.at(start)
		return source.Span{Start: at, End: at}
	}
	return source.Span{Start: s.at(start), End: s.at(end-1) + 1}
}

// notPosix are shells whose scripts are not looked at.
var notPosix = []string{"powershell", "pwsh", "cmd", "powershell.exe", "pwsh.exe", "cmd.exe"}

// parsed is what is remembered of an instruction's script.
type parsed struct {
	script   Script
	ok       bool
	commands []Command
	listed   bool
}

func (f *File) parsed(in Instruction) *parsed {
	p := f.scripts[in.Index]
	if p == nil {
		p = &parsed{}
		p.script, p.ok = f.script(in)
		f.scripts[in.Index] = p
	}
	return p
}

// Script gives the shell text of a RUN. ok is false for other instructions,
// for the exec form and for shells that are not POSIX.
func (f *File) Script(in Instruction) (s Script, ok bool) {
	if in.Keyword != "run" {
		return Script{}, false
	}
	p := f.parsed(in)
	return p.script, p.ok
}

func (f *File) script(in Instruction) (s Script, ok bool) {
	run, isRun := in.Command.(*instructions.RunCommand)
	if !isRun || f.foreignShell(in) {
		return s, false
	}
	base := skipFlags(in.Text.Text, len(in.Keyword))
	text, shell := in.Text.From(base), f.Shell(in)
	switch {
	case len(run.Files) > 0:
		if text, shell, ok = f.heredoc(text, run, shell); !ok {
			return Script{}, false
		}
	case !run.PrependShell || strings.HasPrefix(text.Text, "[") && isJSON(text.Text):
		return Script{}, false
	}
	s = Script{Text: text.Text, Shell: shell, Heredoc: len(run.Files) > 0 && aloneHeredoc(run), at: text.Offset}
	s.parse()
	return s, true
}

func isJSON(s string) bool {
	return strings.HasSuffix(strings.TrimSpace(s), "]") && strings.Contains(s, `"`)
}

// skipFlags finds where the flags of an instruction end.
func skipFlags(text string, at int) int {
	for {
		for at < len(text) && (text[at] == ' ' || text[at] == '\t') {
			at++
		}
		if !strings.HasPrefix(text[at:], "--") {
			return at
		}
		for at < len(text) && text[at] != ' ' && text[at] != '\t' {
			at++
		}
	}
}

// heredoc gives the script of a RUN with heredocs and the command that reads
// it. The text of RUN <<EOF is the heredoc, which may say in a #! line what it
// is written in; heredocs of a command are handed to the shell with it.
func (f *File) heredoc(text source.Joined, run *instructions.RunCommand, shell []string) (script source.Joined, by []string, ok bool) {
	alone := aloneHeredoc(run)
	line := f.Pos(text.Offset(len(text.Text))).Line + 1
	var b source.Joiner
	b.AddJoined(text)
	for _, file := range run.Files {
		if line > f.Lines() || !bytes.HasPrefix(f.Bytes[f.LineStart(line):], []byte(file.Data)) {
			return script, nil, false
		}
		at := f.LineStart(line)
		switch {
		case alone && strings.HasPrefix(file.Data, "#!"):
			line, ok := command.Shebang([]byte(file.Data))
			if !ok || !command.IsShell(line.Command()[0]) && !command.IsMulticall(line.Command()[0]) {
				return script, nil, false
			}
			return untabbed(at, file), line.Command(), true
		case alone:
			return untabbed(at, file), shell, true
		}
		b.Add("\n", at-1)
		b.Add(file.Data, at)
		line += strings.Count(file.Data, "\n")
		b.Add(file.Name, f.LineStart(line)+max(0, bytes.Index(f.Line(line), []byte(file.Name))))
		line++
	}
	return b.Joined(), shell, true
}

// aloneHeredoc reports whether a RUN is nothing but a heredoc, whose body is
// then the script.
func aloneHeredoc(run *instructions.RunCommand) bool {
	return len(run.CmdLine) == 1 && parser.MustParseHeredoc(strings.TrimSpace(run.CmdLine[0])) != nil
}

// untabbed is the text of a heredoc that begins at an offset, without the tabs
// that <<- strips.
func untabbed(at int, file instructions.ShellInlineFile) source.Joined {
	var b source.Joiner
	for line := range strings.SplitAfterSeq(file.Data, "\n") {
		rest := line
		if file.Chomp {
			rest = strings.TrimLeft(line, "\t")
		}
		b.Add(rest, at+len(line)-len(rest))
		at += len(line)
	}
	return b.Joined()
}

// parse reads the text as bash, which takes what sh takes.
func (s *Script) parse() {
	if len(s.Text) > maxScript {
		return
	}
	file, err := syntax.NewParser(syntax.Variant(syntax.LangBash), syntax.KeepComments(false)).Parse(strings.NewReader(s.Text), "")
	if err == nil {
		s.File = file
	}
}

// Shell is the command line that runs a shell-form RUN at an instruction, as
// the system of the base image, the last SHELL, or a comment "hadolint shell="
// or "whittle shell=", set it.
func (f *File) Shell(in Instruction) []string {
	if in.Index < len(f.shells) && f.shells[in.Index] != nil {
		return f.shells[in.Index]
	}
	return []string{"/bin/sh", "-c"}
}

// shell notes the shell in force before every instruction.
func (f *File) shell() {
	f.shells = make([][]string, len(f.Instructions))
	last := make([][]string, len(f.Stages))
	for i := range f.Stages {
		if p := f.Stages[i].Parent; p >= 0 {
			last[i] = last[p]
		} else if f.Windows(i) {
			last[i] = []string{"cmd", "/S", "/C"}
		}
		for _, in := range f.In(i) {
			for _, c := range in.Node.PrevComment {
				if m := shellComment().FindStringSubmatch(c); m != nil {
					last[i] = []string{m[1], "-c"}
				}
			}
			f.shells[in.Index] = last[i]
			if c, ok := in.Command.(*instructions.ShellCommand); ok && !in.Trigger {
				last[i] = c.Shell
			}
		}
	}
}

// Windows reports whether a stage is for Windows, whose images run cmd, have
// users without numbers, and take no --chown: its platform says so, or its base.
func (f *File) Windows(stage int) bool {
	s := &f.Stages[stage]
	for s.Parent >= 0 {
		s = &f.Stages[s.Parent]
	}
	if strings.HasPrefix(s.Platform, "windows") {
		return true
	}
	base, _ := f.BaseName(s)
	return slices.ContainsFunc([]string{"windows/", "servercore", "nanoserver", "dotnet/framework/"}, func(part string) bool {
		return strings.Contains(strings.ToLower(base), part)
	})
}

// shellComment matches "# hadolint shell=bash", by which a file says what the
// shell of its base image is.
var shellComment = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^#?\s*(?:hadolint|whittle)\s+shell\s*=\s*([A-Za-z0-9_./-]+)\s*$`)
})

func (f *File) foreignShell(in Instruction) bool {
	shell := f.Shell(in)
	return len(shell) > 0 && slices.Contains(notPosix, strings.ToLower(path.Base(strings.ReplaceAll(shell[0], `\`, "/"))))
}
