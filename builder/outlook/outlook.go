// Package outlook tells from the text of a Dockerfile what a build will make of
// the command lines of its image: whether what they start is known, whether a
// shell stays, whether the stage is built as written, and why.
//
// Nothing is built or fetched. BuildKit's own front end gives the image's
// configuration, the build's own launchers follow its command lines, and the
// files that these name are imagined: see [imagine] for what is taken for
// granted. What a base image sets is not known, and so is no script's text.
package outlook

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/moby/buildkit/client/llb/sourceresolver"
	"github.com/moby/buildkit/frontend/dockerfile/dockerfile2llb"
	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/linter"
	"github.com/moby/buildkit/frontend/dockerfile/parser"
	"github.com/moby/buildkit/frontend/dockerui"
	digest "github.com/opencontainers/go-digest"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/whittle-oci/whittle/builder/decide"
	"github.com/whittle-oci/whittle/builder/image"
)

// A Kind is what becomes of an image.
type Kind string

// What becomes of images.
const (
	Minimal   Kind = "minimal"   // all that starts is known, and no shell stays
	Shell     Kind = "shell"     // all that starts is known, with a shell
	AsWritten Kind = "asWritten" // something that is not known starts
	Refused   Kind = "refused"   // it would not start, as far as the text tells
	Nothing   Kind = "nothing"   // the Dockerfile names nothing to start
	Invalid   Kind = "invalid"   // BuildKit refuses the file
)

// An Outlook is what is to be expected of one Dockerfile.
type Outlook struct {
	File     string   `json:"file"`
	Kind     Kind     `json:"kind"`
	Language string   `json:"language,omitempty"` // of what starts, "" for none that is known by name
	Start    []string `json:"start,omitempty"`    // ENTRYPOINT and CMD as written
	Image    []string `json:"image,omitempty"`    // as the image gets them, where that differs
	Cause    string   `json:"cause,omitempty"`    // why it is not minimal
}

// Of reads a Dockerfile and says what is to be expected of its last stage.
// name is for messages. Errors are those of ctx alone: what cannot be read is
// Invalid.
func Of(ctx context.Context, name string, dockerfile []byte) (Outlook, error) {
	out := Outlook{File: name}
	converted, err := convert(ctx, dockerfile)
	if ctx.Err() != nil {
		return out, context.Cause(ctx)
	}
	if err != nil {
		out.Kind, out.Cause = Invalid, err.Error()
		return out, nil
	}
	config := converted.Image.Config
	out.Start = slices.Concat(config.Entrypoint, config.Cmd)
	if len(out.Start) == 0 {
		out.Kind, out.Cause = Nothing, "neither ENTRYPOINT nor CMD; the base image may have them"
		return out, nil
	}
	if len(config.Entrypoint) == 0 && strings.HasPrefix(out.Start[0], "-") {
		out.Kind, out.Cause = Nothing, "CMD holds options for an ENTRYPOINT that only the base image can have"
		return out, nil
	}
	if strings.ContainsRune(strings.Join(out.Start, " "), '\\') && windows(out.Start) {
		out.Kind, out.Cause = Refused, "a program of Windows"
		return out, nil
	}
	out.Language = guess(config)
	start, err := decide.Starts(ctx, decide.Input{Tree: imagine(config, string(dockerfile)), Config: config})
	if ctx.Err() != nil {
		return out, context.Cause(ctx)
	}
	if unsupported, ok := errors.AsType[*image.UnsupportedError](err); ok {
		out.Kind, out.Cause = AsWritten, unsupported.Error()
		if unsupported.Runtime != "" {
			out.Language = language(unsupported.Runtime)
			out.Cause = "the runtime " + unsupported.Runtime + " is not known"
		}
		return out, nil
	}
	if err != nil {
		out.Kind, out.Cause = Refused, err.Error()
		return out, nil
	}
	for _, p := range start.Programs {
		if l := decide.Language(p); l != "" {
			out.Language = l
		}
	}
	if argv := slices.Concat(start.Config.Entrypoint, start.Config.Cmd); !slices.Equal(argv, out.Start) {
		out.Image = argv
	}
	out.Kind = Minimal
	if len(start.Shells) > 0 {
		out.Kind, out.Cause = Shell, start.Shells[0].Why
	}
	return out, nil
}

