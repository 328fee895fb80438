package asbuilt

import (
	"fmt"
	"strings"
	"sync"
)

// A runtime is one whose files are not known.
type runtime struct {
	name     string
	programs []string // their names without versions, in lower case
	why      string   // what is not known of it
	// tool says that its programs are found beside others, who use it for
	// development: it counts where an instruction or a shell script starts it.
	tool bool
}

const (
	modules  = "its libraries of modules are not known"
	compiles = "it compiles when it starts, with the libraries and tools of the whole system"
	scripts  = "a script looks for Java and puts its class path together"
	follows  = "it starts what a file of its own says, by a shell"
)

// runtimes are those that are known to need more than their ELF closure, by the
// names that their manuals and the packages of Debian 12 and Alpine 3.20 give
// their programs (2026-12).
var runtimes = sync.OnceValue(func() []runtime {
	return []runtime{
		{name: ".NET", programs: words("dotnet"), why: "what a program loads is in files beside it (`deps.json`, `runtimeconfig.json`) that are not read yet; that goes for a host, too, which .NET puts in front of an application, by itself or in one file with it"},
		{name: "Erlang, Elixir", programs: words("erl erlc erlexec beam beam.smp escript run_erl to_erl elixir iex mix rebar3 lfe gleam rabbitmq-server ejabberdctl"), why: "a release starts by shell scripts that compute what they run: `bin/erl`, `erlexec`, `beam.smp` with `ROOTDIR` and `BINDIR`"},
		{name: "Deno, Bun as interpreters", programs: words("deno bun bunx"), why: "they fetch modules when they start, and look for them in a cache whose layout they change"},
		{name: "other JavaScript", programs: words("qjs tjs txiki llrt graaljs"), why: modules},
		{name: "other Pythons", programs: words("pypy graalpy jython micropython ipy"), why: modules},
		{name: "other Rubys", programs: words("jruby truffleruby mruby"), why: modules},
		{name: "Groovy, Scala, Kotlin, Clojure", programs: words("groovy groovysh scala scala-cli kotlin kotlinc clojure clj lein sbt bb jbang"), why: scripts},
		{name: "Mono, PowerShell", programs: words("mono mono-sgen pwsh powershell"), why: modules},
		{name: "R", programs: words("r rscript littler"), why: modules},
		{name: "Julia, Octave", programs: words("julia octave octave-cli octave-gui"), why: modules},
		{name: "Lua", programs: words("lua luajit luvit tarantool resty"), why: modules},
		{name: "Tcl", programs: words("tclsh wish expect jimsh"), why: modules},
		{name: "Lisp, Scheme", programs: words("guile racket sbcl clisp ecl ccl abcl chezscheme petite csi gosh gsi mit-scheme emacs emacs-nox"), why: modules},
		{name: "Prolog, Forth, Raku", programs: words("swipl gprolog gforth raku rakudo perl6 moar"), why: modules},
		{name: "Haskell by an interpreter", programs: words("runghc runhaskell ghc ghci cabal"), why: compiles},
		{name: "OCaml by an interpreter", programs: words("ocaml ocamlrun utop dune opam"), why: modules},
		{name: "Swift, Dart, Nim, Crystal by their tools", programs: words("swift swiftc dart nim nimble crystal shards zig"), why: compiles, tool: true},
		{name: "Go, Rust by their tools", programs: words("go cargo rustc rustup"), why: compiles, tool: true},
		{name: "tools that build", programs: words("make gmake ninja cmake meson just bazel nix nix-shell mvn mvnw gradle gradlew ant"), why: follows, tool: true},
		{name: "other shells", programs: words("fish nu elvish"), why: "the commands of its scripts are not read"},
	}
})

func words(s string) []string { return strings.Fields(s) }

// libraries are the interpreters that a program can have inside. Their
// libraries read a standard library that no header names.
var libraries = []string{"libR.so", "libmonosgen", "libtcl8", "libguile", "libjulia", "liboctinterp"}

// Table is the manual's table of runtimes that are not known.
func Table() string {
	var b strings.Builder
	b.WriteString("| runtime | programs | why |\n| --- | --- | --- |\n")
	for _, r := range runtimes() {
		fmt.Fprintf(&b, "| %s | `%s` | %s |\n", r.name, strings.Join(r.programs, "`, `"), r.why)
	}
	return b.String()
}

// Programs lists the names of all programs of runtimes that are not known.
func Programs() []string {
	var out []string
	for _, r := range runtimes() {
		out = append(out, r.programs...)
	}
	return out
}
