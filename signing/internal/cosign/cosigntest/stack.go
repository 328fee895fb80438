// Package cosigntest is a whole Sigstore in memory for tests: an authority for
// certificates with its transparency log, transparency logs of version 1 and 2,
// a timestamp authority, and an issuer of identity tokens, each behind HTTP on
// this machine. Its authorities are made by sigstore-go's own testing package.
package cosigntest

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cyberphone/json-canonicalization/go/src/webpki.org/jsoncanonicalizer"
	"github.com/digitorus/timestamp"
	"github.com/go-openapi/runtime"
	ct "github.com/google/certificate-transparency-go"
	cttls "github.com/google/certificate-transparency-go/tls"
	ctx509 "github.com/google/certificate-transparency-go/x509"
	"github.com/google/certificate-transparency-go/x509util"
	protocommon "github.com/sigstore/protobuf-specs/gen/pb-go/common/v1"
	protorekor "github.com/sigstore/protobuf-specs/gen/pb-go/rekor/v1"
	rekortiles "github.com/sigstore/rekor-tiles/v2/pkg/generated/protobuf"
	rekornote "github.com/sigstore/rekor-tiles/v2/pkg/note"
	"github.com/sigstore/rekor/pkg/generated/models"
	"github.com/sigstore/rekor/pkg/types"
	_ "github.com/sigstore/rekor/pkg/types/dsse/v0.0.1"         // entries of version 1
	_ "github.com/sigstore/rekor/pkg/types/hashedrekord/v0.0.1" // the same
	"github.com/sigstore/rekor/pkg/util"
	"github.com/sigstore/sigstore-go/pkg/root"
	"github.com/sigstore/sigstore-go/pkg/testing/ca"
	"github.com/sigstore/sigstore-go/pkg/tlog"
	"github.com/sigstore/sigstore/pkg/cryptoutils"
	"github.com/sigstore/sigstore/pkg/signature"
	formats "github.com/transparency-dev/formats/log"
	"github.com/transparency-dev/merkle/rfc6962"
	"golang.org/x/mod/sumdb/note"
	"google.golang.org/protobuf/encoding/protojson"
)

// The services, as Stack.Answer is told them.
const (
	Fulcio = "fulcio"
	Rekor1 = "rekor1"
	Rekor2 = "rekor2"
	TSA    = "tsa"
)

// A Stack is a running Sigstore. Its fields are set before it is asked.
type Stack struct {
	URL string
	// Now is the stack's clock; time.Now where it is nil.
	Now func() time.Time
	// Answer, if any, may replace a service, which is so when it
	// returns true.
	Answer func(service string, w http.ResponseWriter, r *http.Request) bool
	// Short is how long certificates last; ten minutes where it is 0.
	Short time.Duration
	// NoSCT leaves certificates out of the certificate transparency log.
	NoSCT bool

	fulcio           *root.FulcioCertificateAuthority
	fulcioKey, ctKey *ecdsa.PrivateKey
	tsa              *root.SigstoreTimestampingAuthority
	tsaKey           *ecdsa.PrivateKey
	rekor1, rekor2   *ecdsa.PrivateKey
	mu               sync.Mutex
	entries          map[string]models.LogEntryAnon // of version 1, by identifier
	asked            map[string]int
	index            int64
}

