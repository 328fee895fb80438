package plan

import (
	"path"
	"slices"
	"strings"
)

// interpreters are the runtimes that are known to need more than their ELF
// closure. Their images are shipped as they were built.
var interpreters = []string{
	"python", "pypy", "uwsgi", "node", "deno", "bun", "java", "ruby", "jruby", "perl", "php", "php-fpm", "php-cgi", "frankenphp", "dotnet", "mono", "pwsh",
	"rscript", "r", "julia", "octave", "erl", "erlexec", "beam.smp", "elixir", "lua", "luajit", "tclsh", "wish", "expect", "guile", "racket", "swipl",
}

// runtimeName gives the interpreter that a program name stands for, such as
// "python3.11", or "".
func runtimeName(program string) string {
	base := strings.ToLower(path.Base(program))
	stem := strings.TrimRight(base, "0123456789.-")
	if slices.Contains(interpreters, base) || slices.Contains(interpreters, stem) {
		return base
	}
	return ""
}

// runtimeLibraries are the interpreters that a program can have inside. Their
// libraries read a standard library that no header names.
var runtimeLibraries = []string{"libpython3", "libperl.so", "libruby", "libjvm.so", "libphp", "libR.so", "libmonosgen", "libtcl8", "libguile"}

// runtimeLibrary names the interpreter that a library is, or "".
func runtimeLibrary(name string) string {
	base := path.Base(name)
	if slices.ContainsFunc(runtimeLibraries, func(l string) bool { return strings.HasPrefix(base, l) }) {
		return base
	}
	return ""
}
