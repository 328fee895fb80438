package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"golang.org/x/term"

	"github.com/whittle-oci/whittle/signing"
)

// keyFlags are the flags of every verb that signs. A password never comes from
// the command line, where other users of the machine could read it.
type keyFlags struct {
	key, passwordFile, format string
}

func (f *keyFlags) register(fl *pflag.FlagSet) {
	fl.StringVar(&f.key, "key", "", "private key, as cosign writes it")
	fl.StringVar(&f.passwordFile, "key-password-file", "", "file with the key's password (default COSIGN_PASSWORD, or a prompt)")
	fl.StringVar(&f.format, "format", string(signing.Bundle), "bundle or legacy")
}

func (f *keyFlags) load(a *app) (*signing.Key, signing.Format, error) {
	format, err := signing.ParseFormat(f.format)
	if err != nil {
		return nil, "", usage{fmt.Errorf("--format: %w", err)}
	}
	if f.key == "" {
		return nil, "", usage{hinted{errors.New("no key: give one with --key"), "whittle keygen makes a pair"}}
	}
	key, err := signing.LoadKey(f.key, func() ([]byte, error) { return a.password(f.passwordFile, "password of "+f.key) })
	if err != nil {
		return nil, "", usage{err}
	}
	return key, format, nil
}

// password takes a password from a file, the environment or a terminal.
func (a *app) password(file, prompt string) ([]byte, error) {
	if file != "" {
		data, err := os.ReadFile(file)
		if err != nil {
			return nil, fmt.Errorf("reading the password: %w", err)
		}
		return []byte(strings.TrimRight(string(data), "\r\n")), nil
	}
	for _, env := range []string{"WHITTLE_KEY_PASSWORD", "COSIGN_PASSWORD"} {
		if v, ok := os.LookupEnv(env); ok {
			return []byte(v), nil
		}
	}
	in, ok := a.In.(*os.File)
	if !ok || !term.IsTerminal(int(in.Fd())) {
		return nil, errors.New("no password: set COSIGN_PASSWORD or give --key-password-file")
	}
	fmt.Fprintf(a.Err, "%s: ", prompt)
	defer fmt.Fprintln(a.Err)
	return term.ReadPassword(int(in.Fd()))
}

func (a *app) keygenCommand() *cobra.Command {
	var prefix, passwordFile string
	c := &cobra.Command{
		Use:   "keygen",
		Short: "Make a key pair that whittle and cosign sign with",
		Args:  usageArgs(cobra.NoArgs),
		RunE: func(*cobra.Command, []string) error {
			password, err := a.password(passwordFile, "password for the new key")
			if err != nil {
				return usage{err}
			}
			if err := signing.GenerateKeys(prefix, password); err != nil {
				return err
			}
			_, err = fmt.Fprintf(a.Out, "%s.key\n%s.pub\n", prefix, prefix)
			return err
		},
	}
	c.Flags().StringVar(&prefix, "output-key-prefix", "cosign", "the files are PREFIX.key and PREFIX.pub")
	c.Flags().StringVar(&passwordFile, "key-password-file", "", "file with the password (default COSIGN_PASSWORD, or a prompt)")
	return c
}