// Start starts a stack, which ends with the test.
func Start(t testing.TB) *Stack {
	t.Helper()
	s := &Stack{entries: map[string]models.LogEntryAnon{}, asked: map[string]int{}}
	must := func(err error) {
		if err != nil {
			t.Fatal(err)
		}
	}
	rootCert, rootKey, err := ca.GenerateRootCa()
	must(err)
	intermediate, key, err := ca.GenerateFulcioIntermediate(rootCert, rootKey)
	must(err)
	start, end := time.Now().Add(-5*time.Hour), time.Now().Add(5*time.Hour)
	s.fulcio, s.fulcioKey = &root.FulcioCertificateAuthority{Root: rootCert, Intermediates: []*x509.Certificate{intermediate}, ValidityPeriodStart: start, ValidityPeriodEnd: end}, key
	stamper, stamperKey, err := ca.GenerateTSAIntermediate(rootCert, rootKey)
	must(err)
	for _, k := range []**ecdsa.PrivateKey{&s.ctKey, &s.tsaKey, &s.rekor1, &s.rekor2} {
		*k, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		must(err)
	}
	leaf, err := ca.GenerateTSALeafCert(time.Now().Add(-time.Minute), s.tsaKey, stamper, stamperKey)
	must(err)
	s.tsa = &root.SigstoreTimestampingAuthority{Root: rootCert, Intermediates: []*x509.Certificate{stamper}, Leaf: leaf, ValidityPeriodStart: start, ValidityPeriodEnd: end}
	mux := http.NewServeMux()
	for path, h := range map[string]struct {
		service string
		serve   func(http.ResponseWriter, *http.Request) error
	}{
		"POST /fulcio/api/v2/signingCert":       {Fulcio, s.certify},
		"POST /fulcio/api/v1/signingCert":       {Fulcio, s.certify1},
		"POST /rekor1/api/v1/log/entries":       {Rekor1, s.log1},
		"GET /rekor1/api/v1/log/entries/{uuid}": {Rekor1, s.entry1},
		"POST /rekor2/api/v2/log/entries":       {Rekor2, s.log2},
		"POST /tsa/api/v1/timestamp":            {TSA, s.stamp},
	} {
		mux.HandleFunc(path, func(w http.ResponseWriter, r *http.Request) {
			s.mu.Lock()
			s.asked[h.service]++
			s.mu.Unlock()
			if s.Answer != nil && s.Answer(h.service, w, r) {
				return
			}
			if err := h.serve(w, r); err != nil {
				http.Error(w, err.Error(), http.StatusBadRequest)
			}
		})
	}
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	s.URL = server.URL
	s.fulcio.URI, s.tsa.URI = s.URL+"/fulcio", s.URL+"/tsa/api/v1/timestamp"
	return s
}

// Asked is how often a service was asked.
func (s *Stack) Asked(service string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.asked[service]
}

func (s *Stack) now() time.Time {
	if s.Now != nil {
		return s.Now()
	}
	return time.Now()
}

func (s *Stack) lasts() time.Duration {
	if s.Short > 0 {
		return s.Short
	}
	return 10 * time.Minute
}

// Serve has a log of version 1 take an entry whose answer is lost.
func (s *Stack) Serve(service string, r *http.Request) {
	if service == Rekor1 {
		_ = s.log1(httptest.NewRecorder(), r)
	}
}

