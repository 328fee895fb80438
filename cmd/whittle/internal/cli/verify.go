package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/whittle-oci/whittle/builder/oci"
	"github.com/whittle-oci/whittle/signing"
	"github.com/whittle-oci/whittle/signing/config"
)

// verifyFlags are the flags of verify.
type verifyFlags struct {
	trustFlags
	keys, required, annotations []string
	subject, subjectRegexp      string
	issuer, issuerRegexp        string
	log, timestamp, ct          string
	policy                      string
	json                        bool
}

func (a *app) verifyCommand() *cobra.Command {
	var f verifyFlags
	c := &cobra.Command{
		Use:   "verify [flags] IMAGE",
		Short: "Verify who signed an image, and what is attested about it",
		Long: `Verify checks that an image is signed by one of the given keys or by the given
identity, in either of cosign's formats, and that the image or every platform of
it carries the attestations asked for. Without a key or an identity, the section
verify of .whittle.yaml, or the policy of --policy, says who must have signed
which images and what must be attested.

An image that is judged and refused is exit code 1. A registry that cannot be
asked is an error of its own (exit code 3): it does not mean that the image is
unsigned. Nor do more attachments than are looked at: 1,000 that are not by the
signers, and 256 MiB. Nothing is asked but the registry.

` + imageHelp,
		Example: `  whittle verify --key cosign.pub --attestation spdx,contents registry.example/shop:1
  whittle verify --certificate-identity ci@example.com --certificate-oidc-issuer https://accounts.example.com registry.example/shop:1
  whittle verify --policy policy.yaml --json registry.example/shop:1`,
		Args: usageArgs(cobra.ExactArgs(1)),
		RunE: func(c *cobra.Command, args []string) error { return a.verify(c.Context(), &f, args[0]) },
	}
	f.register(c.Flags())
	return c
}

func (f *verifyFlags) register(fl *pflag.FlagSet) {
	f.registerNames(fl)
	fl.StringArrayVarP(&f.annotations, "annotation", "a", nil, "NAME=VALUE annotation that the signature must have; may be repeated")
	fl.StringSliceVar(&f.required, "attestation", nil, "predicate types that must be attested: a URI or one of "+shortNames())
	fl.StringVar(&f.policy, "policy", "", "policy `FILE`, as the section verify of .whittle.yaml")
	fl.BoolVar(&f.json, "json", false, "print JSON, of an image that is refused too")
}

// registerNames registers who is believed.
func (f *verifyFlags) registerNames(fl *pflag.FlagSet) {
	fl.StringArrayVar(&f.keys, "key", nil, "public key: a file, env://NAME or NAME://KEY of a key management service; may be repeated, any one will do")
	fl.StringVar(&f.subject, "certificate-identity", "", "identity in the certificate, exactly")
	fl.StringVar(&f.subjectRegexp, "certificate-identity-regexp", "", "regular expression that matches all of the identity")
	fl.StringVar(&f.issuer, "certificate-oidc-issuer", "", "issuer that vouches for the identity, exactly")
	fl.StringVar(&f.issuerRegexp, "certificate-oidc-issuer-regexp", "", "regular expression that matches all of the issuer")
	fl.StringVar(&f.log, "log", "", "whether a transparency log must have the signature: required or optional (default required for identities, where the trusted root knows a log)")
	fl.StringVar(&f.timestamp, "timestamp", "", "whether a timestamp authority must have seen the signature: required or optional")
	fl.StringVar(&f.ct, "certificate-transparency", "", "whether the certificate must have been made public: required or optional (default as --log)")
	f.trustFlags.register(fl)
}

// named reports whether a flag says who must have signed.
func (f *verifyFlags) named() bool {
	return len(f.keys) > 0 || f.subject+f.subjectRegexp+f.issuer+f.issuerRegexp != ""
}

