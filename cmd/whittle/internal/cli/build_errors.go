package cli

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"strings"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/linter"
	"github.com/moby/buildkit/frontend/dockerfile/parser"
	"github.com/moby/buildkit/solver/errdefs"

	"github.com/whittle-oci/whittle/builder/engine/embedded"
	"github.com/whittle-oci/whittle/builder/frontend"
)

// buildError prints the lines of the Dockerfile that an error is about, and
// gives the error its exit code and its hint. own is what the build function
// returned, err what came back over the wire.
func (a *app) buildError(err, own error) error {
	sources := errdefs.Sources(err)
	if len(sources) == 0 {
		sources = errdefs.Sources(own)
	}
	for _, s := range sources {
		if unparsable(s) {
			printCaret(a.Err, s)
			return refused{err}
		}
	}
	for _, s := range sources {
		_ = s.Print(a.Err) // the error itself follows
	}
	if bad, ok := errors.AsType[*frontend.RefusedError](own); ok {
		return bad
	}
	if bad, ok := errors.AsType[*frontend.ConfigError](own); ok {
		return bad
	}
	if bad, ok := errors.AsType[*baseError](own); ok {
		return bad
	}
	if bad, ok := errors.AsType[*frontend.UntriedError](own); ok {
		return hintRun(bad)
	}
	if refusedFile(err) {
		return refused{err}
	}
	return hintRegistry(hintRun(err))
}

// unparsable reports whether a file is not a Dockerfile at all, so that the
// error is its syntax.
func unparsable(s *errdefs.Source) bool {
	if s.Info == nil {
		return false
	}
	parsed, err := parser.Parse(bytes.NewReader(s.Info.Data))
	if err != nil {
		return true
	}
	_, _, err = instructions.Parse(parsed.AST, linter.New(&linter.Config{}))
	return err != nil
}

// printCaret writes the line that an error is about as lint does.
func printCaret(w io.Writer, s *errdefs.Source) {
	lines := bytes.Split(s.Info.Data, []byte("\n"))
	for _, r := range s.Ranges {
		if r.Start == nil || r.Start.Line < 1 || int(r.Start.Line) > len(lines) {
			continue
		}
		line := strings.TrimRight(string(lines[r.Start.Line-1]), "\r")
		text := strings.TrimLeft(line, " \t")
		pad := line[:len(line)-len(text)]
		fmt.Fprintf(w, "%s:%d:%d\n    %s\n    %s^%s\n", s.Info.Filename, r.Start.Line, len(pad)+1, line, pad, strings.Repeat("~", max(0, len(text)-1)))
		return
	}
}

// refusedFile reports whether BuildKit refused what the Dockerfile asks for,
// rather than failed at running it.
func refusedFile(err error) bool {
	var exit interface{ ExitCode() int }
	if errors.As(err, &exit) {
		return false
	}
	text := err.Error()
	for _, ran := range []string{"did not complete successfully", "failed to do request", "failed to resolve source metadata", "failed to solve: process", "no space left"} {
		if strings.Contains(text, ran) {
			return false
		}
	}
	for _, parsed := range []string{"dockerfile parse error", "unknown instruction", "failed to parse", "file with no instructions", "base name", "target stage", "circular dependency", "failed to calculate checksum"} {
		if strings.Contains(text, parsed) {
			return true
		}
	}
	return false
}

// hintRun adds what a RUN needs that the machine has not.
func hintRun(err error) error {
	text := err.Error()
	if bad, ok := errors.AsType[*frontend.UntriedError](err); ok && bad.Err != nil {
		text = bad.Err.Error()
	}
	switch {
	case embedded.InNamespace() && strings.Contains(text, "chown"):
		return hinted{err, "a plain user namespace holds one user, so files of others cannot be written, as most base images have, and a WORKDIR of the image's user: build as root, or with a BuildKit that is running (--builder, BUILDKIT_HOST)"}
	case embedded.InNamespace() && (strings.Contains(text, "did not complete successfully") || strings.Contains(text, "runc")):
		return hinted{err, "RUN instructions and smoke need more than the one user of a plain user namespace: build as root, or with a BuildKit that is running (--builder, BUILDKIT_HOST)"}
	case strings.Contains(text, embedded.ErrNoRunc.Error()):
		return hinted{err, "RUN instructions and smoke need runc: install it, or use a BuildKit that is running (--builder, BUILDKIT_HOST)"}
	}
	return err
}

// registryHints are what to do about the answers of registries, by the words
// of BuildKit and go-containerregistry for them.
var registryHints = []struct{ words, hint string }{
	{statusOf + `401 |UNAUTHORIZED|authorization failed|pull access denied`, "log in with docker login; whittle uses the same credentials"},
	{statusOf + `403 |DENIED`, "the registry does not allow it to this account; docker login takes another one"},
	{statusOf + `404 |NAME_UNKNOWN|MANIFEST_UNKNOWN|: not found$`, "look at the image's name and tag; some registries want a repository to be made before a push"},
	{statusOf + `429 |TOOMANYREQUESTS`, "the registry has had too many requests: docker login raises the limit of many, a mirror in buildkitd.toml avoids it, or try again later"},
	{statusOf + `5\d\d `, "the registry failed; try again later"},
	{`server gave HTTP response to HTTPS client`, "for a registry without TLS say http = true in its section of buildkitd.toml (--buildkitd-config)"},
	{`x509: `, "for a registry with a certificate of your own name its ca in its section of buildkitd.toml (--buildkitd-config)"},
	{`connection refused|no such host|i/o timeout|network is unreachable|no route to host`, "the registry cannot be reached: look at its name, the network and the proxy (HTTPS_PROXY)"},
}

// statusOf comes before the status that a registry has answered with.
const statusOf = `https?://\S+: (?:unexpected status code )?`

// hintRegistry adds what to do about a registry's answer.
func hintRegistry(err error) error {
	if hint(err) != "" || strings.Contains(err.Error(), "did not complete successfully") {
		return err
	}
	for _, h := range registryHints {
		if regexp.MustCompile(h.words).MatchString(err.Error()) {
			return hinted{err, h.hint}
		}
	}
	return err
}

// hintEngine adds what to do about a builder that does not answer.
func hintEngine(err error) error {
	switch {
	case errors.Is(err, embedded.ErrNotLinux):
		return hinted{err, nameBuilder}
	case errors.Is(err, os.ErrPermission):
		return hinted{err, "run as root, or as a user who may use user namespaces; whittle doctor tells"}
	}
	return err
}

// nameBuilder is what to do where the embedded engine does not run.
const nameBuilder = "name a BuildKit that is running: --builder NAME (docker buildx ls lists them, default is Docker's own), BUILDKIT_HOST, or docker buildx create --use"