// TrustedRoot is the stack's trusted_root.json.
func (s *Stack) TrustedRoot(t testing.TB) []byte {
	t.Helper()
	log := func(k *ecdsa.PrivateKey, base string) (string, *root.TransparencyLog) {
		id := s.logID(k)
		return hex.EncodeToString(id), &root.TransparencyLog{
			BaseURL: base, ID: id, ValidityPeriodStart: time.Now().Add(-5 * time.Hour), ValidityPeriodEnd: time.Now().Add(5 * time.Hour),
			HashFunc: crypto.SHA256, PublicKey: k.Public(), SignatureHashFunc: crypto.SHA256,
		}
	}
	rekor, ctlogs := map[string]*root.TransparencyLog{}, map[string]*root.TransparencyLog{}
	for base, k := range map[string]*ecdsa.PrivateKey{s.URL + "/rekor1": s.rekor1, s.URL + "/rekor2": s.rekor2} {
		id, l := log(k, base)
		rekor[id] = l
	}
	id, l := log(s.ctKey, s.URL+"/ct")
	ctlogs[id] = l
	r, err := root.NewTrustedRoot(root.TrustedRootMediaType01, []root.CertificateAuthority{s.fulcio}, ctlogs, []root.TimestampingAuthority{s.tsa}, rekor)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := r.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// SigningConfig is a signing_config.json that names a log of a version, 0 for
// none, and, of version 2 and of none, the timestamp authority.
func (s *Stack) SigningConfig(version int) []byte {
	service := func(path string, v int) map[string]any {
		return map[string]any{"url": s.URL + path, "majorApiVersion": v, "validFor": map[string]any{"start": time.Now().Add(-time.Hour).UTC().Format(time.RFC3339)}, "operator": "test"}
	}
	one := map[string]any{"selector": "ANY"}
	doc := map[string]any{
		"mediaType": "application/vnd.dev.sigstore.signingconfig.v0.2+json",
		"caUrls":    []any{service("/fulcio", 1)}, "oidcUrls": []any{service("/oidc", 1)},
		"rekorTlogUrls": []any{}, "tsaUrls": []any{}, "rekorTlogConfig": one, "tsaConfig": one,
	}
	if version > 0 {
		doc["rekorTlogUrls"] = []any{service(fmt.Sprintf("/rekor%d", version), version)}
	}
	if version != 1 {
		doc["tsaUrls"] = []any{service("/tsa/api/v1/timestamp", 1)}
	}
	raw, err := json.Marshal(doc)
	if err != nil {
		panic(err)
	}
	return raw
}

// Token is an identity token that the stack takes. Its signature is not looked
// at.
func (s *Stack) Token(email string) string {
	part := func(v any) string {
		raw, err := json.Marshal(v)
		if err != nil {
			panic(err)
		}
		return base64.RawURLEncoding.EncodeToString(raw)
	}
	claims := map[string]any{"iss": s.Issuer(), "aud": "sigstore", "sub": email, "email": email, "email_verified": true, "exp": time.Now().Add(time.Hour).Unix()}
	return part(map[string]any{"alg": "ES256", "typ": "JWT"}) + "." + part(claims) + ".c2ln"
}

// Issuer is who vouches for the stack's tokens.
func (s *Stack) Issuer() string { return s.URL + "/oidc" }

// certify is the authority: it checks that whoever asks has the key.
func (s *Stack) certify(w http.ResponseWriter, r *http.Request) error {
	claims, err := tokenOf(r)
	if err != nil {
		return err
	}
	var q struct {
		PublicKeyRequest struct {
			PublicKey         struct{ Content string }
			ProofOfPossession []byte
		}
	}
	if err := json.NewDecoder(r.Body).Decode(&q); err != nil {
		return err
	}
	block, _ := pem.Decode([]byte(q.PublicKeyRequest.PublicKey.Content))
	if block == nil {
		return fmt.Errorf("there is no key")
	}
	public, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		return err
	}
	if err := proven(public, q.PublicKeyRequest.ProofOfPossession, claims.Email); err != nil {
		return err
	}
	der, err := s.leaf(claims.Email, claims.Iss, public)
	if err != nil {
		return err
	}
	var chain []string
	for _, c := range [][]byte{der, s.fulcio.Intermediates[0].Raw, s.fulcio.Root.Raw} {
		chain = append(chain, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c})))
	}
	return json.NewEncoder(w).Encode(map[string]any{"signedCertificateEmbeddedSct": map[string]any{"chain": map[string]any{"certificates": chain}}})
}

// certify1 is the older protocol, which cosign 2 speaks for its older format.
func (s *Stack) certify1(w http.ResponseWriter, r *http.Request) error {
	claims, err := tokenOf(r)
	if err != nil {
		return err
	}
	var q struct {
		PublicKey          struct{ Content []byte } `json:"publicKey"`
		SignedEmailAddress []byte                   `json:"signedEmailAddress"`
	}
	if err := json.NewDecoder(r.Body).Decode(&q); err != nil {
		return err
	}
	public, err := cryptoutils.UnmarshalPEMToPublicKey(q.PublicKey.Content)
	if err != nil {
		return err
	}
	if err := proven(public, q.SignedEmailAddress, claims.Email); err != nil {
		return err
	}
	der, err := s.leaf(claims.Email, claims.Iss, public)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/pem-certificate-chain")
	w.WriteHeader(http.StatusCreated)
	for _, c := range [][]byte{der, s.fulcio.Intermediates[0].Raw, s.fulcio.Root.Raw} {
		if err := pem.Encode(w, &pem.Block{Type: "CERTIFICATE", Bytes: c}); err != nil {
			return err
		}
	}
	return nil
}

