package embedded

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/containerd/containerd/v2/core/remotes/docker"
	"github.com/sirupsen/logrus"
)

// How a registry that is busy or broken is asked again.
const (
	busyRetries   = 2                      // times besides the first, of one that is busy
	brokenRetries = 1                      // the same, of one that fails: BuildKit tries pushes again itself
	firstWait     = 500 * time.Millisecond // then twice that, unless the registry says
	longestWait   = 20 * time.Second       // longer is named instead of waited for
	maxErrorBytes = 64 << 10               // of an answer that is thrown away
)

// patientHosts makes registry clients wait for registries that ask for it or
// fail for the moment. BuildKit tries again only what it pushes, and containerd
// asks a registry that is busy five times at once.
func patientHosts(hosts docker.RegistryHosts, log logrus.FieldLogger) docker.RegistryHosts {
	return func(host string) ([]docker.RegistryHost, error) {
		list, err := hosts(host)
		for i := range list {
			c := http.Client{}
			if list[i].Client != nil {
				c = *list[i].Client
			}
			c.Transport = &patient{c.Transport, firstWait, log}
			list[i].Client = &c
		}
		return list, err
	}
}

// patient is a transport that asks again.
type patient struct {
	next  http.RoundTripper // nil for the default
	first time.Duration
	log   logrus.FieldLogger
}

// RoundTrip implements http.RoundTripper.
func (p *patient) RoundTrip(req *http.Request) (*http.Response, error) {
	next := p.next
	if next == nil {
		next = http.DefaultTransport
	}
	for try := 0; ; try++ {
		res, err := next.RoundTrip(req)
		if err != nil {
			return nil, err
		}
		wait, ok := p.wait(res, try)
		if !ok {
			return res, nil
		}
		again, err := replayed(req)
		if err != nil || again == nil {
			return res, err
		}
		req = again
		p.log.Debugf("the registry %s answers %q, asking again in %s", req.URL.Host, res.Status, wait)
		_, _ = io.CopyN(io.Discard, res.Body, maxErrorBytes)
		_ = res.Body.Close()
		select {
		case <-req.Context().Done():
			return nil, context.Cause(req.Context())
		case <-time.After(wait):
		}
	}
}

// wait tells how long to wait before the next try, and whether one helps.
func (p *patient) wait(res *http.Response, try int) (time.Duration, bool) {
	limit := 0
	switch res.StatusCode {
	case http.StatusTooManyRequests:
		limit = busyRetries
	case http.StatusInternalServerError, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		limit = brokenRetries
	}
	if try >= limit {
		return 0, false
	}
	wait := p.first << try
	if seconds, err := strconv.ParseUint(res.Header.Get("Retry-After"), 10, 16); err == nil {
		wait = time.Duration(seconds) * time.Second
	}
	return wait, wait <= longestWait
}

// replayed is the request once more, or nil where its body cannot be sent
// again.
func replayed(req *http.Request) (*http.Request, error) {
	if req.Body == nil || req.Body == http.NoBody {
		return req, nil
	}
	if req.GetBody == nil {
		return nil, nil
	}
	body, err := req.GetBody()
	if err != nil {
		return nil, fmt.Errorf("sending a request again: %w", err)
	}
	again := req.Clone(req.Context())
	again.Body = body
	return again, nil
}
