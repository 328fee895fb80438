// Vuln runs govulncheck and holds what it finds to the answers in SECURITY.md: a
// vulnerability whose code is reached must be answered there, and an answer
// must have one.
//
//	go run ./cmd/internal/vuln -tool .tools/bin/govulncheck -module testdata/tools/govulncheck -answers SECURITY.md
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"maps"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

func main() {
	log.SetFlags(0)
	tool := flag.String("tool", "", "the program govulncheck")
	module := flag.String("module", "", "directory of the module that requires golang.org/x/vulndb")
	version := flag.String("version", "", "another version of golang.org/x/vulndb, such as latest")
	answers := flag.String("answers", "SECURITY.md", "page with the answers")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, *tool, *module, *version, *answers); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, tool, module, version, page string) error {
	db, err := database(ctx, module, version)
	if err != nil {
		return err
	}
	text, err := os.ReadFile(page)
	if err != nil {
		return err
	}
	tool, err = filepath.Abs(tool)
	if err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, tool, "-db", "file://"+filepath.ToSlash(db), "-format", "json", "./...")
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return fmt.Errorf("%s: %w", tool, err)
	}
	found, err := reached(bytes.NewReader(out))
	if err != nil {
		return err
	}
	if err := compare(found, answered(string(text))); err != nil {
		return fmt.Errorf("%w\nsee %s, \"Known vulnerabilities\"", err, page)
	}
	log.Printf("%d vulnerabilities are reached, each is answered in %s", len(found), page)
	return nil
}

// database gives the directory of OSV files of golang.org/x/vulndb, which
// govulncheck reads as they are.
func database(ctx context.Context, module, version string) (string, error) {
	const vulndb = "golang.org/x/vulndb"
	what := vulndb
	if version != "" {
		what += "@" + version
	}
	cmd := exec.CommandContext(ctx, "go", "mod", "download", "-json", what)
	cmd.Dir, cmd.Stderr = module, os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("fetching %s: %w", what, err)
	}
	var m struct{ Dir string }
	if err := json.Unmarshal(out, &m); err != nil || m.Dir == "" {
		return "", fmt.Errorf("go mod download %s says %q", what, out)
	}
	return filepath.Join(m.Dir, "data", "osv"), nil
}

// reached reads govulncheck's messages and gives the vulnerabilities, by
// identifier, whose functions our code calls, with what they are. Modules that
// are only required and packages that are only imported do not count, as they
// do not for govulncheck's exit code
// (pkg.go.dev/golang.org/x/vuln/cmd/govulncheck).
func reached(r io.Reader) (map[string]string, error) {
	summaries, found := map[string]string{}, map[string]string{}
	for d := json.NewDecoder(r); ; {
		var m struct {
			OSV *struct {
				ID, Summary string
			}
			Finding *struct {
				OSV          string
				FixedVersion string `json:"fixed_version"`
				Trace        []struct{ Module, Version, Function string }
			}
		}
		if err := d.Decode(&m); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return nil, fmt.Errorf("reading what govulncheck says: %w", err)
		}
		if m.OSV != nil {
			summaries[m.OSV.ID] = m.OSV.Summary
		}
		if f := m.Finding; f != nil && len(f.Trace) > 0 && f.Trace[0].Function != "" {
			fixed := f.FixedVersion
			if fixed == "" {
				fixed = "none"
			}
			found[f.OSV] = fmt.Sprintf("%s %s, fixed in %s", f.Trace[0].Module, f.Trace[0].Version, fixed)
		}
	}
	for id := range found {
		found[id] = strings.TrimSpace(summaries[id] + " (" + found[id] + ")")
	}
	return found, nil
}

var (
	row        = regexp.MustCompile(`(?m)^\|([^|]*)\|\s*\S[^|]*\|\s*$`)
	identifier = regexp.MustCompile(`GO-\d{4}-\d{4,}`)
)

// answered lists the identifiers in the first column of the page's tables,
// where the second says something.
func answered(page string) []string {
	var out []string
	for _, m := range row.FindAllStringSubmatch(page, -1) {
		out = append(out, identifier.FindAllString(m[1], -1)...)
	}
	return out
}

// compare says what is found and not answered, and what is answered and not
// found.
func compare(found map[string]string, answers []string) error {
	var errs []error
	for _, id := range slices.Sorted(maps.Keys(found)) {
		if !slices.Contains(answers, id) {
			errs = append(errs, fmt.Errorf("%s is not answered: %s", id, found[id]))
		}
	}
	for _, id := range answers {
		if _, ok := found[id]; !ok {
			errs = append(errs, fmt.Errorf("%s is answered and not found any more: take the answer out", id))
		}
	}
	return errors.Join(errs...)
}
