package signing

import (
	"bytes"
	"io"
	"net/http"
	"strings"
	"sync"
)

// pings is a transport that asks a registry once what go-containerregistry asks
// it before every request: whether it is one, and how to log in (OCI
// distribution spec, "Determining Support").
type pings struct {
	next http.RoundTripper

	mu      sync.Mutex
	answers map[string]answer
}

// answer is one that is given again.
type answer struct {
	res  http.Response
	body []byte
}

// maxPing is the longest answer that is kept, in bytes.
const maxPing = 64 << 10

// RoundTrip implements http.RoundTripper.
func (p *pings) RoundTrip(q *http.Request) (*http.Response, error) {
	if q.Method != http.MethodGet || !strings.HasSuffix(q.URL.Path, "/v2/") || q.Header.Get("Authorization") != "" {
		return p.next.RoundTrip(q)
	}
	key := q.URL.String()
	p.mu.Lock()
	have, ok := p.answers[key]
	p.mu.Unlock()
	if ok {
		return have.again(q), nil
	}
	res, err := p.next.RoundTrip(q)
	if err != nil || res.StatusCode != http.StatusOK && res.StatusCode != http.StatusUnauthorized {
		return res, err // it may say something else next time
	}
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, maxPing))
	if err != nil {
		return nil, err
	}
	a := answer{*res, body}
	p.mu.Lock()
	p.answers[key] = a
	p.mu.Unlock()
	return a.again(q), nil
}

func (a answer) again(q *http.Request) *http.Response {
	res := a.res
	res.Header = a.res.Header.Clone()
	res.Request, res.Body = q, io.NopCloser(bytes.NewReader(a.body))
	return &res
}
