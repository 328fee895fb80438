package pin_test

import (
	"context"
	"errors"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/whittle-oci/whittle/builder/oci"
	"github.com/whittle-oci/whittle/lint/pin"
	"github.com/whittle-oci/whittle/lint/rule"
	"github.com/whittle-oci/whittle/lint/source"
)

// A server is a registry in memory that can be made to fail.
type server struct {
	*httptest.Server
	mu     sync.Mutex
	asked  []string // method and path of requests about manifests and blobs
	answer func(w http.ResponseWriter, r *http.Request) bool
}

func newServer(t *testing.T) *server {
	t.Helper()
	s := &server{}
	reg := registry.New(registry.Logger(log.New(io.Discard, "", 0)))
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.Contains(r.URL.Path, "/manifests/") || strings.Contains(r.URL.Path, "/blobs/") {
			s.mu.Lock()
			s.asked = append(s.asked, r.Method)
			answer := s.answer
			s.mu.Unlock()
			if answer != nil && answer(w, r) {
				return
			}
		}
		reg.ServeHTTP(w, r)
	}))
	t.Cleanup(s.Close)
	return s
}

// ref names an image of the server.
func (s *server) ref(image string) string {
	return strings.TrimPrefix(s.URL, "http://") + "/" + image
}

func (s *server) requests() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := s.asked
	s.asked = nil
	return out
}

// push puts an image for two platforms under a name and returns the digest of
// its index.
func (s *server) push(t *testing.T, image, user string) string {
	t.Helper()
	var index v1.ImageIndex = empty.Index
	for _, arch := range []string{"amd64", "arm64"} {
		img, err := random.Image(1000, 2)
		if err != nil {
			t.Fatal(err)
		}
		img, err = mutate.ConfigFile(img, &v1.ConfigFile{OS: "linux", Architecture: arch, Config: v1.Config{User: user}, RootFS: rootFS(t, img)})
		if err != nil {
			t.Fatal(err)
		}
		index = mutate.AppendManifests(index, mutate.IndexAddendum{Add: img, Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: "linux", Architecture: arch}}})
	}
	ref, err := name.ParseReference(s.ref(image))
	if err != nil {
		t.Fatal(err)
	}
	if err := remote.WriteIndex(ref, index); err != nil {
		t.Fatal(err)
	}
	d, err := index.Digest()
	if err != nil {
		t.Fatal(err)
	}
	s.requests()
	return d.String()
}

func rootFS(t *testing.T, img v1.Image) v1.RootFS {
	t.Helper()
	c, err := img.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	return c.RootFS
}

func resolver() *pin.Resolver {
	return &pin.Resolver{Client: oci.Client{Keychain: authn.NewMultiKeychain(), Wait: time.Millisecond}, Timeout: 20 * time.Second}
}

func TestDigest(t *testing.T) {
	s := newServer(t)
	want := s.push(t, "base:1", "")
	r := resolver()
	for _, ref := range []string{"base:1", "base:1@sha256:" + strings.Repeat("0", 64)} {
		got, err := r.Digest(t.Context(), s.ref(ref))
		if err != nil || got != want {
			t.Errorf("%s: got %s (%v), want %s", ref, got, err, want)
		}
	}
	// A pull is not counted, and nobody is asked twice.
	if d := cmp.Diff([]string{"HEAD", "HEAD"}, s.requests()); d != "" {
		t.Errorf("requests: -want +got\n%s", d)
	}
	if _, err := r.Digest(t.Context(), s.ref("base:1")); err != nil || len(s.requests()) > 0 {
		t.Error("a known answer was asked for again")
	}
}

// TestHead makes a registry answer HEAD as some do.
func TestHead(t *testing.T) {
	s := newServer(t)
	want := s.push(t, "base:1", "")
	for what, answer := range map[string]func(w http.ResponseWriter){
		"no digest":   func(w http.ResponseWriter) { w.Header().Set("Content-Type", "x/y") },
		"not allowed": func(w http.ResponseWriter) { w.WriteHeader(http.StatusMethodNotAllowed) },
		"not found":   func(w http.ResponseWriter) { w.WriteHeader(http.StatusNotFound) },
	} {
		s.answer = func(w http.ResponseWriter, r *http.Request) bool {
			if r.Method == http.MethodHead {
				answer(w)
			}
			return r.Method == http.MethodHead
		}
		if got, err := resolver().Digest(t.Context(), s.ref("base:1")); err != nil || got != want {
			t.Errorf("%s: got %s (%v)", what, got, err)
		}
	}
}

