package cli

import (
	"context"
	"errors"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/whittle-oci/whittle/cmd/internal/version"
	"github.com/whittle-oci/whittle/lint"
	"github.com/whittle-oci/whittle/lint/buildcontext"
	"github.com/whittle-oci/whittle/lint/discover"
	"github.com/whittle-oci/whittle/lint/docs"
	"github.com/whittle-oci/whittle/lint/ignorefile"
	"github.com/whittle-oci/whittle/lint/lsp"
	"github.com/whittle-oci/whittle/lint/rule"
	"github.com/whittle-oci/whittle/lint/source"
)

// typingDelay is how long the server waits for the next key.
const typingDelay = 150 * time.Millisecond

func (a *app) lspCommand() *cobra.Command {
	f := &lintFlags{}
	c := &cobra.Command{
		Use:   "lsp",
		Short: "Lint in an editor: a language server on standard input and output",
		Long: `Lsp speaks the Language Server Protocol with an editor: findings as one types,
fixes and comments that suppress a finding as actions, the rule's page on
hover, names of rules in comments. It reads the configuration as lint does.
docs/editors.md says how editors are told of it.`,
		Args: usageArgs(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error { return a.lsp(c.Context(), f) },
	}
	fl := c.Flags()
	fl.StringVar(&f.config, "config", "", "configuration `FILE` (default .whittle.yaml beside the Dockerfile and above it)")
	fl.StringVar(&f.preset, "preset", "", "`PRESET` of rules to begin with: recommended, strict or hadolint")
	fl.BoolVar(&f.noBuildkit, "no-buildkit", false, "skip BuildKit's own checks")
	fl.StringVar(&f.shellcheck, "shellcheck", "auto", "`PROGRAM` for RUN scripts: auto finds ShellCheck on the PATH, off leaves it out")
	fl.Bool("stdio", true, "what editors say; there is no other way")
	_ = fl.MarkHidden("stdio")
	return completions(c)
}

func (a *app) lsp(ctx context.Context, f *lintFlags) error {
	layer, err := f.layer()
	if err != nil {
		return err
	}
	if err := f.findShellcheck(); err != nil {
		return err
	}
	seen := &recent{}
	err = lsp.Serve(ctx, a.In, a.Out, lsp.Config{
		Version: version.String(), Rules: catalogue(), Page: docs.Page, Delay: typingDelay,
		Find: func(name string) (rule.Meta, bool) {
			found := findRules(name)
			if len(found) == 0 {
				return rule.Meta{}, false
			}
			return found[0], true
		},
		Parts: func(ctx context.Context, path, language string, text []byte) ([]lsp.Part, bool, error) {
			if !holdsDockerfiles(path, language) {
				return nil, false, nil
			}
			run, excluded, err := newConfigs(f.config, layer).of(ctx, path)
			if err != nil || excluded {
				return nil, true, err
			}
			built, err := discover.BuildsIn(path, text)
			if err != nil {
				return nil, true, nil // half a file, as one types
			}
			var parts []lsp.Part
			seenHere := map[string]bool{}
			for _, b := range built {
				if d := (dockerfile{name: path, inline: b.Inline}); b.Inline != nil && !seenHere[d.place()] {
					seenHere[d.place()] = true
					parts = append(parts, lsp.Part{Block: *b.Inline, Options: seen.flags(f).options(run, f.newBuilds(), d)})
				}
			}
			return parts, true, nil
		},
		IgnoreFile: func(ctx context.Context, path string, file *source.File) ([]lint.Diagnostic, bool, error) {
			name, is := buildcontext.IgnoreFileOf(path)
			if !is {
				return nil, false, nil
			}
			run, excluded, err := newConfigs(f.config, layer).of(ctx, path)
			if err != nil || excluded {
				return nil, true, err
			}
			dir := filepath.Dir(path)
			if name != "" {
				dir = seen.flags(f).contextOf(f.newBuilds(), name)
			}
			return ignorefile.Configured(file, dir, run.Options), true, nil
		},
		Options: func(ctx context.Context, path string) (lint.Options, bool, error) {
			if path == "" {
				path = "-"
			}
			// Read anew each time, as a file may have changed.
			run, excluded, err := newConfigs(f.config, layer).of(ctx, path)
			if err != nil || excluded {
				return lint.Options{}, false, err
			}
			return seen.flags(f).options(run, f.newBuilds(), dockerfile{name: path}), true, nil
		},
	})
	if errors.Is(err, lsp.ErrNoShutdown) {
		return exit(1) // as the protocol wants
	}
	return err
}

// holdsDockerfiles reports whether a document is a Compose or Bake file, or another that is
// no Dockerfile, by its name or by what the editor takes it for.
func holdsDockerfiles(path, language string) bool {
	if discover.IsSource(filepath.Base(path)) {
		return true
	}
	return slices.Contains([]string{"dockercompose", "dockerbake", "yaml", "json", "jsonc", "hcl", "terraform"}, language)
}

// seenFor is how long what was seen of build contexts holds: editors ask at every
// key, and directories change.
const seenFor = 10 * time.Second

// A recent is flags with what was seen of build contexts lately.
type recent struct {
	mu  sync.Mutex
	at  time.Time
	now *lintFlags
}

func (r *recent) flags(f *lintFlags) *lintFlags {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.now == nil || time.Since(r.at) > seenFor {
		r.at, r.now = time.Now(), &lintFlags{noBuildkit: f.noBuildkit, lintTools: lintTools{program: f.program}}
	}
	return r.now
}
