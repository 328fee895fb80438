package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/spf13/pflag"

	"github.com/whittle-oci/whittle/lint/discover"
	"github.com/whittle-oci/whittle/signing"
	"github.com/whittle-oci/whittle/signing/config"
	"github.com/whittle-oci/whittle/signing/token"
)

// trustFlags say whose certificates, logs and timestamps count.
type trustFlags struct{ root, configFile string }

func (f *trustFlags) register(fl *pflag.FlagSet) {
	fl.StringVar(&f.root, "trusted-root", "", "trusted_root.json: whose certificates, log entries and timestamps count (default that of the configuration, or of whittle trust init)")
	fl.StringVar(&f.configFile, "config", "", "configuration `FILE` (default .whittle.yaml here and above)")
}

// signerFlags are the flags of every verb that signs. A password never comes
// from the command line, where other users of the machine could read it.
type signerFlags struct {
	trustFlags
	key, passwordFile, format    string
	identityToken, signingConfig string
	keyless, replace             bool
	annotations                  []string
}

const (
	passwordHelp = "file with the key's password (default WHITTLE_KEY_PASSWORD or COSIGN_PASSWORD, or a prompt)"
	keyHelp      = "private key: a file as cosign writes it, - for standard input, env://NAME, or NAME://KEY of a key management service"
)

func (f *signerFlags) register(fl *pflag.FlagSet) {
	f.trustFlags.register(fl)
	f.registerSigner(fl)
	fl.StringVar(&f.key, "key", "", keyHelp)
	fl.StringVar(&f.passwordFile, "key-password-file", "", passwordHelp)
	fl.StringVar(&f.format, "format", "", "bundle or legacy (default bundle)")
	fl.BoolVar(&f.replace, "replace", false, "remove older attestations of the same types by the same signer; in any case the newest counts")
}

// registerSigner registers what is named alike in every verb.
func (f *signerFlags) registerSigner(fl *pflag.FlagSet) {
	fl.StringVar(&f.identityToken, "identity-token", "", "file with an identity token to sign with instead of a key")
	fl.BoolVar(&f.keyless, "keyless", false, "sign with the identity that this job has instead of a key")
	fl.StringVar(&f.signingConfig, "signing-config", "", "signing_config.json: who is asked for certificates, log entries and timestamps")
}

// A signingFile is a .whittle.yaml and where it lies.
type signingFile struct {
	config.File
	dir string
}

// path is a file that the configuration names, from where it lies.
func (c signingFile) path(name string) string {
	if name == "" || filepath.IsAbs(name) || strings.Contains(name, "://") {
		return name
	}
	return filepath.Join(c.dir, name)
}

// readSigning reads the configuration: the named file, or the nearest
// .whittle.yaml.
func readSigning(name string) (signingFile, error) {
	if name == "" {
		wd, err := os.Getwd()
		if err != nil {
			return signingFile{}, err
		}
		if name = discover.Nearest(wd, configName); name == "" {
			return signingFile{}, nil
		}
		if rel, err := filepath.Rel(wd, name); err == nil {
			name = rel
		}
	}
	data, err := os.ReadFile(name)
	if err != nil {
		return signingFile{}, usage{fmt.Errorf("--config: %w", err)}
	}
	f, err := config.Parse(name, data)
	return signingFile{f, filepath.Dir(name)}, err
}

// maxTrust is the longest trusted root or signing configuration that is read.
const maxTrust = 16 << 20

func readTrust(name string) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxTrust+1))
	if err == nil && len(data) > maxTrust {
		err = fmt.Errorf("%s has more than %d bytes", name, maxTrust)
	}
	return data, err
}

// trustedRoot reads the first of the files that is named, or that of whittle
// trust init. It is nil where there is none.
func trustedRoot(names ...string) (*signing.TrustedRoot, error) {
	name, raw, err := firstTrust("trusted_root.json", names)
	if err != nil || raw == nil {
		return nil, err
	}
	root, err := signing.ParseTrustedRoot(name, raw)
	if err != nil {
		return nil, usage{err}
	}
	return root, nil
}

