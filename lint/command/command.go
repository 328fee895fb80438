// Package command knows command lines and the shells that read them: programs
// that start the program their arguments name, shells and what they have built
// in, #! lines, and commands that need no shell. The linter and the builder
// both ask it, so that they say the same of the same line.
package command

import (
	"path"
	"slices"
)

// shells read POSIX shell, or a language that is close enough to be read as
// bash is.
var shells = []string{"sh", "bash", "dash", "ash", "ksh", "mksh", "zsh"}

// IsShell reports whether a program, by name or path, is a POSIX shell.
func IsShell(program string) bool { return slices.Contains(shells, path.Base(program)) }

// multicall are programs that are many commands in one. What they are given to
// run is a part of themselves.
var multicall = []string{"busybox", "toybox", "coreutils"}

// IsMulticall reports whether a program, by name or path, is many commands in
// one, such as BusyBox.
func IsMulticall(program string) bool { return slices.Contains(multicall, path.Base(program)) }

// builtins are what dash 0.5.12, bash 5.2 and BusyBox ash 1.37 all have, from
// their manuals (sh(1), bash(1)) and "busybox ash -c help"; read in 2026.
var builtins = []string{
	".", ":", "[", "alias", "bg", "break", "cd", "command", "continue", "echo", "eval", "exec", "exit", "export", "false", "fg",
	"getopts", "hash", "jobs", "kill", "local", "printf", "pwd", "read", "readonly", "return", "set", "shift", "test", "times",
	"trap", "true", "type", "ulimit", "umask", "unalias", "unset", "wait",
}

// bashBuiltins are bash's own (bash(1), 5.2).
var bashBuiltins = []string{
	"[[", "bind", "builtin", "caller", "compgen", "complete", "compopt", "declare", "dirs", "disown", "enable", "help", "history",
	"let", "logout", "mapfile", "popd", "pushd", "readarray", "shopt", "source", "suspend", "typeset",
}

// programs are the builtins that are programs of the same name and effect, too
// (POSIX.1-2024, "Utilities"; [ and test, echo and printf of GNU coreutils).
var programs = []string{"[", "echo", "false", "printf", "pwd", "test", "true"}

// IsBuiltin reports whether a shell runs a command itself. shell is the name or
// path of the program that reads the script: every shell has what POSIX asks
// for, bash has more.
func IsBuiltin(name, shell string) bool {
	return slices.Contains(builtins, name) || path.Base(shell) == "bash" && slices.Contains(bashBuiltins, name)
}

// ShellOnly reports whether only a shell can run a command, since it changes
// the shell or is known to it alone. It is false for those that are programs,
// too, such as echo.
func ShellOnly(name string) bool {
	return IsBuiltin(name, "bash") && !slices.Contains(programs, name)
}
