package command

import (
	"bytes"
	"path"
	"slices"
	"strings"
)

// A Script is what the first line of a #! file says.
type Script struct {
	Interpreter string
	Arg         string // the one optional argument
	Env         string // the command, when Interpreter is env
	Split       bool   // env -S
}

// Command is the command line that reads the script, what env would run in its
// place. Linux hands on all arguments as one; here they are words, as env -S
// and other systems split them.
func (s Script) Command() []string {
	args := strings.Fields(s.Arg)
	if at := slices.Index(args, s.Env); s.Env != "" && at >= 0 {
		return args[at:]
	}
	return append([]string{s.Interpreter}, args...)
}

// maxShebang is how much of the file Linux looks at (execve(2)).
const maxShebang = 256

// Shebang reads the #! line at the beginning of a file.
func Shebang(head []byte) (Script, bool) {
	if !bytes.HasPrefix(head, []byte("#!")) {
		return Script{}, false
	}
	head = head[2:min(len(head), maxShebang)]
	line, _, _ := bytes.Cut(head, []byte("\n"))
	text := strings.Trim(string(line), " \t\r")
	interpreter, arg, _ := strings.Cut(text, " ")
	if i := strings.IndexByte(interpreter, '\t'); i >= 0 {
		interpreter, arg = interpreter[:i], interpreter[i:]+" "+arg
	}
	s := Script{Interpreter: interpreter, Arg: strings.Trim(arg, " \t")}
	if s.Interpreter == "" {
		return Script{}, false
	}
	if path.Base(s.Interpreter) == "env" {
		s.env()
	}
	return s, true
}

// env reads the argument of env: a command, or with -S a command line.
func (s *Script) env() {
	fields := strings.Fields(s.Arg)
	if len(fields) > 0 && (fields[0] == "-S" || fields[0] == "--split-string") {
		s.Split = true
		fields = fields[1:]
	}
	for _, f := range fields {
		if strings.HasPrefix(f, "-") || strings.Contains(f, "=") {
			continue
		}
		s.Env = f
		return
	}
}
