package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/whittle-oci/whittle/builder/oci/staging"
	"github.com/whittle-oci/whittle/signing"
)

func (a *app) trustCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "trust",
		Short: "Keep and show whose certificates, log entries and timestamps count",
		Long: `Trust keeps a trusted_root.json and a signing_config.json where sign and verify
find them. Only init and update ask the network, and nothing else does so for
them.`,
		Args: usageArgs(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(a.trustInitCommand(), a.trustShowCommand(), a.trustUpdateCommand())
	return c
}

// trustSource is where the files are from.
type trustSource struct {
	Mirror string `json:"mirror,omitempty"` // "" is the public Sigstore
	Root   []byte `json:"root,omitempty"`   // its first root.json
	Files  bool   `json:"files,omitempty"`  // they were given as files
}

func (a *app) trustInitCommand() *cobra.Command {
	var mirror, root, trusted, config string
	c := &cobra.Command{
		Use:   "init",
		Short: "Fetch the trusted root and the signing configuration, or take them from files",
		Long: `Init asks the TUF repository of the public Sigstore, or that of --mirror, whose
root.json vouches for everything else. Where there is no network, it takes files
instead.`,
		Example: `  whittle trust init
  whittle trust init --mirror https://tuf.example.com --root root.json
  whittle trust init --trusted-root trusted_root.json --signing-config signing_config.json`,
		Args: usageArgs(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			switch {
			case trusted == "" && config != "":
				return usage{errors.New("--signing-config goes with --trusted-root")}
			case trusted != "" && mirror+root != "":
				return usage{errors.New("give files or --mirror, not both")}
			case (mirror == "") != (root == ""):
				return usage{errors.New("--mirror and --root go together")}
			case trusted != "":
				return a.trustFiles(trusted, config)
			}
			source := trustSource{Mirror: mirror}
			if root != "" {
				raw, err := readTrust(root)
				if err != nil {
					return usage{fmt.Errorf("--root: %w", err)}
				}
				source.Root = raw
			}
			return a.trustFetch(c.Context(), source)
		},
	}
	c.Flags().StringVar(&mirror, "mirror", "", "TUF repository to ask (default that of the public Sigstore)")
	c.Flags().StringVar(&root, "root", "", "its root.json")
	c.Flags().StringVar(&trusted, "trusted-root", "", "take this trusted_root.json")
	c.Flags().StringVar(&config, "signing-config", "", "take this signing_config.json")
	return c
}

func (a *app) trustUpdateCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "update",
		Short: "Fetch the files again from where init had them",
		Args:  usageArgs(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			dir, err := trustDir()
			if err != nil {
				return err
			}
			raw, err := os.ReadFile(filepath.Join(dir, "source.json"))
			if errors.Is(err, fs.ErrNotExist) {
				return usage{hinted{errors.New("there is nothing to update"), "whittle trust init comes first"}}
			}
			var source trustSource
			if err == nil {
				err = json.Unmarshal(raw, &source)
			}
			if err != nil {
				return fmt.Errorf("reading %s: %w", filepath.Join(dir, "source.json"), err)
			}
			if source.Files {
				return usage{errors.New("the files were given to whittle trust init; give it new ones")}
			}
			return a.trustFetch(c.Context(), source)
		},
	}
}

func (a *app) trustFetch(ctx context.Context, source trustSource) error {
	dir, err := trustDir()
	if err != nil {
		return err
	}
	a.log.Infof("asking the TUF repository %s", firstWord(source.Mirror, "of the public Sigstore"))
	trusted, config, err := signing.FetchTrust(ctx, source.Mirror, source.Root, filepath.Join(dir, "tuf"))
	if err != nil {
		return err
	}
	return a.keepTrust(dir, source, trusted, config)
}

func (a *app) trustFiles(trusted, config string) error {
	dir, err := trustDir()
	if err != nil {
		return err
	}
	raw, err := readTrust(trusted)
	if err == nil {
		_, err = signing.ParseTrustedRoot(trusted, raw)
	}
	if err != nil {
		return usage{err}
	}
	var cfg []byte
	if config != "" {
		if cfg, err = readTrust(config); err == nil {
			_, err = signing.ParseServices(config, cfg, nil)
		}
		if err != nil {
			return usage{err}
		}
	}
	return a.keepTrust(dir, trustSource{Files: true}, raw, cfg)
}

