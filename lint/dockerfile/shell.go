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
	at    func(offset int) int
}

// Span maps a range of the script to the file.
func (s Script) Span(start, end int) source.Span {
	if end <= start {
		at := s.at(start)
		return source.Span{Start: at, End: at}
	}
	return source.Span{Start: s.at(start), End: s.at(end-1) + 1}
}

// A Command is one simple command of a script: a name and arguments.
type Command struct {
	Name string // base name, "" when it is computed
	Args []Arg  // after the name
	Span source.Span
	// NameSpan is the word that names the command.
	NameSpan source.Span
	// Call is the command in the shell's tree.
	Call *syntax.CallExpr
	// Sudo marks a command that sudo runs.
	Sudo bool
}

// An Arg is one word of a command.
type Arg struct {
	Text    string // quotes removed; the source where Literal is false
	Literal bool
	Span    source.Span
}

// Has reports whether one of the literal arguments is text.
func (c Command) Has(text ...string) bool {
	return slices.ContainsFunc(c.Args, func(a Arg) bool { return a.Literal && slices.Contains(text, a.Text) })
}

// HasFlag reports whether a flag is given, alone or joined by "=", or as one
// letter among several.
func (c Command) HasFlag(names ...string) bool {
	for _, a := range c.Args {
		for _, n := range names {
			if a.Text == n || strings.HasPrefix(a.Text, n+"=") {
				return true
			}
			if len(n) == 2 && n[0] == '-' && n[1] != '-' && len(a.Text) > 2 && a.Text[0] == '-' && a.Text[1] != '-' && strings.Contains(a.Text[1:], n[1:]) && !strings.Contains(a.Text, "=") {
				return true
			}
		}
	}
	return false
}

// Words are the arguments that are not flags.
func (c Command) Words() []Arg {
	var out []Arg
	for _, a := range c.Args {
		if !strings.HasPrefix(a.Text, "-") || a.Text == "-" {
			out = append(out, a)
		}
	}
	return out
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
	s = Script{Text: text.Text, Shell: shell, at: text.Offset}
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
	alone := parser.MustParseHeredoc(strings.TrimSpace(text.Text)) != nil
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
			by = shebang(file.Data)
			return untabbed(at, file), by, len(by) > 0 && slices.Contains(posix, path.Base(by[0]))
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

// posix are the programs that read shell as it is looked at here.
var posix = []string{"sh", "bash", "dash", "ash", "ksh", "mksh", "zsh", "busybox"}

// shebang gives the command of a #! line, what env would run in its place.
func shebang(data string) []string {
	line, _, _ := strings.Cut(strings.TrimPrefix(data, "#!"), "\n")
	words := strings.Fields(line)
	if len(words) > 0 && path.Base(words[0]) == "env" {
		words = words[1:]
		for len(words) > 0 && (strings.HasPrefix(words[0], "-") || strings.Contains(words[0], "=")) {
			words = words[1:]
		}
	}
	return words
}

// parse reads the text as bash, which takes what sh takes.
func (s *Script) parse() {
	file, err := syntax.NewParser(syntax.Variant(syntax.LangBash), syntax.KeepComments(false)).Parse(strings.NewReader(s.Text), "")
	if err == nil {
		s.File = file
	}
}

// Shell is the command line that runs a shell-form RUN at an instruction, as
// the last SHELL, or a comment "hadolint shell=" or "whittle shell=", set it.
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

// shellComment matches "# hadolint shell=bash", by which a file says what the
// shell of its base image is.
var shellComment = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^#?\s*(?:hadolint|whittle)\s+shell\s*=\s*([A-Za-z0-9_./-]+)\s*$`)
})

func (f *File) foreignShell(in Instruction) bool {
	shell := f.Shell(in)
	return len(shell) > 0 && slices.Contains(notPosix, strings.ToLower(path.Base(strings.ReplaceAll(shell[0], `\`, "/"))))
}

// wrappers run the command in their arguments.
var wrappers = []string{"sudo", "env", "time", "nice", "nohup", "exec", "command", "ionice", "stdbuf", "timeout", "xargs"}

// Commands lists the simple commands of a RUN in the order of the text. The
// exec form is one command.
func (f *File) Commands(in Instruction) []Command {
	if in.Keyword != "run" {
		return nil
	}
	p := f.parsed(in)
	if !p.listed {
		p.commands, p.listed = f.commands(in), true
	}
	return p.commands
}

func (f *File) commands(in Instruction) []Command {
	if run, ok := in.Command.(*instructions.RunCommand); ok && !run.PrependShell && len(run.Files) == 0 {
		return f.execForm(in, run)
	}
	s, ok := f.Script(in)
	if !ok || s.File == nil {
		return nil
	}
	var out []Command
	syntax.Walk(s.File, func(n syntax.Node) bool {
		if call, ok := n.(*syntax.CallExpr); ok && len(call.Args) > 0 {
			out = append(out, s.command(call))
		}
		return true
	})
	return out
}

func (s Script) command(call *syntax.CallExpr) Command {
	args := make([]Arg, len(call.Args))
	for i, w := range call.Args {
		args[i] = s.arg(w)
	}
	c := Command{Call: call, Span: s.Span(int(call.Pos().Offset()), int(call.End().Offset()))}
	for len(args) > 0 {
		name := path.Base(args[0].Text)
		if !args[0].Literal {
			name = ""
		}
		c.Name, c.NameSpan, c.Args = name, args[0].Span, args[1:]
		if !slices.Contains(wrappers, name) {
			break
		}
		rest := args[1:]
		for len(rest) > 0 && (strings.HasPrefix(rest[0].Text, "-") || strings.Contains(rest[0].Text, "=")) {
			rest = rest[1:]
		}
		if len(rest) == 0 {
			break
		}
		c.Sudo = c.Sudo || name == "sudo"
		args = rest
	}
	return c
}

func (s Script) arg(w *syntax.Word) Arg {
	start, end := int(w.Pos().Offset()), int(w.End().Offset())
	end = min(end, len(s.Text))
	text, ok := literal(w)
	if !ok {
		text = s.Text[start:end]
	}
	return Arg{text, ok, s.Span(start, end)}
}

// literal gives a word without its quotes, when nothing in it is expanded.
func literal(w *syntax.Word) (string, bool) {
	var b strings.Builder
	for _, p := range w.Parts {
		switch x := p.(type) {
		case *syntax.Lit:
			b.WriteString(x.Value)
		case *syntax.SglQuoted:
			b.WriteString(x.Value)
		case *syntax.DblQuoted:
			for _, q := range x.Parts {
				lit, ok := q.(*syntax.Lit)
				if !ok {
					return "", false
				}
				b.WriteString(lit.Value)
			}
		default:
			return "", false
		}
	}
	return b.String(), true
}

func (f *File) execForm(in Instruction, run *instructions.RunCommand) []Command {
	if len(run.CmdLine) == 0 {
		return nil
	}
	c := Command{Name: path.Base(run.CmdLine[0]), Span: in.Span(), NameSpan: in.Span()}
	for _, a := range run.CmdLine[1:] {
		span, _ := in.Find(a)
		c.Args = append(c.Args, Arg{a, true, span})
	}
	return []Command{c}
}