type claims struct{ Iss, Email string }

func tokenOf(r *http.Request) (claims, error) {
	var out claims
	parts := strings.Split(strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer "), ".")
	if len(parts) != 3 {
		return out, errors.New("there is no token")
	}
	raw, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return out, err
	}
	err = json.Unmarshal(raw, &out)
	return out, err
}

// proven checks that whoever asks has the key.
func proven(public crypto.PublicKey, proof []byte, email string) error {
	v, err := signature.LoadVerifier(public, crypto.SHA256)
	if err != nil {
		return err
	}
	if err := v.VerifySignature(bytes.NewReader(proof), strings.NewReader(email)); err != nil {
		return fmt.Errorf("the proof of possession: %w", err)
	}
	return nil
}

// leaf makes a certificate, with the timestamp of the certificate transparency
// log in it.
func (s *Stack) leaf(email, issuer string, public crypto.PublicKey) ([]byte, error) {
	serial, err := rand.Int(rand.Reader, big.NewInt(1<<62))
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		SerialNumber: serial, EmailAddresses: []string{email}, NotBefore: s.now().Add(-time.Second), NotAfter: s.now().Add(s.lasts()),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageCodeSigning},
		ExtraExtensions: []pkix.Extension{{Id: asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 57264, 1, 1}, Value: []byte(issuer)}},
	}
	parent := s.fulcio.Intermediates[0]
	der, err := x509.CreateCertificate(rand.Reader, template, parent, public, s.fulcioKey)
	if err != nil || s.NoSCT {
		return der, err
	}
	list, err := s.promise(der, parent)
	if err != nil {
		return nil, err
	}
	template.ExtraExtensions = append(template.ExtraExtensions, pkix.Extension{Id: asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 11129, 2, 4, 2}, Value: list})
	return x509.CreateCertificate(rand.Reader, template, parent, public, s.fulcioKey)
}

// promise is the certificate transparency log: it signs what the certificate
// will be without its own promise (RFC 6962, section 3.2).
func (s *Stack) promise(der []byte, parent *x509.Certificate) ([]byte, error) {
	cert, err := ctx509.ParseCertificate(der)
	if err != nil {
		return nil, err
	}
	sct := ct.SignedCertificateTimestamp{SCTVersion: ct.V1, Timestamp: uint64(s.now().UnixMilli())} //nolint:gosec // after 1970
	copy(sct.LogID.KeyID[:], s.logID(s.ctKey))
	input, err := ct.SerializeSCTSignatureInput(sct, ct.LogEntry{Leaf: ct.MerkleTreeLeaf{
		Version: ct.V1, LeafType: ct.TimestampedEntryLeafType,
		TimestampedEntry: &ct.TimestampedEntry{
			EntryType: ct.PrecertLogEntryType, Timestamp: sct.Timestamp,
			PrecertEntry: &ct.PreCert{IssuerKeyHash: sha256.Sum256(parent.RawSubjectPublicKeyInfo), TBSCertificate: cert.RawTBSCertificate},
		},
	}})
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(input)
	sig, err := s.ctKey.Sign(rand.Reader, sum[:], crypto.SHA256)
	if err != nil {
		return nil, err
	}
	sct.Signature = ct.DigitallySigned{Algorithm: cttls.SignatureAndHashAlgorithm{Hash: cttls.SHA256, Signature: cttls.ECDSA}, Signature: sig}
	list, err := x509util.MarshalSCTsIntoSCTList([]*ct.SignedCertificateTimestamp{&sct})
	if err != nil {
		return nil, err
	}
	raw, err := cttls.Marshal(*list)
	if err != nil {
		return nil, err
	}
	return asn1.Marshal(raw)
}

