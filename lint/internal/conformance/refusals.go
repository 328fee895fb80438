package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"

	"github.com/whittle-oci/whittle/lint/buildkit"
	"github.com/whittle-oci/whittle/lint/convert"
	"github.com/whittle-oci/whittle/lint/dockerfile"
	"github.com/whittle-oci/whittle/lint/internal/archive"
	"github.com/whittle-oci/whittle/lint/source"
)

// maxRefusals bounds the list of differences.
const maxRefusals = 10

// fillings are what every variable that the file does not settle is set to, one
// after the other; the first leaves them alone.
var fillings = []string{"", "80", "tcp", "15", "/x", "x", "linux/amd64", "sha256:0000000000000000000000000000000000000000000000000000000000000000", "bind", "shared", "true"}

// refusals compares what BuildKit refuses with what we call an error, on every
// Dockerfile of the corpus.
func refusals(ctx context.Context, r *report, corpus, list string) error {
	known, err := readRefusals(list)
	if err != nil {
		return err
	}
	files, err := texts(corpus)
	if err != nil {
		return err
	}
	refused, differ := 0, 0
	for _, name := range slices.Sorted(maps.Keys(files)) {
		theirs, ours, err := both(ctx, source.NewFile(name, files[name]))
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if theirs != "" {
			refused++
		}
		if (theirs == "") == (ours == "") {
			continue
		}
		if _, ok := known[name]; ok {
			known[name] = true
			continue
		}
		differ++
		r.failf("%s\n    BuildKit: %s\n    ours:     %s", name, theirs, ours)
	}
	fmt.Fprintf(r.out, "\nrefusals: BuildKit refuses %d of %d files; %d listed, %d others differ\n", refused, len(files), len(known), differ)
	for name, used := range known {
		if !used {
			r.failf("%s: %s explains nothing any more", list, name)
		}
	}
	return nil
}

// texts are the Dockerfiles of the corpus by name.
func texts(corpus string) (map[string][]byte, error) {
	out := map[string][]byte{}
	var theirs []buildkitCase
	if err := readJSON(filepath.Join(corpus, "buildkit-cases.json"), &theirs); err != nil {
		return nil, err
	}
	for _, c := range theirs {
		out["buildkit/"+c.ID] = []byte(c.Dockerfile)
	}
	var cases []hadolintCase
	if err := readJSON(filepath.Join(corpus, "hadolint-cases.json"), &cases); err != nil {
		return nil, err
	}
	for _, c := range cases {
		text := c.Dockerfile + "\n"
		if !hasFrom.MatchString(text) {
			text = "FROM debian:12\n" + text
		}
		out[fmt.Sprintf("hadolint/%d", c.ID)] = []byte(text)
	}
	for f, err := range archive.Files(corpus) {
		if err != nil {
			return nil, err
		}
		out["realworld/"+path.Base(f.Name)] = f.Data
	}
	return out, nil
}

// both says why BuildKit refuses a file and why we do; "" where it is taken.
func both(ctx context.Context, src *source.File) (theirs, ours string, err error) {
	f, err := dockerfile.Parse(src)
	if bad, ok := errors.AsType[*dockerfile.SyntaxError](err); ok {
		return bad.Error(), bad.Error(), nil // the parser is BuildKit's
	}
	if err != nil {
		return "", "", err
	}
	if len(f.Problems) > 0 {
		return f.Problems[0].Err.Error(), f.Problems[0].Err.Error(), nil
	}
	if found := convert.Refusals(f, nil); len(found) > 0 {
		ours = fmt.Sprintf("%d: %v", src.Pos(found[0].Span.Start).Line, found[0].Err)
	}
	for _, value := range fillings {
		args, env := fill(f, value)
		f.For(dockerfile.Build{Args: args})
		why, err := (&buildkit.Checker{Env: env}).Refusal(ctx, f)
		if err != nil {
			return "", "", err
		}
		if why == "" || strings.HasPrefix(why, "lint violation found") { // that is what check=error=true asks for
			return "", ours, nil
		}
		if theirs == "" {
			theirs = why
		}
	}
	return theirs, ours, nil
}

// fill sets what a file does not: ARGs without a default, and variables that the
// base image may set.
func fill(f *dockerfile.File, value string) (args map[string]string, env []string) {
	if value == "" {
		return nil, nil
	}
	args, env = map[string]string{}, []string{}
	for _, in := range f.Instructions {
		for ref := range f.Refs(in.Text.Text) {
			if in.Keyword != "from" && in.Stage >= 0 {
				env = append(env, ref.Name+"="+value)
			}
		}
		if c, ok := in.Command.(*instructions.ArgCommand); ok {
			for _, kv := range c.Args {
				if _, ok := dockerfile.PlatformDefault(kv.Key); kv.Value == nil && !ok {
					args[kv.Key] = value
				}
			}
		}
	}
	for _, a := range f.MetaArgs {
		for _, kv := range a.Args {
			if kv.Value == nil {
				args[kv.Key] = value
			} else {
				delete(args, kv.Key)
			}
		}
	}
	return args, env
}

// readRefusals reads lines of the form "FILE: why".
func readRefusals(name string) (map[string]bool, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, fmt.Errorf("reading the list of refusals: %w", err)
	}
	defer f.Close()
	out := map[string]bool{}
	lines := bufio.NewScanner(f)
	for n := 1; lines.Scan(); n++ {
		text := strings.TrimSpace(lines.Text())
		if text == "" || strings.HasPrefix(text, "#") {
			continue
		}
		file, why, ok := strings.Cut(text, ": ")
		if !ok || strings.TrimSpace(why) == "" {
			return nil, fmt.Errorf("%s:%d: a line is FILE: why", name, n)
		}
		out[file] = false
	}
	if len(out) > maxRefusals {
		return nil, fmt.Errorf("%s lists %d differences, more than %d", name, len(out), maxRefusals)
	}
	return out, lines.Err()
}