func (a *app) verify(ctx context.Context, f *verifyFlags, image string) error {
	policy, err := f.choose(ctx, image)
	if err != nil {
		return err
	}
	img, err := findImage(ctx, image)
	if err != nil {
		return err
	}
	res, err := signing.Verify(ctx, img, policy)
	if _, judged := errors.AsType[*signing.VerifyError](err); f.json && (judged || err == nil) {
		enc := json.NewEncoder(a.Out)
		enc.SetIndent("", "  ")
		if bad := enc.Encode(res); bad != nil {
			return bad
		}
		return err
	}
	if err != nil {
		return err
	}
	return a.printVerified(img, res)
}

func (a *app) printVerified(img signing.Image, res signing.Verified) error {
	if res.Policy != "" {
		a.log.Infof("by the policy %s", res.Policy)
	}
	for _, w := range res.SignedBy {
		a.log.Infof("signed by %s", witness(w))
	}
	for _, at := range res.Attestations {
		a.log.Infof("attested: %s", at.Attested)
		for _, c := range at.Checks {
			a.log.Infof("  %s: %s", c.Check, c.Found)
		}
	}
	_, err := fmt.Fprintf(a.Out, "%s is signed (%s)\n", img, res.Format)
	return err
}

// witness says who signed, when and where that is logged.
func witness(w signing.Witness) string {
	out := w.Identity
	if w.Subject != "" {
		out = w.Subject + ", vouched for by " + w.Issuer
	}
	for _, t := range w.Times {
		out += ", at " + t.Time.UTC().Format(time.RFC3339)
		if t.Source != "" {
			out += " as " + t.Source + " saw it"
		}
	}
	for _, l := range w.Logs {
		out += fmt.Sprintf(", in the log %s at index %d", l.Log, l.Index)
	}
	return out
}

// choose is the policy of the flags, of --policy, or of the configuration.
func (f *verifyFlags) choose(ctx context.Context, image string) (signing.Policy, error) {
	if f.named() {
		if f.policy != "" {
			return signing.Policy{}, usage{errors.New("--policy says who must have signed; leave out --key and the identity, or the policy")}
		}
		return f.given(ctx)
	}
	file, err := f.policies()
	if err != nil {
		return signing.Policy{}, err
	}
	if file.Verify == nil || len(file.Verify.Policies) == 0 {
		return signing.Policy{}, usage{hinted{errors.New("the policy names no one: give a public key with --key, or an identity with --certificate-identity and --certificate-oidc-issuer"), "or a policy with --policy, or in the section verify of .whittle.yaml"}}
	}
	return f.policyFor(ctx, file, image)
}

// policies reads --policy, or else the configuration.
func (f *verifyFlags) policies() (signingFile, error) {
	if f.policy == "" {
		return readSigning(f.configFile)
	}
	data, err := os.ReadFile(f.policy)
	if err != nil {
		return signingFile{}, usage{fmt.Errorf("--policy: %w", err)}
	}
	v, err := config.ParsePolicy(f.policy, data)
	return signingFile{config.File{Verify: v}, filepath.Dir(f.policy)}, err
}

// policyFor is what a file asks of an image. An image that no policy is for is
// refused.
func (f *verifyFlags) policyFor(ctx context.Context, file signingFile, image string) (signing.Policy, error) {
	name, err := policyName(image)
	if err != nil {
		return signing.Policy{}, err
	}
	p := file.Verify.For(name)
	if p == nil {
		return signing.Policy{}, refused{fmt.Errorf("no policy is for %s: none of the patterns matches it", name)}
	}
	root, err := trustedRoot(f.root, file.path(file.Verify.TrustedRoot))
	if err != nil {
		return signing.Policy{}, err
	}
	out, err := p.Policy(ctx, func(ctx context.Context, key string) ([]byte, error) { return publicKey(ctx, file.path(key)) }, root)
	if err != nil {
		return out, err
	}
	kinds, err := predicateTypes("attestation", f.required)
	if err != nil {
		return out, err
	}
	for _, k := range kinds {
		out.Attestations = append(out.Attestations, signing.Requirement{Type: k})
	}
	said, err := keyValues("annotation", f.annotations)
	for k, v := range said {
		if out.Annotations == nil {
			out.Annotations = map[string]string{}
		}
		out.Annotations[k] = v
	}
	return out, err
}