func (s *Stack) logID(k *ecdsa.PrivateKey) []byte {
	der, err := x509.MarshalPKIXPublicKey(k.Public())
	if err != nil {
		panic(err)
	}
	sum := sha256.Sum256(der)
	return sum[:]
}

func (s *Stack) next() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.index++
	return s.index
}

// log1 is a log of version 1: a new tree for every entry, and a promise.
func (s *Stack) log1(w http.ResponseWriter, r *http.Request) error {
	ctx := context.Background()
	proposed, err := models.UnmarshalProposedEntry(r.Body, runtime.JSONConsumer())
	if err != nil {
		return err
	}
	impl, err := types.CreateVersionedEntry(proposed)
	if err != nil {
		return err
	}
	body, err := types.CanonicalizeEntry(ctx, impl)
	if err != nil {
		return err
	}
	leaf := rfc6962.DefaultHasher.HashLeaf(body)
	uuid := hex.EncodeToString(leaf)
	s.mu.Lock()
	_, there := s.entries[uuid]
	s.mu.Unlock()
	if there {
		w.Header().Set("Location", "/api/v1/log/entries/"+uuid)
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusConflict)
		return json.NewEncoder(w).Encode(map[string]any{"code": 409, "message": "an equivalent entry already exists in the transparency log with UUID " + uuid})
	}
	id := hex.EncodeToString(s.logID(s.rekor1))
	index, at := s.next(), s.now().Unix()
	payload, err := json.Marshal(tlog.RekorPayload{Body: base64.StdEncoding.EncodeToString(body), IntegratedTime: at, LogIndex: index, LogID: id})
	if err != nil {
		return err
	}
	canonical, err := jsoncanonicalizer.Transform(payload)
	if err != nil {
		return err
	}
	signer, err := signature.LoadECDSASignerVerifier(s.rekor1, crypto.SHA256)
	if err != nil {
		return err
	}
	set, err := signer.SignMessage(bytes.NewReader(canonical))
	if err != nil {
		return err
	}
	checkpoint, err := util.CreateAndSignCheckpoint(ctx, "127.0.0.1", 123, 1, leaf, signer)
	if err != nil {
		return err
	}
	rootHash, text, size, zero := hex.EncodeToString(leaf), string(checkpoint), int64(1), int64(0)
	entry := models.LogEntryAnon{
		Body: base64.StdEncoding.EncodeToString(body), IntegratedTime: &at, LogID: &id, LogIndex: &index,
		Verification: &models.LogEntryAnonVerification{SignedEntryTimestamp: set, InclusionProof: &models.InclusionProof{
			Checkpoint: &text, Hashes: []string{}, LogIndex: &zero, RootHash: &rootHash, TreeSize: &size,
		}},
	}
	s.mu.Lock()
	s.entries[uuid] = entry
	s.mu.Unlock()
	w.Header().Set("ETag", uuid)
	w.Header().Set("Location", "/api/v1/log/entries/"+uuid)
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusCreated)
	return json.NewEncoder(w).Encode(map[string]models.LogEntryAnon{uuid: entry})
}

func (s *Stack) entry1(w http.ResponseWriter, r *http.Request) error {
	s.mu.Lock()
	entry, ok := s.entries[r.PathValue("uuid")]
	s.mu.Unlock()
	if !ok {
		http.NotFound(w, r)
		return nil
	}
	w.Header().Set("Content-Type", "application/json")
	return json.NewEncoder(w).Encode(map[string]models.LogEntryAnon{r.PathValue("uuid"): entry})
}

