// Package token finds the identity token that an authority makes a certificate
// out for: in a file, in the environment, or from the service that runs the job.
// A token is a secret until it has run out, and never in an error.
package token

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"
)

// A Source gives a token whenever one is needed: a certificate lasts ten
// minutes, and a job longer.
type Source func(ctx context.Context) (string, error)

// Audience is what the public authority and most private ones want a token to
// be made out to.
const Audience = "sigstore"

// maxToken is the longest token, in bytes.
const maxToken = 64 << 10

// File reads the token from a file, each time anew: what writes it may renew
// it.
func File(name string) Source {
	return func(context.Context) (string, error) {
		f, err := os.Open(name)
		if err != nil {
			return "", fmt.Errorf("reading the identity token: %w", err)
		}
		defer f.Close()
		return read(f, name)
	}
}

func read(r io.Reader, name string) (string, error) {
	raw, err := io.ReadAll(io.LimitReader(r, maxToken+1))
	if err != nil {
		return "", fmt.Errorf("reading the identity token: %w", err)
	}
	if len(raw) > maxToken {
		return "", fmt.Errorf("the identity token of %s has more than %d bytes", name, maxToken)
	}
	return check(string(bytes.TrimSpace(raw)), name)
}

// check refuses what is no token (RFC 7519), and one that has run out. The
// authority checks everything else.
func check(token, name string) (string, error) {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return "", fmt.Errorf("%s holds no identity token: want three parts in base64, joined by dots", name)
	}
	var claims struct {
		Exp float64 `json:"exp"`
	}
	raw, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err == nil {
		err = json.Unmarshal(raw, &claims)
	}
	if err != nil {
		return "", fmt.Errorf("%s holds no identity token: its second part is not JSON in base64", name)
	}
	if end := time.Unix(int64(claims.Exp), 0); claims.Exp > 0 && time.Since(end) > skew {
		return "", fmt.Errorf("the identity token of %s ran out at %s", name, end.UTC().Format(time.RFC3339))
	}
	return token, nil
}

// skew is how far the clock here may be ahead of the issuer's. The authority
// decides; this spares a question whose answer is known.
const skew = 3 * time.Hour

// Env is where tokens are looked for besides files: environment variables, the
// names of files and addresses in them, and a client for these.
type Env struct {
	Lookup func(name string) (string, bool) // default os.LookupEnv
	Client *http.Client                     // default one that waits 30 seconds
	// Place is the file that is looked at where no variable says anything;
	// default the one that cosign reads.
	Place string
}

// place is where token agents in Kubernetes put tokens for cosign.
const place = "/var/run/sigstore/cosign/oidc-token"

// ErrNone says that nothing here gives identity tokens.
var ErrNone = errors.New("there is no identity token: give a file with --identity-token, or set SIGSTORE_ID_TOKEN; GitHub Actions needs the permission id-token: write")

// Ambient finds who gives tokens here, and its name: GitHub Actions, Buildkite,
// SIGSTORE_ID_TOKEN (as GitLab's id_tokens sets it), CircleCI, or the file that
// cosign reads.
func (e Env) Ambient() (Source, string, error) {
	if e.Lookup == nil {
		e.Lookup = os.LookupEnv
	}
	if e.Client == nil {
		e.Client = &http.Client{Timeout: 30 * time.Second}
	}
	if e.Place == "" {
		e.Place = place
	}
	get := func(name string) string { v, _ := e.Lookup(name); return v }
	switch {
	case get("SIGSTORE_ID_TOKEN") != "":
		return e.variable("SIGSTORE_ID_TOKEN"), "SIGSTORE_ID_TOKEN", nil
	case get("ACTIONS_ID_TOKEN_REQUEST_URL") != "" && get("ACTIONS_ID_TOKEN_REQUEST_TOKEN") != "":
		return e.gitHub(get("ACTIONS_ID_TOKEN_REQUEST_URL"), get("ACTIONS_ID_TOKEN_REQUEST_TOKEN")), "GitHub Actions", nil
	case get("BUILDKITE_AGENT_ACCESS_TOKEN") != "" && get("BUILDKITE_JOB_ID") != "":
		return e.buildkite(get("BUILDKITE_AGENT_ENDPOINT"), get("BUILDKITE_JOB_ID"), get("BUILDKITE_AGENT_ACCESS_TOKEN")), "Buildkite", nil
	case get("CIRCLE_OIDC_TOKEN_V2") != "":
		return e.variable("CIRCLE_OIDC_TOKEN_V2"), "CircleCI", nil
	}
	if _, err := os.Stat(e.Place); err == nil {
		return File(e.Place), e.Place, nil
	}
	return nil, "", ErrNone
}

func (e Env) variable(name string) Source {
	return func(context.Context) (string, error) {
		v, _ := e.Lookup(name)
		return check(strings.TrimSpace(v), name)
	}
}

// gitHub asks the job's own token service (GitHub documentation, "OpenID
// Connect reference").
func (e Env) gitHub(address, bearer string) Source {
	return func(ctx context.Context) (string, error) {
		u, err := url.Parse(address)
		if err != nil {
			return "", errors.New("ACTIONS_ID_TOKEN_REQUEST_URL is not an address")
		}
		query := u.Query()
		query.Set("audience", Audience)
		u.RawQuery = query.Encode()
		q, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
		if err != nil {
			return "", err
		}
		q.Header.Set("Authorization", "bearer "+bearer)
		return e.ask(q, "GitHub Actions", "value")
	}
}

// buildkite asks the agent's service (Buildkite documentation, "Agent REST
// API", as buildkite-agent oidc request-token does).
func (e Env) buildkite(endpoint, job, bearer string) Source {
	return func(ctx context.Context) (string, error) {
		if endpoint == "" {
			endpoint = "https://agent.buildkite.com/v3"
		}
		u, err := url.Parse(endpoint)
		if err != nil {
			return "", errors.New("BUILDKITE_AGENT_ENDPOINT is not an address")
		}
		q, err := http.NewRequestWithContext(ctx, http.MethodPost, u.JoinPath("jobs", job, "oidc", "tokens").String(), strings.NewReader(`{"audience":"`+Audience+`"}`))
		if err != nil {
			return "", err
		}
		q.Header.Set("Authorization", "Token "+bearer)
		q.Header.Set("Content-Type", "application/json")
		return e.ask(q, "Buildkite", "token")
	}
}

// ask sends a request whose answer has the token in a field.
func (e Env) ask(q *http.Request, who, field string) (string, error) {
	res, err := e.Client.Do(q)
	if err != nil {
		var u *url.Error // whose text has the address, and an address may hold a secret
		if errors.As(err, &u) {
			err = u.Err
		}
		return "", fmt.Errorf("asking %s for an identity token: %w", who, err)
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(io.LimitReader(res.Body, maxToken))
	if err != nil {
		return "", fmt.Errorf("asking %s for an identity token: %w", who, err)
	}
	if res.StatusCode != http.StatusOK && res.StatusCode != http.StatusCreated {
		return "", fmt.Errorf("asking %s for an identity token: it answers %s", who, res.Status)
	}
	var answer map[string]any
	if err := json.Unmarshal(raw, &answer); err != nil {
		return "", fmt.Errorf("asking %s for an identity token: the answer is not JSON", who)
	}
	token, _ := answer[field].(string)
	return check(token, who)
}
