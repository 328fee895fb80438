package embedded

import (
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/containerd/containerd/v2/core/remotes/docker"
	"github.com/sirupsen/logrus"
)

// TestRetryingHosts asks a registry that is busy at first, with a client that
// was configured and with none.
func TestRetryingHosts(t *testing.T) {
	log := logrus.New()
	log.SetOutput(io.Discard)
	for name, client := range map[string]*http.Client{"configured": {}, "none": nil} {
		t.Run(name, func(t *testing.T) {
			asked := 0
			s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				if asked++; asked == 1 {
					w.Header().Set("Retry-After", "0")
					w.WriteHeader(http.StatusTooManyRequests)
				}
			}))
			t.Cleanup(s.Close)
			hosts, err := retryingHosts(func(string) ([]docker.RegistryHost, error) {
				return []docker.RegistryHost{{Client: client}}, nil
			}, log)("registry.example")
			if err != nil {
				t.Fatal(err)
			}
			if client != nil && client.Transport != nil {
				t.Error("the client that was given is changed")
			}
			req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL, nil)
			if err != nil {
				t.Fatal(err)
			}
			res, err := hosts[0].Client.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			defer res.Body.Close()
			if res.StatusCode != http.StatusOK || asked != 2 {
				t.Errorf("status %d after %d tries", res.StatusCode, asked)
			}
		})
	}
}