// log2 is a log of version 2: it takes hashes, and promises nothing.
func (s *Stack) log2(w http.ResponseWriter, r *http.Request) error {
	raw, err := io.ReadAll(r.Body)
	if err != nil {
		return err
	}
	var q rekortiles.CreateEntryRequest
	if err := protojson.Unmarshal(raw, &q); err != nil {
		return err
	}
	h := q.GetHashedRekordRequestV002()
	if h == nil {
		return fmt.Errorf("must be hashedrekord")
	}
	serialized, err := protojson.Marshal(&rekortiles.Entry{ApiVersion: "0.0.2", Kind: "hashedrekord", Spec: &rekortiles.Spec{Spec: &rekortiles.Spec_HashedRekordV002{
		HashedRekordV002: &rekortiles.HashedRekordLogEntryV002{
			Data: &protocommon.HashOutput{Algorithm: protocommon.HashAlgorithm_SHA2_256, Digest: h.GetDigest()}, Signature: h.GetSignature(),
		},
	}}})
	if err != nil {
		return err
	}
	body, err := jsoncanonicalizer.Transform(serialized)
	if err != nil {
		return err
	}
	leaf := rfc6962.DefaultHasher.HashLeaf(body)
	u, err := url.Parse(s.URL)
	if err != nil {
		return err
	}
	sv, err := signature.LoadECDSASignerVerifier(s.rekor2, crypto.SHA256)
	if err != nil {
		return err
	}
	signer, err := rekornote.NewNoteSigner(context.Background(), u.Hostname(), sv)
	if err != nil {
		return err
	}
	signed, err := note.Sign(&note.Note{Text: string(formats.Checkpoint{Origin: u.Hostname(), Size: 1, Hash: leaf}.Marshal())}, signer)
	if err != nil {
		return err
	}
	answer, err := protojson.Marshal(&protorekor.TransparencyLogEntry{
		LogId: &protocommon.LogId{KeyId: s.logID(s.rekor2)}, KindVersion: &protorekor.KindVersion{Kind: "hashedrekord", Version: "0.0.2"},
		InclusionProof:    &protorekor.InclusionProof{TreeSize: 1, RootHash: leaf, Checkpoint: &protorekor.Checkpoint{Envelope: string(signed)}},
		CanonicalizedBody: body,
	})
	if err != nil {
		return err
	}
	w.WriteHeader(http.StatusCreated)
	_, err = w.Write(answer)
	return err
}

// stamp is the timestamp authority (RFC 3161).
func (s *Stack) stamp(w http.ResponseWriter, r *http.Request) error {
	raw, err := io.ReadAll(r.Body)
	if err != nil {
		return err
	}
	q, err := timestamp.ParseRequest(raw)
	if err != nil {
		return err
	}
	out := timestamp.Timestamp{
		HashAlgorithm: q.HashAlgorithm, HashedMessage: q.HashedMessage, Time: s.now(),
		Policy: asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 57264, 2}, ExtraExtensions: q.Extensions,
	}
	answer, err := out.CreateResponseWithOpts(s.tsa.Leaf, s.tsaKey, crypto.SHA256)
	if err != nil {
		return err
	}
	w.WriteHeader(http.StatusCreated)
	_, err = w.Write(answer)
	return err
}

// Files are what cosign takes instead of a trusted root for its older
// format: the authority's certificates, and the public keys of the certificate
// transparency log and of the log of version 1, PEM each.
func (s *Stack) Files(t testing.TB) (chain, ctLog, log []byte) {
	t.Helper()
	for _, c := range []*x509.Certificate{s.fulcio.Intermediates[0], s.fulcio.Root} {
		chain = append(chain, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw})...)
	}
	public := func(k *ecdsa.PrivateKey) []byte {
		der, err := x509.MarshalPKIXPublicKey(k.Public())
		if err != nil {
			t.Fatal(err)
		}
		return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
	}
	return chain, public(s.ctKey), public(s.rekor1)
}
