// Package need finds the transitive closure of what an image's programs need:
// from the files that are asked for first, through what each of them asks for
// in turn, until nothing new is asked for.
//
// Who knows a format or a runtime is a [Provider]: it says which files are its
// own and what these need. Who knows how a command starts another is a
// [Launcher]. Each has a folder below this package; [Close] and [Launch] know
// none of them.
//
// Providers are monotone: they add and never take back, so that the order in
// which files are looked at does not matter.
package need

import (
	"context"

	"github.com/whittle-oci/whittle/builder/image"
	"github.com/whittle-oci/whittle/builder/tree"
)

// A Kind says how a file is used.
type Kind uint8

// The kinds of needs.
const (
	// Data is a file, link or directory that is kept as it stands. An
	// executable or library among such files brings its own libraries.
	Data Kind = iota
	// Config is data that a program reads. Its text may name further files.
	Config
	// Named is whatever a text names: a program when it can be run, Config
	// otherwise, nothing when it is not there.
	Named
	// Link is a symbolic link itself, without what it leads to.
	Link
	// KeptLink is a changed link, which is kept when what it leads to is in
	// the image, is a data file, or is not there yet.
	KeptLink
	// KeptDir is a changed directory that is kept when something in it is.
	KeptDir
	// Library is a shared object that the loader opens for a program, found by
	// who asked with all that it needs.
	Library
	// Module is a shared object that is opened at run time, whose own
	// libraries are not known yet.
	Module
	// Program is a file that is executed.
	Program
)

// A Strength says what follows when a need cannot be met.
type Strength uint8

// The strengths of needs, from the weakest.
const (
	// Optional needs are met where the tree can; a program that could not
	// run, even for want of a runtime that is not known, is a warning.
	Optional Strength = iota
	// Expected needs may be on a path that is never taken: what is not there
	// is passed over, a program that could not run is a warning.
	Expected
	// Required needs are those without which who asked does not start: the
	// build is refused.
	Required
)

// A Need is one file that is asked for.
type Need struct {
	Kind     Kind
	Path     string // absolute path in the tree; links on the way come along
	By       string // who asks: a file, an instruction, a setting
	Reason   string // why the file is in the image, for people
	Strength Strength
	// Instruction is the Dockerfile instruction that the need serves, "" for
	// that of who asks, and for needs that serve none.
	Instruction string
	Shell       bool // it is needed by a shell alone
	Droppable   bool // it is kept only because it is there
	// Entry describes Path when who asks has it at hand and Path is real. It
	// saves a lookup.
	Entry *tree.Entry
}

// A Visit is a file that a provider is asked about.
type Visit struct {
	Need  Need
	Path  string // real path
	Entry tree.Entry
	Head  []byte // the first bytes of a regular file, at most [HeadSize]
}

// HeadSize is how many bytes of a file a Visit shows: enough for a #! line
// (execve(2)) and every magic number.
const HeadSize = 256

// Found is what a provider says of one file.
type Found struct {
	Needs      []Need
	Facts      []Fact
	Shells     []ShellUse
	Components []image.Component
	Warnings   []image.Warning
	// Bundles are what the file brings and other files bring, too.
	Bundles []*Bundle
}

// A Bundle is what many files bring alike, such as the data of the package that
// they are of. It is asked for once for each way in which it is needed, and not
// once a file. Providers give the same pointer for the same bundle.
type Bundle struct {
	Needs []Need
	Facts []Fact
}

// A Provider knows what the files of one format or runtime need.
type Provider interface {
	// Claims reports whether the file is the provider's own. It is not asked
	// about Data, which nothing is known to read.
	Claims(v Visit) bool
	// Needs says what a claimed file needs. Errors are *image.RefusedError
	// when the file could not run, *image.UnsupportedError when its runtime is
	// not known, and whatever reading the tree gave otherwise. The answer
	// depends on the visit and the environment alone. By and Reason of the
	// visit's need are empty, but for an [Asker].
	Needs(ctx context.Context, env *Env, v Visit) (Found, error)
}

// An Asker is a Provider whose answer about some files depends on who asks for
// them and why. It is asked again for everyone who does.
type Asker interface {
	Provider
	// Asks reports whether it has to know about a file that it claims.
	Asks(v Visit) bool
}

// A Settler is a Provider that has something to say when nothing is left to
// look at: needs that depend on what else is in the image. It is asked again
// after every round that brought something new. What it asks for once it must
// ask for again when the set has grown.
type Settler interface {
	Settle(ctx context.Context, env *Env, s *Set) (Found, error)
}

// A Pruner is a Provider that knows what of a runtime no program needs: what
// its makers ship beside it for people who develop, and what only installs
// further software. It stays behind where the Dockerfile or the base image put
// it outside of any package, unless the closure asks for it.
type Pruner interface {
	Provider
	// Prunes gives files and directories of the tree by their real paths, and
	// why each is not needed. programs are the real paths of what ENTRYPOINT,
	// CMD and commands: start.
	Prunes(ctx context.Context, env *Env, programs []string) (map[string]string, error)
}

// A FactKind names something that is known of the image's programs.
type FactKind string

// The facts. Subject says what shows it.
const (
	Certificates FactKind = "certificates"  // roots of TLS verification are read
	Zones        FactKind = "zones"         // time zones are read
	GoZones      FactKind = "go zones"      // by a Go program, which can read a zip
	Accounts     FactKind = "accounts"      // passwd or group is read
	Passwords    FactKind = "passwords"     // accounts are asked for passwords, of which the image has none
	Names        FactKind = "names"         // accounts are looked up by name, so any of them
	Temp         FactKind = "temp"          // temporary files are made
	TempPrograms FactKind = "temp programs" // what is unpacked to the directory for temporary files is run or loaded
	NameService  FactKind = "nsswitch"      // a glibc that asks DNS before the hosts file by itself
	OpenSSL      FactKind = "openssl"       // OpenSSL is told where the bundle is
	State        FactKind = "state"         // Subject is a directory that a packaged program writes to
	Root         FactKind = "root"          // the image has to run as root
	ScriptDir    FactKind = "script dir"    // Subject is a directory whose scripts a script may run
	GoDynamic    FactKind = "go dynamic"    // Subject is a Go program that needs a loader
	Home         FactKind = "home"          // something may look for the home of the user
	LeftData     FactKind = "left data"     // Subject is a package whose data stay behind, as nothing of it is used
	Variable     FactKind = "variable"      // Subject is NAME=VALUE, which the image sets where the Dockerfile does not
	Bytecode     FactKind = "bytecode"      // Subject is a directory with compiled modules of Python, Reason the interpreter
	LibraryCache FactKind = "ld.so.cache"   // the loader's cache is read by who looks for a library
	SearchDir    FactKind = "search dir"    // Subject is a directory in which a program looks for libraries
	KeepTime     FactKind = "keep time"     // Subject is a file whose time a program compares
	JavaHome     FactKind = "java home"     // Subject is an installation of Java that programs run on
	JavaClasses  FactKind = "java classes"  // Subject is an archive or a directory of classes of Java
	JavaNested   FactKind = "java nested"   // Subject is an archive of Java with archives in it
	JavaOption   FactKind = "java option"   // Subject is an option of the virtual machine
)

// A Fact is one thing that is known of the image's programs.
type Fact struct {
	Kind    FactKind
	Subject string // what is known of: a path, or "" for the image
	Reason  string // what shows it, for people
}

// A ShellUse is a reason for which the image has a shell.
type ShellUse struct{ Instruction, Why, Shell, Hint string }
