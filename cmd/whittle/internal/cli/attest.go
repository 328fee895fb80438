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
	"github.com/whittle-oci/whittle/signing/config"
)

// attestFlags are the flags of attest.
type attestFlags struct {
	signerFlags
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
	o, err := f.load(ctx, a)
	if err != nil {
		return err
	}
	images, err := imagesToSign(ctx, args, f.metadata)
	if err != nil {
		return err
	}
	st := signing.Statements{Attached: f.predicate == "", Only: only}
	if f.predicate != "" {
		p, err := predicateOf("predicate", f.kind, f.predicate)
		if err != nil {
			return err
		}
		st.Own = []signing.Predicate{p}
	}
	for _, img := range images {
		res, err := signing.AttestAll(ctx, img, o, st)
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

// attachedStatements is --attest without a value.
const attachedStatements = "attached"

// statements are what sign --attest names.
func statements(args []string) (signing.Statements, error) {
	var out signing.Statements
	all := false
	for _, arg := range args {
		kind, file, own := strings.Cut(arg, "=")
		switch {
		case arg == attachedStatements:
			out.Attached, all = true, true
		case own:
			p, err := predicateOf("attest", kind, file)
			if err != nil {
				return out, err
			}
			out.Own = append(out.Own, p)
		default:
			types, err := predicateTypes("attest", []string{kind})
			if err != nil {
				return out, err
			}
			out.Attached, out.Only = true, append(out.Only, types...)
		}
	}
	if all && len(out.Only) > 0 {
		return out, usage{errors.New("--attest alone is all that the builder attached; leave it out, or the types")}
	}
	return out, nil
}

// predicateOf reads a predicate out of a file.
func predicateOf(flag, kind, file string) (signing.Predicate, error) {
	types, err := predicateTypes(flag, []string{kind})
	if err != nil {
		return signing.Predicate{}, err
	}
	data, err := readPredicate(file)
	if err != nil {
		return signing.Predicate{}, usage{fmt.Errorf("--%s: %w", flag, err)}
	}
	// What lint prints is a list, and a predicate is an object.
	if kind == "lint" && bytes.HasPrefix(bytes.TrimSpace(data), []byte("[")) {
		data = append(append([]byte(`{"findings":`), data...), '}')
	}
	if err := json.Unmarshal(data, &map[string]json.RawMessage{}); err != nil {
		return signing.Predicate{}, usage{fmt.Errorf("--%s %s: want a JSON object: %w", flag, file, err)}
	}
	return signing.Predicate{Type: types[0], JSON: data}, nil
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

func shortNames() string { return strings.Join(config.TypeNames(), ", ") }

// predicateTypes gives URIs for the names of a flag.
func predicateTypes(flag string, names []string) ([]string, error) {
	var out []string
	for _, n := range names {
		uri, ok := config.PredicateType(n)
		if !ok {
			return nil, usage{fmt.Errorf("--%s %s: want a URI or one of %s", flag, n, shortNames())}
		}
		out = append(out, uri)
	}
	return out, nil
}
