package engine

import (
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"
)

// TestDockerLetsGo closes the connections to a docker engine that answers and
// has no BuildKit, and those of OpenDocker.
func TestDockerLetsGo(t *testing.T) {
	var mu sync.Mutex
	open, seen := map[net.Conn]bool{}, 0
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasSuffix(r.URL.Path, "/_ping") {
			http.Error(w, `{"message":"there is no such page"}`, http.StatusNotFound)
			return
		}
		w.Header().Set("Api-Version", "1.51")
		w.Header().Set("Ostype", "linux")
	}))
	s.Config.ConnState = func(c net.Conn, state http.ConnState) {
		mu.Lock()
		defer mu.Unlock()
		switch state {
		case http.StateNew:
			open[c] = true
			seen++
		case http.StateClosed, http.StateHijacked:
			delete(open, c)
		case http.StateActive, http.StateIdle:
		}
	}
	s.Start()
	defer s.Close()
	endpoint := "tcp://" + s.Listener.Addr().String()
	t.Setenv("DOCKER_HOST", endpoint)
	gone := func(what string) {
		t.Helper()
		for range 500 {
			mu.Lock()
			left, made := len(open), seen
			mu.Unlock()
			if made > 0 && left == 0 {
				return
			}
			time.Sleep(10 * time.Millisecond)
		}
		t.Errorf("%s left connections open", what)
	}
	_, err := inDocker(t.Context(), "default", endpoint, "test")
	if !errors.As(err, new(*UnavailableError)) {
		t.Fatalf("error %v", err)
	}
	gone("an engine without BuildKit")
	d, err := OpenDocker(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	gone("a closed one")
}
