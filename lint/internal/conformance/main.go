// Conformance compares the rules with what other linters answer: hadolint on the
// cases of its own tests and on real Dockerfiles, BuildKit on the cases of its
// checks. It needs a corpus, which is not part of the project:
//
//	hadolint-cases.json          [{id, rule, dockerfile, config, expect, count}]
//	hadolint-config-cases.json   [{id, kind, argv or env or yaml, config, fails, error}]
//	buildkit-cases.json          [{id, dockerfile, dockerignore, build_args, warnings}]
//	realworld.tar.gz             realworld/NAME
//	realworld-hadolint-dev.json  {NAME: [[rule, line], …] or null}
//
// Each Dockerfile of them is turned into a build by BuildKit, too: what it
// refuses is what we call an error.
//
// Agreement is printed for every rule. A difference that the list of
// differences does not explain, and a line of the list that explains nothing,
// fail the run.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
)

// The bars, in per cent of what is judged, listed differences counted as
// agreement or left out.
const (
	barCases = 99.0
	barReal  = 98.0
)

var errFailed = errors.New("not conformant")

func main() {
	corpus := flag.String("corpus", "", "directory with the cases of other tools")
	list := flag.String("differences", "testdata/differences/hadolint.txt", "file that lists what differs on purpose")
	refused := flag.String("refusals", "testdata/differences/refusals.txt", "file that lists the Dockerfiles that BuildKit refuses and we do not, and the reverse")
	rule := flag.String("v", "", "print the cases of this rule that differ; \"all\" is every rule")
	flag.Parse()
	if *corpus == "" {
		fmt.Fprintln(os.Stderr, "conformance needs the directory that holds hadolint-cases.json, hadolint-config-cases.json, buildkit-cases.json, realworld.tar.gz and realworld-hadolint-dev.json: make conformance CORPUS=DIR")
		os.Exit(2)
	}
	err := run(context.Background(), os.Stdout, *corpus, *list, *refused, *rule)
	if err != nil {
		fmt.Fprintln(os.Stderr, "conformance:", err)
	}
	switch {
	case errors.Is(err, errFailed):
		os.Exit(1)
	case err != nil:
		os.Exit(3)
	}
}

func run(ctx context.Context, w io.Writer, corpus, list, refused, verbose string) error {
	known, err := readDifferences(list)
	if err != nil {
		return err
	}
	r := &report{out: w, verbose: verbose, known: known}
	if err := hadolintCases(ctx, r, corpus); err != nil {
		return err
	}
	if err := settingsCases(r, corpus); err != nil {
		return err
	}
	if err := buildkitCases(ctx, r, corpus); err != nil {
		return err
	}
	if err := realWorld(ctx, r, corpus); err != nil {
		return err
	}
	if err := refusals(ctx, r, corpus, refused); err != nil {
		return err
	}
	for _, k := range known {
		for _, rule := range k.rules {
			if !k.used[rule] {
				r.failf("%s: %s %s explains nothing any more", list, rule, k.kind)
			}
		}
	}
	if r.failed {
		return errFailed
	}
	return nil
}