// firstTrust reads the first file that is named, or one of whittle trust init;
// nil where there is none.
func firstTrust(base string, names []string) (string, []byte, error) {
	for _, n := range names {
		if n == "" {
			continue
		}
		raw, err := readTrust(n)
		if err != nil {
			return n, nil, usage{fmt.Errorf("reading %s: %w", base, err)}
		}
		return n, raw, nil
	}
	dir, err := trustDir()
	if err != nil {
		return "", nil, nil //nolint:nilerr // without a home there is nothing in it
	}
	n := filepath.Join(dir, base)
	raw, err := readTrust(n)
	if errors.Is(err, fs.ErrNotExist) {
		return n, nil, nil
	}
	if err != nil {
		return n, nil, fmt.Errorf("reading %s: %w", base, err)
	}
	return n, raw, nil
}

// trustDir is where whittle trust keeps its files.
func trustDir() (string, error) {
	base := os.Getenv("XDG_DATA_HOME")
	if base == "" {
		home, err := os.UserHomeDir()
		if err != nil {
			return "", err
		}
		base = filepath.Join(home, ".local", "share")
	}
	return filepath.Join(base, "whittle", "trust"), nil
}

// load makes the signer, before anything is asked of a registry. What a flag
// does not say, the configuration may.
func (f *signerFlags) load(ctx context.Context, a *app) (signing.Options, error) {
	file, err := readSigning(f.configFile)
	if err != nil {
		return signing.Options{}, err
	}
	from := file.Sign
	if from == nil {
		from = &config.Sign{}
	}
	if f.key == "" && f.identityToken == "" && !f.keyless {
		f.key, f.identityToken, f.keyless = file.path(from.Key), file.path(from.IdentityToken), from.Keyless
	}
	format, err := signing.ParseFormat(firstWord(f.format, from.Format, string(signing.Bundle)))
	if err != nil {
		return signing.Options{}, usage{fmt.Errorf("--format: %w", err)}
	}
	if f.replace && format == signing.Legacy {
		return signing.Options{}, usage{errors.New("--replace removes bundles; in the older format all attestations of an image are one manifest")}
	}
	said, err := keyValues("annotation", f.annotations)
	if err != nil {
		return signing.Options{}, err
	}
	if len(said) == 0 {
		said = from.Annotations
	}
	root, err := trustedRoot(f.root, file.path(from.TrustedRoot))
	if err != nil {
		return signing.Options{}, err
	}
	signer, err := f.signer(ctx, a, root, file.path(from.SigningConfig))
	if err != nil {
		return signing.Options{}, err
	}
	return signing.Options{Signer: signer, Format: format, Annotations: said, Replace: f.replace, Log: a.log}, nil
}

func firstWord(words ...string) string {
	for _, w := range words {
		if w != "" {
			return w
		}
	}
	return ""
}

// signer is a key or an identity. A key goes into a log only where a signing
// configuration is named; an identity needs one.
func (f *signerFlags) signer(ctx context.Context, a *app, root *signing.TrustedRoot, configured string) (signing.Signer, error) {
	given := 0
	for _, x := range []bool{f.key != "", f.identityToken != "", f.keyless} {
		if x {
			given++
		}
	}
	switch {
	case given == 0:
		return nil, usage{hinted{errors.New("no key: give one with --key, or sign with an identity: --identity-token FILE or --keyless"), "whittle keygen makes a pair"}}
	case given > 1:
		return nil, usage{errors.New("--key, --identity-token and --keyless do not go together")}
	case f.key != "":
		return f.openKey(ctx, a, root, configured)
	}
	name, raw, err := firstTrust("signing_config.json", []string{f.signingConfig, configured})
	if err != nil {
		return nil, err
	}
	if raw == nil {
		return nil, usage{hinted{errors.New("signing with an identity needs --signing-config: who is asked for certificates, log entries and timestamps"), "whittle trust init fetches that of the public Sigstore"}}
	}
	services, err := signing.ParseServices(name, raw, a.retried)
	if err != nil {
		return nil, usage{err}
	}
	source := token.File(f.identityToken)
	if f.keyless {
		if source, err = a.identity(services.Issuer()); err != nil {
			return nil, usage{err}
		}
	}
	signer, err := signing.NewKeyless(services, root, source)
	if err != nil {
		return nil, usage{err}
	}
	return signer, nil
}