// policyName is what an image is called in policies: its repository, with
// docker.io as docker writes it, or oci:DIR.
func policyName(image string) (string, error) {
	ref, err := oci.ParseRef(image)
	if err != nil {
		return "", hintLocal(image, err)
	}
	if ref.Name == nil {
		return "oci:" + path.Clean(filepath.ToSlash(ref.Path)), nil
	}
	return strings.Replace(ref.Name.Context().Name(), "index.docker.io/", "docker.io/", 1), nil
}

// given is the policy of the flags.
func (f *verifyFlags) given(ctx context.Context) (signing.Policy, error) {
	var p signing.Policy
	d, err := f.demands()
	if err != nil {
		return p, err
	}
	kinds, err := predicateTypes("attestation", f.required)
	if err != nil {
		return p, err
	}
	for _, k := range kinds {
		p.Attestations = append(p.Attestations, signing.Requirement{Type: k})
	}
	if p.Annotations, err = keyValues("annotation", f.annotations); err != nil {
		return p, err
	}
	// A file that happens to lie here says nothing of whom to believe when the
	// call does.
	configured := ""
	if f.configFile != "" {
		file, err := readSigning(f.configFile)
		if err != nil {
			return p, err
		}
		if file.Verify != nil {
			configured = file.path(file.Verify.TrustedRoot)
		}
	}
	root, err := trustedRoot(f.root, configured)
	if err != nil {
		return p, err
	}
	for _, k := range f.keys {
		pem, err := keyOfFlag(ctx, k)
		if err != nil {
			return p, err
		}
		keyed := d
		keyed.CT = signing.ByDefault // a key has no certificate
		id, err := signing.LoggedKey(pem, root, keyed)
		if err != nil {
			return p, usage{fmt.Errorf("--key: %w", err)}
		}
		p.Signers.Of = append(p.Signers.Of, id)
	}
	if f.subject+f.subjectRegexp+f.issuer+f.issuerRegexp != "" {
		id, err := signing.CertificateIdentity(signing.Name{Text: f.subject, Regexp: f.subjectRegexp}, signing.Name{Text: f.issuer, Regexp: f.issuerRegexp}, root, d)
		if err != nil {
			return p, usage{err}
		}
		p.Signers.Of = append(p.Signers.Of, id)
	}
	return p, nil
}

func (f *verifyFlags) demands() (signing.Demands, error) {
	var d signing.Demands
	for _, x := range []struct {
		flag, value string
		out         *signing.Demand
	}{{"log", f.log, &d.Log}, {"timestamp", f.timestamp, &d.Timestamp}, {"certificate-transparency", f.ct, &d.CT}} {
		switch x.value {
		case "":
		case "required":
			*x.out = signing.Required
		case "optional":
			*x.out = signing.Optional
		default:
			return d, usage{fmt.Errorf("--%s %s: want required or optional", x.flag, x.value)}
		}
	}
	return d, nil
}

// keyOfFlag reads a key. One that is wrong is a wrong call; a service that does
// not answer is none.
func keyOfFlag(ctx context.Context, name string) ([]byte, error) {
	pem, err := publicKey(ctx, name)
	switch {
	case err == nil:
		return pem, nil
	case signing.IsKMS(name):
		return nil, fmt.Errorf("--key: %w", err)
	}
	return nil, usage{fmt.Errorf("--key: %w", err)}
}

// publicKeys reads the files of --key.
func publicKeys(ctx context.Context, files []string) ([]signing.Identity, error) {
	var out []signing.Identity
	for _, f := range files {
		pem, err := keyOfFlag(ctx, f)
		if err != nil {
			return nil, err
		}
		id, err := signing.KeyIdentity(pem)
		if err != nil {
			return nil, usage{fmt.Errorf("--key: %w", err)}
		}
		out = append(out, id)
	}
	return out, nil
}
