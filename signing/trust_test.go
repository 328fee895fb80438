package signing_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/whittle-oci/whittle/signing"
	"github.com/whittle-oci/whittle/signing/internal/cosign/cosigntest"
)

// TestFetchTrust asks a TUF repository on this machine.
func TestFetchTrust(t *testing.T) {
	s := cosigntest.Start(t)
	want, config := s.TrustedRoot(t), s.SigningConfig(2)
	_, otherRoot := cosigntest.ServeTUF(t, nil)
	for label, c := range map[string]struct {
		files map[string][]byte
		root  []byte
		none  bool // no signing configuration
		says  string
	}{
		"both":           {files: map[string][]byte{"trusted_root.json": want, "signing_config.v0.2.json": config}},
		"a root alone":   {files: map[string][]byte{"trusted_root.json": want}, none: true},
		"nothing":        {files: map[string][]byte{"x": {}}, says: "asking the TUF repository http://127.0.0.1:"},
		"another's root": {files: map[string][]byte{"trusted_root.json": want}, root: otherRoot, says: "asking the TUF repository"},
		"no root":        {files: map[string][]byte{"trusted_root.json": want}, root: []byte{}, says: "is believed only by its root.json"},
		"junk":           {files: map[string][]byte{"trusted_root.json": []byte("junk")}, says: "reading the trusted root"},
	} {
		mirror, root := cosigntest.ServeTUF(t, c.files)
		if c.root != nil {
			root = c.root
		}
		got, cfg, err := signing.FetchTrust(t.Context(), mirror, root, t.TempDir())
		if (err == nil) != (c.says == "") || err != nil && !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", label, err)
		}
		if err == nil && (!bytes.Equal(got, want) || (cfg == nil) != c.none) {
			t.Errorf("%s: other bytes", label)
		}
	}
}

// TestServicesListed shows what a root and a configuration name.
func TestServicesListed(t *testing.T) {
	s, root := stack(t)
	kinds := map[string]int{}
	for _, x := range root.Services() {
		kinds[x.Kind]++
		if !strings.HasPrefix(x.URL, s.URL) {
			t.Errorf("%+v", x)
		}
	}
	for _, x := range services(t, s, 2).Listed() {
		kinds["asked: "+x.Kind]++
	}
	for kind, n := range map[string]int{
		"certificate authority": 1, "transparency log": 2, "certificate transparency log": 1, "timestamp authority": 1,
		"asked: certificate authority": 1, "asked: transparency log": 1, "asked: timestamp authority": 1, "asked: identity provider": 1,
	} {
		if kinds[kind] != n {
			t.Errorf("%d of %s, want %d", kinds[kind], kind, n)
		}
	}
}

// TestPlainHTTP refuses to send a token where everyone can read it.
func TestPlainHTTP(t *testing.T) {
	s := cosigntest.Start(t)
	config := string(s.SigningConfig(2))
	for address, good := range map[string]bool{
		s.URL: true, "https://fulcio.example": true, "http://localhost:1": true,
		"http://fulcio.example": false, "http://127.0.0.1.evil.example": false, "ftp://x": false, "fulcio": false, "https://": false,
	} {
		_, err := signing.ParseServices("config.json", []byte(strings.ReplaceAll(config, s.URL+"/fulcio", address+"/fulcio")), nil)
		if (err == nil) != good || err != nil && !strings.Contains(err.Error(), "plain HTTP is for this machine alone") {
			t.Errorf("%s: %v", address, err)
		}
	}
}

// FuzzTrust reads roots and configurations that anyone may have written.
func FuzzTrust(f *testing.F) {
	f.Add([]byte(`{"mediaType":"application/vnd.dev.sigstore.trustedroot+json;version=0.1","tlogs":[{"baseUrl":"x"}]}`))
	f.Add([]byte(`{"mediaType":"application/vnd.dev.sigstore.signingconfig.v0.2+json","caUrls":[{"url":"x","majorApiVersion":1}]}`))
	f.Fuzz(func(_ *testing.T, data []byte) {
		if r, err := signing.ParseTrustedRoot("f", data); err == nil {
			r.Services()
		}
		_, _ = signing.ParseServices("f", data, nil)
	})
}