func TestFacts(t *testing.T) {
	s := newServer(t)
	digest := s.push(t, "base:1", "1000:0")
	r := resolver()
	got, err := r.Facts(t.Context(), s.ref("base:1"))
	if err != nil {
		t.Fatal(err)
	}
	if got.Digest != digest || got.User != "1000:0" || got.Size < 2000 || got.Size > 10_000 || !slices.Equal(got.Platforms, []string{"linux/amd64", "linux/arm64"}) {
		t.Errorf("got %+v, want user 1000:0, two layers, two platforms and %s", got, digest)
	}
	// A digest is taken as it is, whatever the tag is by now.
	s.push(t, "base:1", "")
	if got, err := r.Facts(t.Context(), s.ref("base:1@"+digest)); err != nil || got.User != "1000:0" {
		t.Errorf("got %+v (%v)", got, err)
	}
}

func TestErrors(t *testing.T) {
	s := newServer(t)
	s.push(t, "base:1", "")
	host := strings.TrimPrefix(s.URL, "http://")
	status := func(code int) func(http.ResponseWriter, *http.Request) bool {
		return func(w http.ResponseWriter, _ *http.Request) bool {
			w.WriteHeader(code)
			return true
		}
	}
	for _, c := range []struct {
		what, ref string
		answer    func(http.ResponseWriter, *http.Request) bool
		want      string
		requests  int // at most
	}{
		{"401", s.ref("base:1"), status(401), host + " has no such image, or wants to know who asks (docker login " + host + ")", 1},
		{"403", s.ref("base:1"), status(403), host + " does not allow it", 1},
		{"404", s.ref("base:2"), nil, host + " does not have it", 2},
		{"429", s.ref("base:1"), status(429), host + " has been asked too often; wait, or log in", 4},
		{"500", s.ref("base:1"), status(500), host + " failed", 4},
		{"503", s.ref("base:1"), status(503), host + " failed", 4},
		{"no name", "Base Image", nil, "not the name of an image", 0},
		{"nobody there", "127.0.0.1:1/base:1", nil, "127.0.0.1:1 cannot be reached", 0},
	} {
		t.Run(c.what, func(t *testing.T) {
			s.requests()
			s.answer = c.answer
			_, err := resolver().Digest(t.Context(), c.ref)
			e, ok := errors.AsType[*pin.Error](err)
			if !ok || e.Ref != c.ref || !strings.HasPrefix(err.Error(), c.ref+": "+c.want) {
				t.Errorf("got %v, want %s: %s", err, c.ref, c.want)
			}
			if n := len(s.requests()); n > c.requests {
				t.Errorf("%d requests, want %d at most", n, c.requests)
			}
		})
	}
}

// TestAgain holds the resolver to asking again after an answer that may change.
func TestAgain(t *testing.T) {
	s := newServer(t)
	want := s.push(t, "base:1", "")
	left := 2
	s.answer = func(w http.ResponseWriter, _ *http.Request) bool {
		if left--; left >= 0 {
			w.WriteHeader(http.StatusBadGateway)
			return true
		}
		return false
	}
	if got, err := resolver().Digest(t.Context(), s.ref("base:1")); err != nil || got != want {
		t.Errorf("got %s (%v)", got, err)
	}
}

func TestTimeout(t *testing.T) {
	s := newServer(t)
	s.answer = func(_ http.ResponseWriter, r *http.Request) bool {
		<-r.Context().Done()
		return true
	}
	r := resolver()
	r.Timeout = 50 * time.Millisecond
	_, err := r.Digest(t.Context(), s.ref("base:1"))
	if want := s.ref("base:1") + ": no answer from " + strings.TrimPrefix(s.URL, "http://") + " within 50ms"; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := resolver().Digest(ctx, s.ref("base:1")); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want it to be canceled", err)
	}
}