// identity is that of the job, or of the person at the terminal, who logs in
// with an issuer. Where there is no terminal nobody is waited for.
func (a *app) identity(issuer string) (token.Source, error) {
	source, from, err := token.Env{}.Ambient()
	if err == nil {
		a.log.Infof("signing with the identity that %s gives", from)
		return source, nil
	}
	if _, bad := a.terminal(); !errors.Is(err, token.ErrNone) || bad != nil || issuer == "" {
		return nil, err
	}
	// A browser that opens on the far side of a connection helps no one.
	browser := os.Getenv("SSH_CONNECTION") == "" && (runtime.GOOS == "darwin" || runtime.GOOS == "windows" || os.Getenv("DISPLAY")+os.Getenv("WAYLAND_DISPLAY") != "")
	return func(ctx context.Context) (string, error) {
		return signing.Login(ctx, issuer, browser, func(s string) { fmt.Fprintln(a.Err, strings.TrimRight(s, "\n")) })
	}, nil
}

// retried says that a service is asked again.
func (a *app) retried(what string) { a.log.Info(what) }

func (f *signerFlags) openKey(ctx context.Context, a *app, root *signing.TrustedRoot, configured string) (signing.Signer, error) {
	password := func() ([]byte, error) { return a.password(f.passwordFile, "password of "+f.key) }
	var key *signing.Key
	var err error
	if name, ok := strings.CutPrefix(f.key, "env://"); ok {
		text, set := os.LookupEnv(name)
		if !set {
			return nil, usage{fmt.Errorf("--key: the variable %s is not set", name)}
		}
		key, err = signing.ParseKey(f.key, []byte(text), password)
	} else if f.key == "-" {
		key, err = signing.ReadKey("on standard input", a.In, password)
	} else if signing.IsKMS(f.key) {
		if key, err = signing.OpenKMS(ctx, f.key); err != nil {
			return nil, err // a service that does not answer is no wrong call
		}
	} else {
		key, err = signing.LoadKey(f.key, password)
	}
	if err != nil {
		return nil, usage{err}
	}
	if w := key.Warning(); w != "" {
		a.log.Warn(w)
	}
	name := firstWord(f.signingConfig, configured)
	if name == "" {
		return key, nil
	}
	raw, err := readTrust(name)
	if err != nil {
		return nil, usage{fmt.Errorf("reading the signing configuration: %w", err)}
	}
	services, err := signing.ParseServices(name, raw, a.retried)
	if err != nil {
		return nil, usage{err}
	}
	logged, err := key.Logged(services, root)
	if err != nil {
		return nil, usage{err}
	}
	return logged, nil
}

// publicKey reads a public key that a flag or a policy names.
func publicKey(ctx context.Context, name string) ([]byte, error) {
	if variable, ok := strings.CutPrefix(name, "env://"); ok {
		text, set := os.LookupEnv(variable)
		if !set {
			return nil, fmt.Errorf("the variable %s is not set", variable)
		}
		return signing.ParsePublicKey(name, []byte(text))
	}
	if signing.IsKMS(name) {
		k, err := signing.OpenKMS(ctx, name)
		if err != nil {
			return nil, err
		}
		return k.PublicPEM(), nil
	}
	return signing.LoadPublicKey(name)
}
