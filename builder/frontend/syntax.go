package frontend

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/distribution/reference"
	"github.com/moby/buildkit/frontend/dockerfile/parser"
)

// linked is the version of the Dockerfile syntax in the BuildKit release that
// this program is built with: v0.34 is docker/dockerfile 1.27.
const linkedMajor, linkedMinor = 1, 27

// syntax looks at the frontend that the Dockerfile or the caller asks for.
// Ours and Docker's own are served here and nothing is pulled for them; any
// other is an error, since what it would do is not known.
func (b *build) syntax(ctx context.Context) error {
	opts := b.client.BuildOpts().Opts
	if _, chosen := opts["cmdline"]; chosen {
		return nil // BuildKit started this frontend by its name
	}
	ref, at := opts["build-arg:BUILDKIT_SYNTAX"], []parser.Range(nil)
	if ref == "" {
		var ok bool
		if ref, _, at, ok = parser.DetectSyntax(b.src.Data); !ok {
			return nil
		}
	}
	ref, _, _ = strings.Cut(strings.TrimSpace(ref), " ")
	if !b.ours(ref) {
		return b.refuse(fmt.Errorf("the Dockerfile is written for the frontend %s, which whittle does not replace; list it under syntax-aliases when it is one of Docker's under another name", ref), at)
	}
	if newer(ref) {
		b.warn(ctx, fmt.Sprintf("%s is newer than the syntax this whittle knows (%d.%d); what it added is not understood", ref, linkedMajor, linkedMinor), at, "")
	}
	return nil
}

// ours reports whether an image reference names a frontend that this one
// stands for.
func (b *build) ours(ref string) bool {
	if slices.Contains(b.config.SyntaxAliases, ref) {
		return true
	}
	named, err := reference.ParseNormalizedNamed(ref)
	if err != nil {
		return false
	}
	repo := reference.Path(named)
	if slices.Contains(b.config.SyntaxAliases, reference.FamiliarName(named)) {
		return true
	}
	return endsIn(repo, dockers...) || endsIn(repo, "whittle")
}

// dockers are the repositories of Docker's own frontend, wherever they are
// mirrored.
var dockers = []string{"docker/dockerfile", "docker/dockerfile-upstream"}

// endsIn reports whether the path of a repository ends in one of the names.
func endsIn(repo string, names ...string) bool {
	return slices.ContainsFunc(names, func(n string) bool { return repo == n || strings.HasSuffix(repo, "/"+n) })
}

// newer reports whether the tag of a syntax image is a later version than the
// one that is linked. Tags such as "1" and "1-labs" are none in particular.
func newer(ref string) bool {
	named, err := reference.ParseNormalizedNamed(ref)
	if err != nil {
		return false
	}
	tagged, ok := named.(reference.Tagged)
	if !ok || !endsIn(reference.Path(named), dockers...) {
		return false
	}
	version, _, _ := strings.Cut(tagged.Tag(), "-")
	parts := strings.Split(version, ".")
	major, err := strconv.Atoi(parts[0])
	if err != nil {
		return false
	}
	if len(parts) == 1 {
		return major > linkedMajor
	}
	minor, err := strconv.Atoi(parts[1])
	return err == nil && (major > linkedMajor || major == linkedMajor && minor > linkedMinor)
}