// TestAuth holds the resolver to docker's credentials.
func TestAuth(t *testing.T) {
	s := newServer(t)
	want := s.push(t, "base:1", "")
	guarded := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if user, pass, _ := r.BasicAuth(); user != "me" || pass != "secret" {
			w.Header().Set("WWW-Authenticate", `Basic realm="x"`)
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		s.Config.Handler.ServeHTTP(w, r)
	}))
	t.Cleanup(guarded.Close)
	host := strings.TrimPrefix(guarded.URL, "http://")
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "config.json"), []byte(`{"auths":{"`+host+`":{"username":"me","password":"secret"}}}`), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("DOCKER_CONFIG", dir)
	r := &pin.Resolver{Client: oci.Client{Wait: time.Millisecond}}
	if got, err := r.Digest(t.Context(), host+"/base:1"); err != nil || got != want {
		t.Errorf("got %s (%v)", got, err)
	}
	if _, err := resolver().Digest(t.Context(), host+"/base:1"); err == nil || strings.Contains(err.Error(), "secret") {
		t.Errorf("got %v without credentials", err)
	}
}

func TestCache(t *testing.T) {
	s := newServer(t)
	old := s.push(t, "base:1", "app")
	file := filepath.Join(t.TempDir(), "deep", "images.json")
	first := resolver()
	first.Cache = pin.NewCache(file)
	if _, err := first.Facts(t.Context(), s.ref("base:1")); err != nil {
		t.Fatal(err)
	}
	if err := first.Cache.Save(); err != nil {
		t.Fatal(err)
	}
	now := s.push(t, "base:1", "other")
	with := func(change func(*pin.Resolver)) (rule.Image, error) {
		r := resolver()
		r.Cache = pin.NewCache(file)
		change(r)
		return r.Facts(t.Context(), s.ref("base:1"))
	}
	if got, err := with(func(r *pin.Resolver) { r.Offline = true }); err != nil || got.Digest != old || got.User != "app" {
		t.Errorf("offline: got %+v (%v)", got, err)
	}
	if got, err := with(func(r *pin.Resolver) { r.Fresh = time.Hour }); err != nil || got.Digest != old {
		t.Errorf("fresh: got %+v (%v)", got, err)
	}
	if n := len(s.requests()); n > 0 {
		t.Errorf("%d requests although the cache knew", n)
	}
	if got, err := with(func(*pin.Resolver) {}); err != nil || got.Digest != now || got.User != "other" {
		t.Errorf("asked anew: got %+v (%v)", got, err)
	}
	r := resolver()
	r.Offline, r.Cache = true, pin.NewCache(file)
	if _, err := r.Digest(t.Context(), s.ref("base:2")); err == nil || !strings.Contains(err.Error(), "--offline asks no registry") {
		t.Errorf("got %v", err)
	}
	// A file that is broken is as good as none.
	if err := os.WriteFile(file, []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got, err := with(func(r *pin.Resolver) { r.Fresh = time.Hour }); err != nil || got.Digest != now {
		t.Errorf("broken cache: got %+v (%v)", got, err)
	}
}

// TestSideBySide asks from many goroutines at once.
func TestSideBySide(t *testing.T) {
	s := newServer(t)
	want := s.push(t, "base:1", "")
	r := resolver()
	var wait sync.WaitGroup
	for range 50 {
		wait.Go(func() {
			if got, err := r.Digest(t.Context(), s.ref("base:1")); err != nil || got != want {
				t.Errorf("got %s (%v)", got, err)
			}
		})
	}
	wait.Wait()
	if n := len(s.requests()); n != 1 {
		t.Errorf("%d requests, want one", n)
	}
}

func TestImages(t *testing.T) {
	s := newServer(t)
	s.push(t, "base:1", "app")
	var failures []string
	images := resolver().Images(t.Context(), func(err error) { failures = append(failures, err.Error()) })
	if got, ok := images.Image(s.ref("base:1")); !ok || got.User != "app" {
		t.Errorf("got %+v, %v", got, ok)
	}
	for range 2 {
		if _, ok := images.Image(s.ref("none:1")); ok {
			t.Error("an image that is not there is known")
		}
	}
	if len(failures) != 1 || !strings.HasPrefix(failures[0], s.ref("none:1")+": ") {
		t.Errorf("failures %q", failures)
	}
}

func TestFile(t *testing.T) {
	s := newServer(t)
	a, b, f, l := s.push(t, "a:1", ""), s.push(t, "b:1", ""), s.push(t, "frontend:1", ""), s.push(t, "l:latest", "")
	stale := "sha256:" + strings.Repeat("1", 64)
	fill := strings.NewReplacer("HOST", strings.TrimPrefix(s.URL, "http://"), "DIGEST_A", a, "DIGEST_B", b, "DIGEST_F", f, "DIGEST_L", l, "STALE", stale).Replace
	for _, c := range []struct {
		name, text   string
		add, update  string // "" for the text itself
		add1, check1 []string
	}{
		{
			"every place",
			"# syntax=HOST/frontend:1\nARG BASE=\"HOST/a:1\"\nFROM $BASE AS x\nFROM HOST/b:1 AS y\nCOPY --from=HOST/a:1 /a /a\nRUN --mount=type=bind,from=HOST/b:1,target=/b --mount=type=cache,target=/c true\nCOPY --from=x /a /a\nFROM y\nFROM scratch\nCOPY --from=0 /a /a\nCOPY --from=named /a /a\n",
			"# syntax=HOST/frontend:1@DIGEST_F\nARG BASE=\"HOST/a:1@DIGEST_A\"\nFROM $BASE AS x\nFROM HOST/b:1@DIGEST_B AS y\nCOPY --from=HOST/a:1@DIGEST_A /a /a\nRUN --mount=type=bind,from=HOST/b:1@DIGEST_B,target=/b --mount=type=cache,target=/c true\nCOPY --from=x /a /a\nFROM y\nFROM scratch\nCOPY --from=0 /a /a\nCOPY --from=named /a /a\n",
			"# syntax=HOST/frontend:1@DIGEST_F\nARG BASE=\"HOST/a:1@DIGEST_A\"\nFROM $BASE AS x\nFROM HOST/b:1@DIGEST_B AS y\nCOPY --from=HOST/a:1@DIGEST_A /a /a\nRUN --mount=type=bind,from=HOST/b:1@DIGEST_B,target=/b --mount=type=cache,target=/c true\nCOPY --from=x /a /a\nFROM y\nFROM scratch\nCOPY --from=0 /a /a\nCOPY --from=named /a /a\n",
			[]string{"pinned", "pinned", "pinned", "pinned", "pinned"}, []string{"unpinned", "unpinned", "unpinned", "unpinned", "unpinned"},
		},
		{
			"stale", "FROM HOST/a:1@STALE\nCOPY --from=HOST/b:1@DIGEST_B /b /b\n", "", "FROM HOST/a:1@DIGEST_A\nCOPY --from=HOST/b:1@DIGEST_B /b /b\n",
			[]string{"left", "left"}, []string{"stale", "current"},
		},
		{"no tag", "FROM HOST/a@STALE\n", "", "", []string{"left"}, []string{"left"}},
		{"no tag and no digest", "ARG L=HOST/l\nFROM HOST/l AS a\nFROM $L\n", "ARG L=HOST/l:latest@DIGEST_L\nFROM HOST/l:latest@DIGEST_L AS a\nFROM $L\n", "ARG L=HOST/l:latest@DIGEST_L\nFROM HOST/l:latest@DIGEST_L AS a\nFROM $L\n", []string{"pinned", "pinned"}, []string{"unpinned", "unpinned"}},
		{"a default used twice", "ARG BASE=HOST/a:1\nFROM ${BASE} AS x\nFROM ${BASE}\n", "ARG BASE=HOST/a:1@DIGEST_A\nFROM ${BASE} AS x\nFROM ${BASE}\n", "ARG BASE=HOST/a:1@DIGEST_A\nFROM ${BASE} AS x\nFROM ${BASE}\n", []string{"pinned", "pinned"}, []string{"unpinned", "unpinned"}},
		{"a variable in it", "ARG V=1\nFROM HOST/a:$V\n", "", "", []string{"unpinned"}, []string{"unpinned"}},
		{"a default that is a part of another reference", "ARG BASE=HOST/a:1\nFROM ${BASE} AS a\nFROM ${BASE}-slim AS b\n", "", "", []string{"unpinned", "failed"}, []string{"unpinned", "failed"}},
		{"the same through another ARG", "ARG BASE=HOST/a:1\nARG NEXT=${BASE}\nFROM $BASE AS a\nFROM ${NEXT}x\n", "", "", []string{"unpinned", "failed"}, []string{"unpinned", "failed"}},
		{"a default that a stage takes", "ARG BASE=HOST/a:1\nFROM $BASE\nARG BASE\nLABEL base=$BASE\n", "", "", []string{"unpinned"}, []string{"unpinned"}},
		{"a variable without a value", "ARG V\nFROM HOST/a:$V\n", "", "", []string{"left"}, []string{"left"}},
		{"a comment", "# whittle ignore=base-without-digest -- moves with the team\nFROM HOST/a:1\n# whittle ignore=image-without-digest\nCOPY --from=HOST/b:1 /b /b\n", "", "", []string{"left", "left"}, []string{"left", "left"}},
		{"layout", "from   HOST/a:1   \\\n  as x\n# b\r\nCOPY \\\r\n  --from=HOST/b:1 \\\r\n  /a /b\r\n", "from   HOST/a:1@DIGEST_A   \\\n  as x\n# b\r\nCOPY \\\r\n  --from=HOST/b:1@DIGEST_B \\\r\n  /a /b\r\n", "from   HOST/a:1@DIGEST_A   \\\n  as x\n# b\r\nCOPY \\\r\n  --from=HOST/b:1@DIGEST_B \\\r\n  /a /b\r\n", []string{"pinned", "pinned"}, []string{"unpinned", "unpinned"}},
		{"one that is not there", "FROM HOST/a:1\nFROM HOST/none:1\n", "FROM HOST/a:1@DIGEST_A\nFROM HOST/none:1\n", "FROM HOST/a:1@DIGEST_A\nFROM HOST/none:1\n", []string{"pinned", "failed"}, []string{"unpinned", "failed"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			text := fill(c.text)
			for mode, want := range map[pin.Mode]string{pin.Check: "", pin.Add: c.add, pin.Update: c.update} {
				if want = fill(want); want == "" {
					want = text
				}
				out, results, err := resolver().File(t.Context(), source.NewFile("Dockerfile", []byte(text)), mode)
				if err != nil {
					t.Fatal(err)
				}
				if d := cmp.Diff(want, string(out)); d != "" {
					t.Errorf("mode %d: -want +got\n%s", mode, d)
				}
				var got []string
				for _, x := range results {
					got = append(got, string(x.Status))
					if (x.Status == pin.Failed) != (x.Err != nil) || (x.Status == pin.Left || x.Status == pin.Unpinned && mode != pin.Check) && x.Why == "" || x.Text == "" {
						t.Errorf("mode %d: %+v", mode, x)
					}
				}
				wantStatus := map[pin.Mode][]string{pin.Check: c.check1, pin.Add: c.add1}[mode]
				if d := cmp.Diff(wantStatus, got); wantStatus != nil && d != "" {
					t.Errorf("mode %d: -want +got\n%s", mode, d)
				}
				// What is written is what the mode asked for.
				if again, _, err := resolver().File(t.Context(), source.NewFile("Dockerfile", out), mode); err != nil || string(again) != string(out) {
					t.Errorf("mode %d: a second time changed it again (%v)", mode, err)
				}
			}
		})
	}
	if _, _, err := resolver().File(t.Context(), source.NewFile("Dockerfile", []byte("FROM\n")), pin.Add); err == nil {
		t.Error("text that is no Dockerfile was taken")
	}
}
