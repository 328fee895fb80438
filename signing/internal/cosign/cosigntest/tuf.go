package cosigntest

import (
	"crypto"
	"crypto/ed25519"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/sigstore/sigstore/pkg/signature"
	"github.com/theupdateframework/go-tuf/v2/metadata"
)

// ServeTUF serves files from a TUF repository, and gives its address and its
// root.json.
func ServeTUF(t testing.TB, files map[string][]byte) (address string, root []byte) {
	t.Helper()
	must := func(err error) {
		if err != nil {
			t.Fatal(err)
		}
	}
	_, private, err := ed25519.GenerateKey(nil)
	must(err)
	signer, err := signature.LoadSigner(private, crypto.Hash(0))
	must(err)
	key, err := metadata.KeyFromPublicKey(private.Public())
	must(err)
	end := time.Now().Add(time.Hour)
	r, targets, snapshot, timestamp := metadata.Root(end), metadata.Targets(end), metadata.Snapshot(end), metadata.Timestamp(end)
	for _, role := range []string{"root", "targets", "snapshot", "timestamp"} {
		must(r.Signed.AddKey(key, role))
	}
	r.Signed.ConsistentSnapshot = true
	served := map[string][]byte{}
	for name, data := range files {
		info, err := metadata.TargetFile().FromBytes(name, data, "sha256")
		must(err)
		targets.Signed.Targets[name] = info
		served["/targets/"+info.Hashes["sha256"].String()+"."+name] = data
	}
	sign := func(name string, sign func(signature.Signer) (*metadata.Signature, error), bytes func(bool) ([]byte, error)) []byte {
		_, err := sign(signer)
		must(err)
		raw, err := bytes(false)
		must(err)
		served["/"+name] = raw
		return raw
	}
	root = sign("1.root.json", r.Sign, r.ToBytes)
	sign("1.targets.json", targets.Sign, targets.ToBytes)
	sign("1.snapshot.json", snapshot.Sign, snapshot.ToBytes)
	sign("timestamp.json", timestamp.Sign, timestamp.ToBytes)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		data, ok := served[q.URL.Path]
		if !ok {
			http.NotFound(w, q)
			return
		}
		_, _ = w.Write(data)
	}))
	t.Cleanup(server.Close)
	return server.URL, root
}
