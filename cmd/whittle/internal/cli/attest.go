package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/whittle-oci/whittle/signing"
)

// attestFlags are the flags of attest.
type attestFlags struct {
	keyFlags
	metadata, predicate, kind string
	only                      []string
	json                      bool
}

func (a *app) attestCommand() *cobra.Command {
	var f attestFlags
	c := &cobra.Command{
		Use:   "attest [flags] [IMAGE]",
		Short: "Sign what was attached to an image, or a statement of your own about it",
		Long: `Attest signs the SBOM, the provenance and the contents that the builder
attached to an image, unchanged, as attestations of each platform. Statements of
other types are signed only where --only names them, and signatures never. With
--predicate it signs a statement of your own, such as what whittle lint found.

` + imageHelp,
		Example: `  whittle attest --key cosign.key registry.example/shop:1
  whittle lint --format json > lint.json; whittle attest --key cosign.key --type lint --predicate lint.json registry.example/shop:1`,
		Args: usageArgs(cobra.MaximumNArgs(1)),
		RunE: func(c *cobra.Command, args []string) error { return a.attest(c.Context(), &f, args) },
	}
	f.register(c.Flags())
	c.Flags().StringVar(&f.predicate, "predicate", "", "file with a JSON predicate to attest")
	c.Flags().StringVar(&f.kind, "type", "", "predicate type of --predicate, a URI or one of "+shortNames())
	c.Flags().StringSliceVar(&f.only, "only", nil, "predicate types to lift from the image (default SBOMs, provenance and contents)")
	c.Flags().StringVar(&f.metadata, "metadata-file", "", "take the image from what docker buildx build --metadata-file wrote")
	c.Flags().BoolVar(&f.json, "json", false, "print JSON")
	return c
}

func (a *app) attest(ctx context.Context, f *attestFlags, args []string) error {
	if (f.predicate == "") != (f.kind == "") {
		return usage{errors.New("--predicate and --type go together")}
	}
	if f.predicate != "" && len(f.only) > 0 {
		return usage{errors.New("--only chooses among what is attached; --predicate attests a file")}
	}
	only, err := predicateTypes("only", f.only)
	if err != nil {
		return err
	}
	o, err := f.load(a)
	if err != nil {
		return err
	}
	images, err := imagesToSign(ctx, args, f.metadata)
	if err != nil {
		return err
	}
	for _, img := range images {
		var res signing.Result
		if f.predicate == "" {
			res, err = signing.Attest(ctx, img, o, only)
		} else {
			res, err = attestFile(ctx, img, o, f.kind, f.predicate)
		}
		if err != nil {
			return err
		}
		if len(res.Attested) == 0 {
			return refused{hinted{fmt.Errorf("nothing is attached to %s", img), "build with --sbom or --provenance, or give --predicate"}}
		}
		if err := a.printSigned(res, f.json); err != nil {
			return err
		}
	}
	return nil
}

// attestFile signs a predicate out of a file.
func attestFile(ctx context.Context, img signing.Image, o signing.Options, kind, file string) (signing.Result, error) {
	types, err := predicateTypes("type", []string{kind})
	if err != nil {
		return signing.Result{}, err
	}
	data, err := readPredicate(file)
	if err != nil {
		return signing.Result{}, usage{fmt.Errorf("--predicate: %w", err)}
	}
	// What lint prints is a list, and a predicate is an object.
	if kind == "lint" && bytes.HasPrefix(bytes.TrimSpace(data), []byte("[")) {
		data = append(append([]byte(`{"findings":`), data...), '}')
	}
	if err := json.Unmarshal(data, &map[string]json.RawMessage{}); err != nil {
		return signing.Result{}, usage{fmt.Errorf("--predicate %s: want a JSON object: %w", file, err)}
	}
	return signing.AttestPredicate(ctx, img, o, types[0], data)
}

// maxPredicate is the longest predicate file that is read, in bytes: what may
// still be attested.
const maxPredicate = 47 << 20

func readPredicate(file string) ([]byte, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxPredicate+1))
	if err == nil && len(data) > maxPredicate {
		err = fmt.Errorf("%s has more than %d bytes", file, maxPredicate)
	}
	return data, err
}

// shortTypes are names for predicate types, most of them cosign's.
var shortTypes = []struct{ name, uri string }{
	{"spdx", signing.SPDXPredicate},
	{"spdxjson", signing.SPDXPredicate},
	{"cyclonedx", "https://cyclonedx.org/bom"},
	{"slsaprovenance", "https://slsa.dev/provenance/v0.2"},
	{"slsaprovenance02", "https://slsa.dev/provenance/v0.2"},
	{"slsaprovenance1", "https://slsa.dev/provenance/v1"},
	{"vuln", "https://cosign.sigstore.dev/attestation/vuln/v1"},
	{"openvex", "https://openvex.dev/ns"},
	{"contents", "https://whittle-oci.github.io/contents/v1"},
	{"lint", "https://whittle-oci.github.io/lint/v1"},
}

func shortNames() string {
	var out []string
	for _, t := range shortTypes {
		out = append(out, t.name)
	}
	return strings.Join(out, ", ")
}

// predicateTypes gives URIs for the names of a flag.
func predicateTypes(flag string, names []string) ([]string, error) {
	var out []string
	for _, n := range names {
		uri := n
		for _, t := range shortTypes {
			if t.name == n {
				uri = t.uri
			}
		}
		if !strings.Contains(uri, ":") {
			return nil, usage{fmt.Errorf("--%s %s: want a URI or one of %s", flag, n, shortNames())}
		}
		out = append(out, uri)
	}
	return out, nil
}
