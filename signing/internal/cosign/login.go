package cosign

import (
	"context"
	"fmt"
	"time"

	soauth "github.com/sigstore/sigstore/pkg/oauth"
	"github.com/sigstore/sigstore/pkg/oauthflow"
)

// clientID is what Sigstore's issuers know their clients by.
const clientID = "sigstore"

// Login has a person log in with an issuer, in a browser here, or with a code
// that they enter on another device (RFC 8628), and gives the identity token.
// say shows them what to do.
func Login(ctx context.Context, issuer string, browser bool, say func(string)) (string, error) {
	wait := func(d time.Duration) {
		select {
		case <-ctx.Done():
		case <-time.After(d):
		}
	}
	var flow oauthflow.TokenGetter = &oauthflow.DeviceFlowTokenGetter{Issuer: issuer, MessagePrinter: say, Sleeper: wait}
	if browser {
		flow = &oauthflow.InteractiveIDTokenGetter{HTMLPage: soauth.InteractiveSuccessHTML, Output: printer(say)}
	}
	type outcome struct {
		token *oauthflow.OIDCIDToken
		err   error
	}
	done := make(chan outcome, 1) // the library's flows know no context
	go func() {
		t, err := oauthflow.OIDConnect(issuer, clientID, "", "", flow)
		done <- outcome{t, err}
	}()
	select {
	case <-ctx.Done():
		return "", context.Cause(ctx)
	case o := <-done:
		if o.err != nil {
			return "", fmt.Errorf("logging in with %s: %w", issuer, o.err)
		}
		return o.token.RawString, nil
	}
}

// printer shows what is written.
type printer func(string)

// Write implements io.Writer.
func (p printer) Write(b []byte) (int, error) {
	p(string(b))
	return len(b), nil
}
