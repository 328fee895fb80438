package oci_test

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/whittle-oci/whittle/builder/oci"
)

// configured writes a buildkitd.toml that counts.
func configured(t *testing.T, text string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "buildkitd.toml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("BUILDKITD_CONFIG", file)
}

// TestPlainHTTPConfigured asks a registry without TLS because it is said so.
func TestPlainHTTPConfigured(t *testing.T) {
	configured(t, "debug = true\n[worker.oci]\nenabled = true\n[registry.\"registry.example:5000\"]\nhttp = true\n[registry.\"other.example\"]\nmirrors = [\"m\"]\n")
	for host, want := range map[string]string{"registry.example:5000": "http", "registry.example": "https", "other.example": "https"} {
		ref, err := oci.ParseName(host + "/app:1")
		if err != nil {
			t.Fatal(err)
		}
		r := recorded{make(chan string, 10)}
		if _, err := remote.Get(ref, oci.Client{Transport: r}.Options(t.Context())...); err == nil || strings.Contains(err.Error(), "plain HTTP") {
			t.Errorf("%s: %v", host, err)
		}
		close(r.urls)
		last := ""
		for u := range r.urls {
			last = u
		}
		if !strings.HasPrefix(last, want+"://") {
			t.Errorf("%s is asked by %s in the end, not over %s", host, last, want)
		}
	}
}

// TestMirror opens an image of a registry that only its mirror has, and one
// that the mirror has not.
func TestMirror(t *testing.T) {
	mirrored, own := imageFor(t, host), imageFor(t, host)
	var asked atomic.Int64
	reg := newRegistry()
	mirror := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		reg.ServeHTTP(w, r)
	}))
	upstream := serve(t, newRegistry())
	configured(t, "[registry.\""+upstream+"\"]\nmirrors = [\""+mirror+"/cache\"]\n[registry.\"docker.io\"]\nmirrors = [\""+mirror+"\"]\n")
	for ref, img := range map[string]v1.Image{mirror + "/cache/app:1": mirrored, mirror + "/library/hub:1": mirrored, upstream + "/own:1": own} {
		tag, err := oci.ParseTag(ref)
		if err == nil {
			err = remote.Write(tag, img)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	for ref, want := range map[string]string{
		upstream + "/app:1": "registry " + mirror + "/cache/app:1",
		"hub:1":             "registry " + mirror + "/library/hub:1",
		upstream + "/own:1": "registry " + upstream + "/own:1",
	} {
		asked.Store(0)
		got, err := open(t, ref, oci.OpenOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if got.Place() != want || asked.Load() == 0 {
			t.Errorf("%s was read from %s, want %s", ref, got.Place(), want)
		}
	}
}
