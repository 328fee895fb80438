//go:build linux

package e2e

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// hanging is a registry that takes requests and never answers. asked is closed
// at the first one.
func hanging(t *testing.T) (address string, asked <-chan struct{}) {
	t.Helper()
	first := make(chan struct{})
	var once sync.Once
	done := make(chan struct{})
	s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		once.Do(func() { close(first) })
		select {
		case <-done:
		case <-r.Context().Done():
		}
	}))
	t.Cleanup(func() {
		close(done)
		s.Close()
	})
	return strings.TrimPrefix(s.URL, "http://"), first
}

// TestRegistryAnswers pulls from and pushes to registries that refuse. Each
// answer is named, with what to do about it.
func TestRegistryAnswers(t *testing.T) {
	for code, hint := range map[int]string{
		http.StatusUnauthorized:        "log in with docker login",
		http.StatusForbidden:           "the registry does not allow it to this account",
		http.StatusNotFound:            "look at the image's name and tag",
		http.StatusTooManyRequests:     "the registry has had too many requests",
		http.StatusInternalServerError: "the registry failed; try again later",
		http.StatusServiceUnavailable:  "the registry failed; try again later",
	} {
		t.Run(fmt.Sprint(code), func(t *testing.T) {
			t.Parallel() // BuildKit waits before it pushes again
			s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) }))
			defer s.Close()
			state, ref := t.TempDir(), strings.TrimPrefix(s.URL, "http://")+"/app:1"
			for what, args := range map[string][]string{
				"pull": {"build", dockerfile(t, "FROM "+ref+"\nCMD [\"/bin/busybox\"]\n"), "--progress", "quiet"},
				"push": {"build", dockerfile(t, "FROM muslbox:1\nCMD [\"/bin/busybox\"]\n"), "-t", ref, "--push", "--progress", "quiet"},
				"pack": {"pack", "/bin/busybox", "-t", ref, "--push"},
				"slim": {"slim", ref},
			} {
				res := whittle(t, state, args...)
				named := strings.Contains(strings.ToLower(res.stderr), strings.ToLower(http.StatusText(code)))
				if res.code != 3 || !named || !strings.Contains(res.stderr, "hint: "+hint) {
					t.Errorf("%s: exit %d, want 3, %q and %q in\n%s", what, res.code, http.StatusText(code), hint, res.stderr)
				}
			}
		})
	}
	t.Run("unreachable", func(t *testing.T) {
		for what, args := range map[string][]string{
			"pull": {"build", dockerfile(t, "FROM 127.0.0.1:1/none:1\n"), "--progress", "quiet"},
			"push": {"build", dockerfile(t, "FROM muslbox:1\nCMD [\"/bin/busybox\"]\n"), "-t", "127.0.0.1:1/none:1", "--push", "--progress", "quiet"},
			"pack": {"pack", "/bin/busybox", "-t", "127.0.0.1:1/none:1", "--push"},
			"slim": {"slim", "127.0.0.1:1/none:1"},
		} {
			res := whittle(t, shared(), args...)
			if res.code != 3 || !strings.Contains(res.stderr, "connection refused") || !strings.Contains(res.stderr, "hint: the registry cannot be reached") {
				t.Errorf("%s: exit %d\n%s", what, res.code, res.stderr)
			}
		}
	})
}

// TestRegistryRecovers pulls from and pushes to a registry that fails at first
// and then does its work: the build waits for it.
func TestRegistryRecovers(t *testing.T) {
	upstream, err := url.Parse("http://" + world.registry.Addr)
	if err != nil {
		t.Fatal(err)
	}
	for _, code := range []int{http.StatusTooManyRequests, http.StatusServiceUnavailable} {
		t.Run(fmt.Sprint(code), func(t *testing.T) {
			proxy := httputil.NewSingleHostReverseProxy(upstream)
			var mu sync.Mutex
			failed := map[string]bool{}
			s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				mu.Lock()
				first := !failed[r.Method+r.URL.Path]
				failed[r.Method+r.URL.Path] = true
				mu.Unlock()
				// What has a body in flight cannot be sent again by
				// everyone, so it is let through.
				if first && (r.Method == http.MethodGet || r.Method == http.MethodHead) {
					w.WriteHeader(code)
					return
				}
				proxy.ServeHTTP(w, r)
			}))
			defer s.Close()
			address := strings.TrimPrefix(s.URL, "http://")
			ref := reference("recovers")
			through := address + strings.TrimPrefix(ref, world.registry.Addr)
			dir := dockerfile(t, "FROM "+address+"/library/muslbox:1\nCMD [\"/bin/busybox\", \"echo\", \"recovered\"]\n")
			res := whittle(t, t.TempDir(), "build", dir, "-t", through, "--push", "--progress", "quiet", "-v")
			if res.code != 0 || !strings.Contains(res.stderr, fmt.Sprintf("the registry %s answers \"%d ", address, code)) {
				t.Fatalf("exit %d\n%s", res.code, res.stderr)
			}
			runs(t, pull(t, ref), "recovered")
		})
	}
}

// TestInterruptedPull ends commands that wait for a registry.
func TestInterruptedPull(t *testing.T) {
	for _, verb := range []string{"build", "slim", "pack", "why"} {
		t.Run(verb, func(t *testing.T) {
			registry, asked := hanging(t)
			ref, out := registry+"/app:1", filepath.Join(t.TempDir(), "out.tar")
			args := map[string][]string{
				"build": {"build", dockerfile(t, "FROM "+ref+"\n"), "-o", "type=oci,dest=" + out, "--progress", "quiet"},
				"slim":  {"slim", ref, "-o", "type=oci,dest=" + out},
				"pack":  {"pack", "/bin/busybox", "-t", ref, "--push"},
				"why":   {"why", ref},
			}[verb]
			cmd := exec.CommandContext(t.Context(), world.bin, args...)
			cmd.Env = append(os.Environ(), "XDG_DATA_HOME="+shared(), "BUILDKITD_CONFIG="+world.config)
			var log syncBuffer
			cmd.Stdout, cmd.Stderr = &log, &log
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			select {
			case <-asked:
			case <-time.After(time.Minute):
				t.Fatalf("nobody asks the registry\n%s", log.String())
			}
			if err := cmd.Process.Signal(os.Interrupt); err != nil {
				t.Fatal(err)
			}
			began := time.Now()
			ended(t, cmd, &log, 130)
			if took := time.Since(began); took > 5*time.Second || !strings.Contains(log.String(), "whittle: interrupted") {
				t.Errorf("it took %s\n%s", took, log.String())
			}
			if left, _ := os.ReadDir(filepath.Dir(out)); len(left) > 0 {
				t.Errorf("left behind: %v", left)
			}
		})
	}
}
