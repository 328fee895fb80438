//go:build linux

package e2e

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// authority signs certificates for one test.
type authority struct {
	dir  string
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	a := &authority{dir: t.TempDir()}
	a.cert, a.key = a.issue(t, "ca", nil)
	return a
}

// issue writes NAME.crt and NAME.key. Without a parent it signs itself.
func (a *authority) issue(t *testing.T, name string, parent *authority) (*x509.Certificate, *ecdsa.PrivateKey) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: parent == nil, BasicConstraintsValid: true, DNSNames: []string{"buildkitd.test"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		KeyUsage:    x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	signer, signerKey := template, key
	if parent != nil {
		signer, signerKey = parent.cert, parent.key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, signer, &key.PublicKey, signerKey)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for file, block := range map[string]*pem.Block{".crt": {Type: "CERTIFICATE", Bytes: der}, ".key": {Type: "EC PRIVATE KEY", Bytes: secret}} {
		if err := os.WriteFile(filepath.Join(a.dir, name+file), pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return cert, key
}

// TestRemoteTLS builds with a buildkitd on TCP that wants a certificate, through
// a buildx instance of the remote driver.
func TestRemoteTLS(t *testing.T) {
	a := newAuthority(t)
	a.issue(t, "server", a)
	a.issue(t, "client", a)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	l.Close()
	file := func(name string) string { return filepath.Join(a.dir, name) }
	cmd := exec.Command(tool(t, "buildkitd"), "--root", t.TempDir(), "--addr", "tcp://"+address, "--config", world.config, "--oci-worker-net", "host", "--containerd-worker=false",
		"--tlscacert", file("ca.crt"), "--tlscert", file("server.crt"), "--tlskey", file("server.key"))
	var log syncBuffer
	cmd.Stdout, cmd.Stderr = &log, &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(os.Interrupt)
		_ = cmd.Wait()
	})
	deadline := time.Now().Add(30 * time.Second)
	for !strings.Contains(log.String(), "running server") {
		if time.Now().After(deadline) {
			t.Fatalf("buildkitd does not start\n%s", log.String())
		}
		time.Sleep(20 * time.Millisecond)
	}
	home := t.TempDir()
	env := []string{"BUILDX_CONFIG=" + filepath.Join(home, "buildx"), "DOCKER_CONFIG=" + filepath.Join(home, "docker")}
	create := func(name string, opts ...string) {
		args := []string{"create", "--name", name, "--driver", "remote"}
		for _, o := range opts {
			args = append(args, "--driver-opt", o)
		}
		if res := run(t, env, tool(t, "buildx"), append(args, "tcp://"+address)...); res.code != 0 {
			t.Fatalf("buildx create: %s", res.stderr)
		}
	}
	create("known", "cacert="+file("ca.crt"), "cert="+file("client.crt"), "key="+file("client.key"), "servername=buildkitd.test")
	create("unknown", "cacert="+file("ca.crt"), "servername=buildkitd.test")
	ref := reference("tls")
	if res := run(t, env, world.bin, "build", "testdata/apps/gohello", "--builder", "known", "-t", ref, "--push", "--progress", "quiet"); res.code != 0 {
		t.Fatalf("exit %d\n%s", res.code, res.stderr)
	}
	runs(t, pull(t, ref), "Hello, world!")
	if res := run(t, env, world.bin, "build", "testdata/apps/gohello", "--builder", "unknown", "--progress", "quiet"); res.code != 3 || !strings.Contains(res.stderr, "the builder") {
		t.Errorf("without a certificate: exit %d\n%s", res.code, res.stderr)
	}
	if res := run(t, env, world.bin, "build", "testdata/apps/gohello", "--builder", "nobody", "--progress", "quiet"); res.code != 3 || !strings.Contains(res.stderr, "buildx knows no such instance") {
		t.Errorf("no such instance: exit %d\n%s", res.code, res.stderr)
	}
}
