package cli

import (
	"os"
	"path/filepath"
	"time"

	"github.com/whittle-oci/whittle/lint"
	"github.com/whittle-oci/whittle/lint/buildkit"
	"github.com/whittle-oci/whittle/lint/discover"
	"github.com/whittle-oci/whittle/lint/secrets"
	"github.com/whittle-oci/whittle/lint/setup"
)

// options adds to what configuration says of a file what only a command knows:
// flags, the day, the context, checkers.
func (f *lintFlags) options(run setup.Run, name string) lint.Options {
	opts := run.Options
	opts.Unsafe, opts.FixOnly = f.unsafe, f.fixOnly
	opts.Today = time.Now().Format(time.DateOnly)
	if c, ok := secrets.For(opts.Rules); ok {
		opts.Checkers = append(opts.Checkers, c)
	}
	if !f.noBuildkit && run.Foreign {
		opts.Checkers = append(opts.Checkers, &buildkit.Checker{Ignore: dockerignore(f.contextOf(name))})
	}
	return opts
}

// contextOf is the build context of a file: the one that is named, else the one
// it is most likely built in. Standard input has none.
func (f *lintFlags) contextOf(name string) string {
	if f.context != "" || name == "-" {
		return f.context
	}
	return discover.Context(name)
}

// dockerignore reads the ignore file of a context, nil where there is none.
func dockerignore(dir string) []byte {
	if dir == "" {
		return nil
	}
	data, err := os.ReadFile(filepath.Join(dir, ".dockerignore"))
	if err != nil {
		return nil
	}
	return data
}