// keepTrust writes the files. A configuration of before goes where there is
// none now: it would be of another Sigstore.
func (a *app) keepTrust(dir string, source trustSource, trusted, config []byte) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	from, err := json.Marshal(source)
	if err != nil {
		return err
	}
	for name, data := range map[string][]byte{"trusted_root.json": trusted, "signing_config.json": config, "source.json": from} {
		file := filepath.Join(dir, name)
		if data == nil {
			if err := os.Remove(file); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return err
			}
			continue
		}
		if err := staging.ReplaceFile(file, data); err != nil {
			return err
		}
		if _, err := fmt.Fprintln(a.Out, file); err != nil {
			return err
		}
	}
	return nil
}

func (a *app) trustShowCommand() *cobra.Command {
	var f trustFlags
	var config string
	var asJSON bool
	c := &cobra.Command{
		Use:   "show",
		Short: "Show whose certificates, log entries and timestamps count, and who is asked for them",
		Args:  usageArgs(cobra.NoArgs),
		RunE:  func(*cobra.Command, []string) error { return a.trustShow(f, config, asJSON) },
	}
	f.register(c.Flags())
	c.Flags().StringVar(&config, "signing-config", "", "signing_config.json to show (default that of .whittle.yaml, or of whittle trust init)")
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

// shownService is a service as JSON.
type shownService struct {
	File    string     `json:"file"`
	Kind    string     `json:"kind"`
	URL     string     `json:"url,omitempty"`
	ID      string     `json:"id,omitempty"`
	Version uint32     `json:"version,omitempty"`
	From    *time.Time `json:"from,omitempty"`
	Until   *time.Time `json:"until,omitempty"`
}

func (a *app) trustShow(f trustFlags, config string, asJSON bool) error {
	file, err := readSigning(f.configFile)
	if err != nil {
		return err
	}
	roots, configs := []string{f.root}, []string{config}
	if file.Verify != nil {
		roots = append(roots, file.path(file.Verify.TrustedRoot))
	}
	if file.Sign != nil {
		roots, configs = append(roots, file.path(file.Sign.TrustedRoot)), append(configs, file.path(file.Sign.SigningConfig))
	}
	name, raw, err := firstTrust("trusted_root.json", roots)
	if err != nil {
		return err
	}
	var out []shownService
	if raw != nil {
		root, err := signing.ParseTrustedRoot(name, raw)
		if err != nil {
			return usage{err}
		}
		out = shown(out, name, root.Services())
	}
	if name, raw, err = firstTrust("signing_config.json", configs); err != nil {
		return err
	}
	if raw != nil {
		services, err := signing.ParseServices(name, raw, nil)
		if err != nil {
			return usage{err}
		}
		out = shown(out, name, services.Listed())
	}
	if len(out) == 0 {
		return refused{hinted{errors.New("nobody is trusted here"), "whittle trust init fetches what the public Sigstore's root vouches for"}}
	}
	if asJSON {
		enc := json.NewEncoder(a.Out)
		enc.SetIndent("", "  ")
		return enc.Encode(out)
	}
	var text strings.Builder
	for i, s := range out {
		if i == 0 || out[i-1].File != s.File {
			fmt.Fprintf(&text, "%s\n", s.File)
		}
		fmt.Fprintf(&text, "  %-28s %s", s.Kind, firstWord(s.URL, s.ID))
		if s.Version > 0 {
			fmt.Fprintf(&text, ", version %d", s.Version)
		}
		if s.From != nil {
			fmt.Fprintf(&text, ", from %s", s.From.Format(time.DateOnly))
		}
		if s.Until != nil {
			fmt.Fprintf(&text, ", until %s", s.Until.Format(time.DateOnly))
		}
		fmt.Fprintln(&text)
	}
	_, err = fmt.Fprint(a.Out, text.String())
	return err
}

func shown(out []shownService, file string, list []signing.Service) []shownService {
	at := func(t time.Time) *time.Time {
		if t.IsZero() {
			return nil
		}
		t = t.UTC()
		return &t
	}
	for _, s := range list {
		out = append(out, shownService{file, s.Kind, s.URL, s.ID, s.Version, at(s.Start), at(s.End)})
	}
	return out
}