// languages are the names of languages by those of their runtimes' programs,
// without versions.
var languages = map[string]string{"dotnet": ".NET", "java": "Java", "ruby": "Ruby", "jruby": "Ruby", "php": "PHP", "php-fpm": "PHP", "php-cgi": "PHP", "frankenphp": "PHP", "perl": "Perl", "r": "R", "rscript": "R", "pwsh": "PowerShell", "powershell": "PowerShell", "clisp": "Lisp", "emacs": "Emacs",
	"erl": "Erlang", "escript": "Erlang", "rebar": "Erlang", "erlang": "Erlang", "rabbitmq-server": "Erlang", "elixir": "Elixir", "iex": "Elixir", "mix": "Elixir", "deno": "Deno", "bun": "Bun", "bunx": "Bun",
	"mvn": "Java", "mvnw": "Java", "gradle": "Java", "gradlew": "Java", "ant": "Java", "jbang": "Java", "groovy": "Groovy", "scala": "Scala", "sbt": "Scala", "kotlin": "Kotlin", "clojure": "Clojure", "clj": "Clojure", "lein": "Clojure", "go": "Go", "cargo": "Rust"}

func language(runtime string) string {
	if l := languages[strings.TrimRight(runtime, "0123456789.-")]; l != "" {
		return l
	}
	return runtime
}

// windows reports whether a command line is one of Windows.
func windows(argv []string) bool {
	script := words(argv)
	return strings.HasPrefix(script[0], `\`) || len(script[0]) > 2 && script[0][1:3] == `:\` || slices.Contains([]string{"powershell", "cmd", "pwsh"}, strings.TrimSuffix(strings.ToLower(script[0]), ".exe"))
}

// convert has BuildKit turn a Dockerfile into a build, of which the image's
// configuration is wanted.
func convert(ctx context.Context, dockerfile []byte) (res *dockerfile2llb.Result, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("BuildKit failed inside: %v", r)
		}
	}()
	amd64 := ocispecs.Platform{OS: "linux", Architecture: "amd64"}
	return dockerfile2llb.Dockerfile2LLB(ctx, dockerfile, dockerfile2llb.ConvertOpt{
		Config:         dockerui.Config{BuildPlatforms: []ocispecs.Platform{amd64}, BuildArgs: unset(dockerfile)},
		TargetPlatform: &amd64, MetaResolver: anyImage{amd64},
	})
}

// unset gives a value to the arguments that a file declares in front of FROM and
// gives none, since whoever builds it does: a name of a base image is valid with
// it.
func unset(dockerfile []byte) map[string]string {
	parsed, err := parser.Parse(bytes.NewReader(dockerfile))
	if err != nil {
		return nil // BuildKit says so
	}
	_, args, err := instructions.Parse(parsed.AST, linter.New(&linter.Config{}))
	if err != nil {
		return nil
	}
	out := map[string]string{}
	for _, command := range args {
		for _, arg := range command.Args {
			if arg.Value == nil {
				out[arg.Key] = "unset"
			}
		}
	}
	return out
}

// anyImage answers for every image that it is there and sets nothing but PATH.
type anyImage struct{ platform ocispecs.Platform }

// ResolveImageConfig implements llb.ImageMetaResolver. An image without layers
// would count as scratch, so it has one.
func (a anyImage) ResolveImageConfig(_ context.Context, ref string, _ sourceresolver.Opt) (string, digest.Digest, []byte, error) {
	img := ocispecs.Image{Platform: a.platform, RootFS: ocispecs.RootFS{Type: "layers", DiffIDs: []digest.Digest{digest.FromString(ref)}}}
	img.Config.Env = []string{"PATH=" + programs + ":/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin"}
	data, err := json.Marshal(img)
	return ref, "", data, err
}

// listed matches what differs between causes that are one: command lines and
// paths.
var listed = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`\[".*"\]|"[^"]*"|(?:^|\s)/\S+`) })

// Group is the cause as it is counted: without the words of one Dockerfile.
func (o Outlook) Group() string {
	if o.Kind == Invalid {
		return "BuildKit refuses the file"
	}
	first, _, _ := strings.Cut(o.Cause, "\n")
	if strings.HasPrefix(first, "/") && strings.HasSuffix(first, " needs a shell") {
		return "a script, which needs a shell"
	}
	if before, _, ok := strings.Cut(first, " is not along PATH"); ok && before != "" {
		return "what starts is not the name of a program"
	}
	return strings.Join(strings.Fields(listed().ReplaceAllString(first, " …")), " ")
}
