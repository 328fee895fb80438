package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/whittle-oci/whittle/builder/oci/staging"
	"github.com/whittle-oci/whittle/lint"
	"github.com/whittle-oci/whittle/lint/baseline"
	"github.com/whittle-oci/whittle/lint/shellcheck"
)

// A known is the findings of --baseline, nil where there are none.
type known struct {
	file string
	base *baseline.Baseline
}

// readBaseline reads the baseline that the flags name.
func (f *lintFlags) readBaseline() (*known, error) {
	switch {
	case f.writeBaseline && f.baseline == "":
		return nil, usage{errors.New("--write-baseline needs the file: --baseline FILE")}
	case f.writeBaseline && (f.fix || f.diff):
		return nil, usage{errors.New("--write-baseline fixes nothing; leave --fix and --diff out")}
	case f.writeBaseline || f.baseline == "":
		return nil, nil
	}
	data, err := os.ReadFile(f.baseline)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, usage{hinted{fmt.Errorf("--baseline: %w", err), "--write-baseline makes it"}}
	}
	if err != nil {
		return nil, fmt.Errorf("--baseline: %w", err)
	}
	b, err := baseline.Read(data)
	if err != nil {
		return nil, usage{fmt.Errorf("--baseline %s: %w", f.baseline, err)}
	}
	return &known{f.baseline, b}, nil
}

// fresh leaves out the findings that are known.
func (k *known) fresh(diags []lint.Diagnostic) []lint.Diagnostic {
	if k == nil {
		return diags
	}
	return k.base.New(diags, from(k.file))
}

// gone counts the findings of the baseline that are fixed: those of files that
// were linted and of files that are no more. A run of other rules tells nothing.
func (f *lintFlags) gone(files []dockerfile) int {
	if f.known == nil || len(f.only)+len(f.ignore)+len(f.enable) > 0 || f.preset != "" {
		return 0
	}
	linted := map[string]bool{}
	path := from(f.baseline)
	for _, d := range files {
		linted[path(d.name)] = true
	}
	return f.known.base.Gone(func(file, rule string) bool {
		if f.program == nil && shellcheck.Named(rule) {
			return false
		}
		_, err := os.Stat(filepath.Join(filepath.Dir(f.baseline), filepath.FromSlash(file)))
		return linted[file] || errors.Is(err, fs.ErrNotExist)
	})
}

// from writes paths as they are from the directory of a baseline, so that it
// means the same wherever the program is called.
func from(file string) func(string) string {
	dir, err := filepath.Abs(filepath.Dir(file))
	return func(name string) string {
		abs, absErr := filepath.Abs(name)
		rel, relErr := filepath.Rel(dir, abs)
		if errors.Join(err, absErr, relErr) != nil || name == display("-") {
			return name
		}
		return filepath.ToSlash(rel)
	}
}

// saveBaseline writes the findings of a run as the baseline.
func (f *lintFlags) saveBaseline(ctx context.Context, diags []lint.Diagnostic) error {
	var b bytes.Buffer
	if err := baseline.Write(&b, diags, from(f.baseline)); err != nil {
		return err
	}
	if err := staging.WriteFile(ctx, f.baseline, b.Bytes()); err != nil {
		return fmt.Errorf("writing the baseline: %w", err)
	}
	return nil
}