func (a *app) signCommand() *cobra.Command {
	var f keyFlags
	var metadata string
	var asJSON bool
	c := &cobra.Command{
		Use:   "sign [flags] [IMAGE]",
		Short: "Sign an image, every platform of it and what is attached to it",
		Long: `Sign signs a digest; a tag is resolved first. Of an index, every platform and
every attestation manifest is signed too. What it writes, cosign verifies. No
transparency log is asked.`,
		Args: usageArgs(cobra.MaximumNArgs(1)),
		RunE: func(c *cobra.Command, args []string) error {
			ref, err := imageArgument(args, metadata)
			if err != nil {
				return err
			}
			key, format, err := f.load(a)
			if err != nil {
				return err
			}
			d, err := signing.Resolve(c.Context(), ref)
			if err != nil {
				return err
			}
			res, err := signing.Sign(c.Context(), d, key, format)
			if err != nil {
				return signError(err)
			}
			return a.printSigned(res, asJSON)
		},
	}
	f.register(c.Flags())
	c.Flags().StringVar(&metadata, "metadata-file", "", "take the image from what docker buildx build --metadata-file wrote")
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

func (a *app) printSigned(res *signing.Result, asJSON bool) error {
	if asJSON {
		enc := json.NewEncoder(a.Out)
		enc.SetIndent("", "  ")
		return enc.Encode(res)
	}
	for _, s := range res.Signed {
		a.log.Infof("signed %s", s)
	}
	for _, s := range res.Attested {
		a.log.Infof("attested %s", s)
	}
	_, err := fmt.Fprintln(a.Out, res.Digest)
	return err
}

// imageArgument finds the image in the arguments or in a metadata file.
func imageArgument(args []string, metadata string) (name.Reference, error) {
	switch {
	case metadata != "" && len(args) > 0:
		return nil, usage{errors.New("give an image or --metadata-file, not both")}
	case metadata != "":
		return fromMetadata(metadata)
	case len(args) == 0:
		return nil, usage{errors.New("give the image to sign")}
	}
	ref, err := name.ParseReference(args[0], insecureLoopback(args[0])...)
	if err != nil {
		return nil, usage{fmt.Errorf("%s is not the name of an image: %w", args[0], err)}
	}
	return ref, nil
}

// fromMetadata reads the name and digest of what buildx built.
func fromMetadata(file string) (name.Reference, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, usage{fmt.Errorf("--metadata-file: %w", err)}
	}
	var m struct {
		Digest string `json:"containerimage.digest"`
		Name   string `json:"image.name"`
	}
	if err := json.Unmarshal(data, &m); err != nil {
		return nil, usage{fmt.Errorf("--metadata-file %s: %w", file, err)}
	}
	if m.Digest == "" || m.Name == "" {
		return nil, usage{fmt.Errorf("--metadata-file %s names no pushed image", file)}
	}
	first, _, _ := strings.Cut(m.Name, ",")
	ref, err := name.ParseReference(first, insecureLoopback(first)...)
	if err != nil {
		return nil, usage{fmt.Errorf("--metadata-file %s: %w", file, err)}
	}
	return ref.Context().Digest(m.Digest), nil
}

// signError gives the errors of signing their exit codes.
func signError(err error) error {
	if _, ok := errors.AsType[*signing.FormatError](err); ok {
		return refused{err}
	}
	return err
}

func (a *app) attestCommand() *cobra.Command {
	var f keyFlags
	var predicate, kind string
	var only []string
	var asJSON bool
	c := &cobra.Command{
		Use:   "attest [flags] IMAGE",
		Short: "Sign what was attached to an image, or a statement of your own about it",
		Long: `Attest signs the SBOM, the provenance and the contents that the builder
attached to an image, unchanged, as attestations of each platform. With
--predicate it signs a statement of your own.`,
		Args: usageArgs(cobra.ExactArgs(1)),
		RunE: func(c *cobra.Command, args []string) error {
			ref, err := imageArgument(args, "")
			if err != nil {
				return err
			}
			if (predicate == "") != (kind == "") {
				return usage{errors.New("--predicate and --type go together")}
			}
			key, format, err := f.load(a)
			if err != nil {
				return err
			}
			d, err := signing.Resolve(c.Context(), ref)
			if err != nil {
				return err
			}
			res, err := attest(c.Context(), d, key, format, predicate, kind, only)
			if err != nil {
				return signError(err)
			}
			if len(res.Attested) == 0 {
				return refused{hinted{fmt.Errorf("nothing is attached to %s", d), "build with --sbom or --provenance, or give --predicate"}}
			}
			return a.printSigned(res, asJSON)
		},
	}
	f.register(c.Flags())
	c.Flags().StringVar(&predicate, "predicate", "", "file with a JSON predicate to attest")
	c.Flags().StringVar(&kind, "type", "", "predicate type of --predicate, a URI or a short name")
	c.Flags().StringSliceVar(&only, "only", nil, "predicate types to lift from the image (default all)")
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

func attest(ctx context.Context, d name.Digest, key *signing.Key, format signing.Format, predicate, kind string, only []string) (*signing.Result, error) {
	if predicate == "" {
		return signing.Attest(ctx, d, key, format, predicateTypes(only))
	}
	data, err := os.ReadFile(predicate)
	if err != nil {
		return nil, usage{fmt.Errorf("--predicate: %w", err)}
	}
	return signing.AttestPredicate(ctx, d, key, format, predicateTypes([]string{kind})[0], data)
}

// shortTypes are names for predicate types, as cosign has them.
var shortTypes = map[string]string{
	"spdx": signing.SPDXPredicate, "spdxjson": signing.SPDXPredicate, "cyclonedx": "https://cyclonedx.org/bom",
	"slsaprovenance": "https://slsa.dev/provenance/v0.2", "slsaprovenance1": "https://slsa.dev/provenance/v1",
	"contents": "https://whittle-oci.github.io/contents/v1", "vuln": "https://cosign.sigstore.dev/attestation/vuln/v1",
}

func predicateTypes(names []string) []string {
	out := make([]string, len(names))
	for i, n := range names {
		out[i] = n
		if full, ok := shortTypes[n]; ok {
			out[i] = full
		}
	}
	return out
}
