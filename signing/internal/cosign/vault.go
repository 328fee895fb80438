package cosign

import (
	"bytes"
	"cmp"
	"context"
	"crypto"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/sigstore/sigstore/pkg/signature"
)

// A transitKey signs with a key in the transit engine of HashiCorp Vault or
// OpenBao (Vault API documentation, "Transit secrets engine").
//
// Vault's own client brings two dozen packages, whose initialization every
// start of the command would pay for; of its API two requests are needed.
type transitKey struct {
	client  *http.Client
	address *url.URL // of the engine
	header  http.Header
	name    string
	public  crypto.PublicKey
	signature.Verifier
}

const (
	vaultScheme  = "hashivault://"
	maxVault     = 1 << 20 // bytes of one answer
	vaultTimeout = 30 * time.Second
)

// vaultKeyName matches the names that transit keys can have in a reference.
var vaultKeyName = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[\w.-]+$`) })

// openVault finds a key by its reference, hashivault://NAME. Address, token,
// namespace and authority come from VAULT_ADDR, VAULT_TOKEN or ~/.vault-token,
// VAULT_NAMESPACE and VAULT_CACERT, or OpenBao's BAO_ names, the path of the
// engine from TRANSIT_SECRET_ENGINE_PATH.
func openVault(ctx context.Context, ref string) (*transitKey, error) {
	setting := func(name string) string { return cmp.Or(os.Getenv("VAULT_"+name), os.Getenv("BAO_"+name)) }
	k := &transitKey{name: strings.TrimPrefix(ref, vaultScheme), header: http.Header{}}
	if !vaultKeyName().MatchString(k.name) {
		return nil, fmt.Errorf("%q is not the name of a key", k.name)
	}
	address := setting("ADDR")
	if address == "" {
		return nil, errors.New("VAULT_ADDR is not set")
	}
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		return nil, fmt.Errorf("VAULT_ADDR is no https address: %s", address)
	}
	if ip := net.ParseIP(u.Hostname()); u.Scheme == "http" && u.Hostname() != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return nil, fmt.Errorf("the token would be sent to %s without TLS; set VAULT_ADDR to its https address", u.Host)
	}
	k.address = u.JoinPath("v1", strings.Trim(cmp.Or(os.Getenv("TRANSIT_SECRET_ENGINE_PATH"), "transit"), "/"))
	token, err := vaultToken(setting("TOKEN"))
	if err != nil {
		return nil, err
	}
	k.header.Set("X-Vault-Token", token)
	k.header.Set("X-Vault-Request", "true")
	if ns := setting("NAMESPACE"); ns != "" {
		k.header.Set("X-Vault-Namespace", ns)
	}
	if k.client, err = vaultClient(setting("CACERT")); err != nil {
		return nil, err
	}
	if k.public, err = k.fetch(ctx); err != nil {
		return nil, err
	}
	k.Verifier, err = signature.LoadVerifier(k.public, crypto.SHA256)
	return k, err
}

func vaultToken(token string) (string, error) {
	if token != "" {
		return token, nil
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "", fmt.Errorf("VAULT_TOKEN is not set: %w", err)
	}
	text, err := os.ReadFile(filepath.Join(home, ".vault-token"))
	if err != nil {
		return "", fmt.Errorf("VAULT_TOKEN is not set: %w", err)
	}
	return strings.TrimSpace(string(text)), nil
}

func vaultClient(authority string) (*http.Client, error) {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	if authority != "" {
		text, err := os.ReadFile(authority)
		if err != nil {
			return nil, fmt.Errorf("reading VAULT_CACERT: %w", err)
		}
		pool := x509.NewCertPool()
		if !pool.AppendCertsFromPEM(text) {
			return nil, fmt.Errorf("VAULT_CACERT %s has no certificate", authority)
		}
		transport.TLSClientConfig = &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}
	}
	return &http.Client{Transport: transport, Timeout: vaultTimeout}, nil
}

// fetch asks for the public key of the newest version.
func (k *transitKey) fetch(ctx context.Context) (crypto.PublicKey, error) {
	var data struct {
		Type   string `json:"type"`
		Latest int    `json:"latest_version"`
		Keys   map[string]struct {
			Public string `json:"public_key"`
		} `json:"keys"`
	}
	if err := k.ask(ctx, http.MethodGet, nil, &data, "keys", k.name); err != nil {
		return nil, fmt.Errorf("reading the key: %w", err)
	}
	block, _ := pem.Decode([]byte(data.Keys[strconv.Itoa(data.Latest)].Public))
	if block == nil {
		return nil, fmt.Errorf("a key of type %q signs no image; make one of type ecdsa-p256", data.Type)
	}
	return x509.ParsePKIXPublicKey(block.Bytes)
}

// PublicKey implements signature.SignerVerifier.
func (k *transitKey) PublicKey(...signature.PublicKeyOption) (crypto.PublicKey, error) {
	return k.public, nil
}

// SignMessage implements signature.Signer: Vault gets the SHA-256 digest.
func (k *transitKey) SignMessage(message io.Reader, opts ...signature.SignOption) ([]byte, error) {
	digest, _, err := signature.ComputeDigestForSigning(message, crypto.SHA256, []crypto.Hash{crypto.SHA256}, opts...)
	if err != nil {
		return nil, err
	}
	ctx := context.Background()
	for _, o := range opts {
		o.ApplyContext(&ctx)
	}
	var data struct {
		Signature string `json:"signature"`
	}
	q := map[string]any{"input": digest, "prehashed": true, "signature_algorithm": "pkcs1v15"}
	if err := k.ask(ctx, http.MethodPost, q, &data, "sign", k.name, "sha2-256"); err != nil {
		return nil, fmt.Errorf("signing with %s%s: %w", vaultScheme, k.name, err)
	}
	// vault:v1:BASE64
	_, rest, _ := strings.Cut(data.Signature, ":")
	_, text, ok := strings.Cut(rest, ":")
	if !ok {
		return nil, fmt.Errorf("signing with %s%s: the answer has no signature", vaultScheme, k.name)
	}
	return base64.StdEncoding.DecodeString(text)
}

// ask sends one request. What Vault says is wrong is part of the error; the
// token never is.
func (k *transitKey) ask(ctx context.Context, method string, question, data any, path ...string) error {
	var body io.Reader
	if question != nil {
		b, err := json.Marshal(question)
		if err != nil {
			return err
		}
		body = bytes.NewReader(b)
	}
	req, err := http.NewRequestWithContext(ctx, method, k.address.JoinPath(path...).String(), body)
	if err != nil {
		return err
	}
	req.Header = k.header.Clone()
	res, err := k.client.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(io.LimitReader(res.Body, maxVault))
	if err != nil {
		return err
	}
	var answer struct {
		Data   json.RawMessage `json:"data"`
		Errors []string        `json:"errors"`
	}
	err = json.Unmarshal(text, &answer)
	switch {
	case len(answer.Errors) > 0:
		return fmt.Errorf("%s: %s", res.Status, strings.Join(answer.Errors, "; "))
	case res.StatusCode != http.StatusOK:
		return errors.New(res.Status)
	case err != nil:
		return fmt.Errorf("reading the answer: %w", err)
	}
	return json.Unmarshal(answer.Data, data)
}
