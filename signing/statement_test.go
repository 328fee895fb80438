package signing_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/sirupsen/logrus"
	logtest "github.com/sirupsen/logrus/hooks/test"

	"github.com/whittle-oci/whittle/signing"
)

const signType = "https://sigstore.dev/cosign/sign/v1"

// signatureTypes are what some reader or other could take for signType.
var signatureTypes = []string{
	signType, signType + "/", " " + signType + "\n", strings.ToUpper(signType), "HTTPS://Sigstore.dev/cosign/sign/v1",
	"http://sigstore.dev/cosign/sign/v1", "//sigstore.dev/cosign/sign/v1", "sigstore.dev/cosign/sign/v1", "https://www.sigstore.dev/cosign/sign/v1",
	"https://sigstore.dev:443/cosign/sign/v1", "https://sigstore.dev./cosign/sign/v1", "https://sigstore.dev//cosign//sign/v1",
	"https://sigstore.dev/cosign/x/../sign/v1", "https://sigstore.dev/cosign/%73ign/v1", "https://sigstore.dev/cosign/%2573ign/v1",
	"https://sigstore.dev/cosign/sign", "https://sigstore.dev/cosign/sign/v2", signType + "?x", signType + "#x", "https://sig\u200bstore.dev/cosign/sign/v1",
	"cosign container image signature", "atomic container signature", "application/vnd.dev.cosign.simplesigning.v1+json",
}

func TestSignatureTypes(t *testing.T) {
	for _, s := range signatureTypes {
		if !signing.IsSignatureType(s) {
			t.Errorf("%q is not taken for a signature", s)
		}
	}
	for _, s := range []string{
		signing.SPDXPredicate, provenance, contents, "https://cosign.sigstore.dev/attestation/v1", "https://cosign.sigstore.dev/attestation/vuln/v1",
		"https://sigstore.dev/cosign/signer-policy/v1", "https://example.test/cosign/sign/v1", "https://example.test/?x=sigstore.dev/cosign/sign", "",
	} {
		if signing.IsSignatureType(s) {
			t.Errorf("%q is taken for a signature", s)
		}
	}
}

// TestNoSignatureByAttesting asks for statements of a signature's type in every
// way there is.
func TestNoSignatureByAttesting(t *testing.T) {
	index, platform := push(t, serve(t, true, nil)+"/app")
	key, pub := keys(t)
	for _, format := range []signing.Format{signing.Bundle, signing.Legacy} {
		for _, kind := range signatureTypes {
			o := signing.Options{Signer: key, Format: format}
			var refused *signing.SignatureTypeError
			if _, err := signing.AttestPredicate(t.Context(), open(t, index), o, kind, []byte("{}")); !errors.As(err, &refused) || refused.ExitCode() != 1 {
				t.Errorf("%q: %v", kind, err)
			}
			if _, err := signing.Attest(t.Context(), open(t, index), o, []string{contents, kind}); !errors.As(err, &refused) {
				t.Errorf("lifting %q: %v", kind, err)
			}
		}
	}
	for _, d := range []name.Digest{index, platform} {
		if _, err := verify(t.Context(), t, d, signing.Policy{Signers: by(t, pub)}); why(err) != signing.Unsigned {
			t.Errorf("after attesting: %v", err)
		}
	}
	if _, err := verify(t.Context(), t, index, signing.Policy{Signers: by(t, pub), Attestations: kinds(signType)}); !errors.As(err, new(*signing.SignatureTypeError)) {
		t.Errorf("a signature as an attestation: %v", err)
	}
}

// builtWith pushes an index of one image and an attestation manifest that holds
// the statements; %s is the image's hash.
func builtWith(t *testing.T, statements ...string) (index, image name.Digest) {
	t.Helper()
	img, err := random.Image(64, 1)
	if err != nil {
		t.Fatal(err)
	}
	h := digest(t, img)
	var layers []mutate.Addendum
	for _, st := range statements {
		layers = append(layers, mutate.Addendum{
			Layer:       static.NewLayer([]byte(strings.ReplaceAll(st, "%s", h.Hex)), "application/vnd.in-toto+json"),
			Annotations: map[string]string{"in-toto.io/predicate-type": signing.SPDXPredicate},
		})
	}
	att, err := mutate.Append(empty.Image, layers...)
	if err != nil {
		t.Fatal(err)
	}
	idx := mutate.AppendManifests(empty.Index,
		mutate.IndexAddendum{Add: img, Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: "linux", Architecture: "amd64"}}},
		mutate.IndexAddendum{Add: att, Descriptor: v1.Descriptor{
			Platform:    &v1.Platform{OS: "unknown", Architecture: "unknown"},
			Annotations: map[string]string{"vnd.docker.reference.type": "attestation-manifest", "vnd.docker.reference.digest": h.String()},
		}})
	repo, err := name.NewRepository(serve(t, true, nil) + "/app")
	if err != nil {
		t.Fatal(err)
	}
	index = repo.Digest(digest(t, idx).String())
	if err := remote.WriteIndex(index, idx); err != nil {
		t.Fatal(err)
	}
	return index, repo.Digest(h.String())
}

func statement(kind, more string) string {
	return `{"_type":"https://in-toto.io/Statement/v0.1","predicateType":"` + kind + `","subject":[{"digest":{"sha256":"%s"}` + more + `}],"predicate":{}}`
}

// TestLiftedTypes attaches statements as a generator may, and lifts them.
func TestLiftedTypes(t *testing.T) {
	const scan = "https://example.test/scan/v1"
	key, pub := keys(t)
	for label, c := range map[string]struct {
		statement string
		only      []string
		lifted    bool
		want      string // in the error or the warning
	}{
		"SPDX":            {statement(signing.SPDXPredicate, ""), nil, true, ""},
		"SPDX 2.3":        {statement(signing.SPDXPredicate+"/v2.3", ""), nil, true, ""},
		"CycloneDX":       {statement("https://cyclonedx.org/bom", ""), nil, true, ""},
		"CycloneDX 1.6":   {statement("https://cyclonedx.org/bom/v1.6", ""), nil, true, ""},
		"provenance 0.2":  {statement("https://slsa.dev/provenance/v0.2", ""), nil, true, ""},
		"provenance 1":    {statement(provenance, ""), nil, true, ""},
		"contents":        {statement(contents, ""), nil, true, ""},
		"a scan":          {statement(scan, ""), nil, false, "not attested"},
		"a named scan":    {statement(scan, ""), []string{scan}, true, ""},
		"not named":       {statement(contents, ""), []string{scan}, false, ""},
		"nearly SPDX":     {statement(signing.SPDXPredicate+"/v2.3/x", ""), nil, false, "not attested"},
		"a policy":        {statement("https://slsa.dev/verification_summary/v1", ""), nil, false, "not attested"},
		"a signature":     {statement(signType, `,"annotations":{"approved-by":"security"}`), nil, false, "is the type of signatures"},
		"with a slash":    {statement(signType+"/", ""), nil, false, "is the type of signatures"},
		"named, too":      {statement(signType, ""), []string{contents}, false, "is the type of signatures"},
		"two types":       {`{"_type":"https://in-toto.io/Statement/v1","predicateType":"` + signType + `","predicateType":"` + contents + `","subject":[{"digest":{"sha256":"%s"}}]}`, nil, false, "occurs twice"},
		"another case":    {`{"_type":"https://in-toto.io/Statement/v1","predicateType":"` + signType + `","PredicateType":"` + contents + `","subject":[{"digest":{"sha256":"%s"}}]}`, nil, false, "the same to some readers"},
		"only in capital": {`{"_type":"https://in-toto.io/Statement/v1","PREDICATETYPE":"` + contents + `","subject":[{"digest":{"sha256":"%s"}}]}`, nil, false, "to some readers"},
		"two subjects":    {`{"_type":"https://in-toto.io/Statement/v1","predicateType":"` + contents + `","subject":[{"digest":{"sha256":"` + strings.Repeat("ab", 32) + `"}}],"Subject":[{"digest":{"sha256":"%s"}}]}`, nil, false, "the same to some readers"},
		"another digest":  {`{"_type":"https://in-toto.io/Statement/v1","predicateType":"` + contents + `","subject":[{"digest":{"sha256":"%s","sha512":"` + strings.Repeat("ab", 64) + `"}}]}`, nil, false, "alone, so it is not signed"},
		"no subject":      {`{"_type":"https://in-toto.io/Statement/v1","predicateType":"` + contents + `","subject":[]}`, nil, false, "names no image, so it is not signed: the build gave the image no name, build it with -t"},
		"another version": {strings.Replace(statement(contents, ""), "v0.1", "v9", 1), nil, false, "is not an in-toto statement"},
		"no statement":    {`[]`, nil, false, "not a JSON object"},
	} {
		t.Run(label, func(t *testing.T) {
			// A good one before it must not be signed either where all is refused.
			index, image := builtWith(t, statement("https://example.test/first", ""), c.statement)
			log, hook := logtest.NewNullLogger()
			log.SetLevel(logrus.WarnLevel)
			res, err := signing.Attest(t.Context(), open(t, index), signing.Options{Signer: key, Log: log}, c.only)
			said := fmt.Sprint(err)
			for _, e := range hook.AllEntries() {
				said += e.Message
			}
			if (len(res.Attested) == 1) != c.lifted || !strings.Contains(said, c.want) {
				t.Errorf("attested %+v: %s", res.Attested, said)
			}
			if _, err := verify(t.Context(), t, image, signing.Policy{Signers: by(t, pub)}); why(err) != signing.Unsigned {
				t.Errorf("after attesting: %v", err)
			}
		})
	}
}

// TestSignatureForm has the right key sign statements that are not what cosign
// writes as a signature, as a signer of any attestation may be made to.
func TestSignatureForm(t *testing.T) {
	const v1Type = "https://in-toto.io/Statement/v1"
	key, pub := keys(t)
	host := serve(t, true, nil)
	policy := signing.Policy{Signers: by(t, pub), Annotations: map[string]string{"approved-by": "security"}}
	const annotated = `,"annotations":{"approved-by":"security"}`
	for label, c := range map[string]struct {
		format    signing.Format
		statement string
		good      bool
	}{
		"cosign 2":                {signing.Bundle, `{"_type":"` + v1Type + `","subject":[{"digest":{"sha256":"%s"}` + annotated + `}],"predicateType":"` + signType + `"}`, true},
		"cosign 3":                {signing.Bundle, `{"_type":"` + v1Type + `", "subject":[{"digest":{"sha256":"%s"}` + annotated + `}], "predicateType":"` + signType + `", "predicate":{}}`, true},
		"in the older format":     {signing.Legacy, `{"_type":"` + v1Type + `","subject":[{"digest":{"sha256":"%s"}` + annotated + `}],"predicateType":"` + signType + `"}`, false},
		"as BuildKit attaches it": {signing.Bundle, `{"_type":"https://in-toto.io/Statement/v0.1","subject":[{"digest":{"sha256":"%s"}` + annotated + `}],"predicateType":"` + signType + `"}`, false},
		"a name":                  {signing.Bundle, `{"_type":"` + v1Type + `","subject":[{"name":"app","digest":{"sha256":"%s"}` + annotated + `}],"predicateType":"` + signType + `"}`, false},
		"a predicate":             {signing.Bundle, `{"_type":"` + v1Type + `","subject":[{"digest":{"sha256":"%s"}` + annotated + `}],"predicateType":"` + signType + `","predicate":{"a":1}}`, false},
		"two subjects":            {signing.Bundle, `{"_type":"` + v1Type + `","subject":[{"digest":{"sha256":"%s"}` + annotated + `},{"digest":{"sha256":"` + strings.Repeat("ab", 32) + `"}}],"predicateType":"` + signType + `"}`, false},
		"two digests":             {signing.Bundle, `{"_type":"` + v1Type + `","subject":[{"digest":{"sha256":"%s","sha1":"ab"}` + annotated + `}],"predicateType":"` + signType + `"}`, false},
		"one more field":          {signing.Bundle, `{"_type":"` + v1Type + `","subject":[{"digest":{"sha256":"%s"}` + annotated + `}],"predicateType":"` + signType + `","x":1}`, false},
		"a slash":                 {signing.Bundle, `{"_type":"` + v1Type + `","subject":[{"digest":{"sha256":"%s"}` + annotated + `}],"predicateType":"` + signType + `/"}`, false},
		"another name for it":     {signing.Bundle, `{"_type":"` + v1Type + `","subject":[{"digest":{"sha256":"%s"}` + annotated + `}],"PredicateType":"` + signType + `"}`, false},
		"a name twice":            {signing.Bundle, `{"_type":"` + v1Type + `","subject":[{"digest":{"sha256":"%s"},"annotations":{}` + annotated + `}],"predicateType":"` + signType + `"}`, false},
		"about another":           {signing.Bundle, `{"_type":"` + v1Type + `","subject":[{"digest":{"sha256":"` + strings.Repeat("ab", 32) + `"}` + annotated + `}],"predicateType":"` + signType + `"}`, false},
		"about no digest":         {signing.Bundle, `{"_type":"` + v1Type + `","subject":[{"name":"%s"` + annotated + `}],"predicateType":"` + signType + `"}`, false},
		"about nothing":           {signing.Bundle, `{"_type":"` + v1Type + `","subject":[],"predicateType":"` + signType + `"}`, false},
		"another annotation":      {signing.Bundle, `{"_type":"` + v1Type + `","subject":[{"digest":{"sha256":"%s"},"annotations":{"Approved-By":"security"}}],"predicateType":"` + signType + `"}`, false},
	} {
		index, _ := push(t, host+"/app")
		_, hex, _ := strings.Cut(index.DigestStr(), ":")
		if err := signing.SignRaw(t.Context(), open(t, index), key, []byte(strings.ReplaceAll(c.statement, "%s", hex)), c.format); err != nil {
			t.Fatal(err)
		}
		if _, err := verify(t.Context(), t, index, policy); (err == nil) != c.good || !c.good && why(err) == "" {
			t.Errorf("%s: %v", label, err)
		}
	}
	for label, c := range map[string]struct {
		payload string
		good    bool
	}{
		"as cosign":        {`{"critical":{"identity":{"docker-reference":"x"},"image":{"docker-manifest-digest":"%s"},"type":"cosign container image signature"},"optional":{"approved-by":"security"}}`, true},
		"another type":     {`{"critical":{"identity":{"docker-reference":"x"},"image":{"docker-manifest-digest":"%s"},"type":"atomic container signature"},"optional":{"approved-by":"security"}}`, false},
		"two digests":      {`{"critical":{"identity":{"docker-reference":"x"},"image":{"docker-manifest-digest":"sha256:00","docker-manifest-digest":"%s"},"type":"cosign container image signature"},"optional":{"approved-by":"security"}}`, false},
		"two kinds of it":  {`{"critical":{"identity":{"docker-reference":"x"},"image":{"docker-manifest-digest":"sha256:00"},"type":"cosign container image signature"},"Critical":{"image":{"docker-manifest-digest":"%s"},"type":"cosign container image signature"},"optional":{"approved-by":"security"}}`, false},
		"said in capitals": {`{"critical":{"identity":{"docker-reference":"x"},"image":{"docker-manifest-digest":"%s"},"type":"cosign container image signature"},"optional":{"APPROVED-BY":"security"}}`, false},
	} {
		index, _ := push(t, host+"/app")
		if err := signing.SignPayload(t.Context(), open(t, index), key, []byte(strings.ReplaceAll(c.payload, "%s", index.DigestStr()))); err != nil {
			t.Fatal(err)
		}
		if _, err := verify(t.Context(), t, index, policy); (err == nil) != c.good || !c.good && why(err) == "" {
			t.Errorf("older format, %s: %v", label, err)
		}
	}
}

func FuzzAttached(f *testing.F) {
	f.Add([]byte(statement(signType, "")))
	f.Add([]byte(`{"mediaType":"application/vnd.dev.sigstore.bundle.v0.3+json","dsseEnvelope":{"payload":"e30=","payloadType":"application/vnd.in-toto+json","signatures":[{"sig":"AA=="}]}}`))
	f.Add([]byte(`{"critical":{"identity":{"docker-reference":"x"},"image":{"docker-manifest-digest":"sha256:00"},"type":"cosign container image signature"},"optional":null}`))
	f.Fuzz(func(_ *testing.T, raw []byte) { signing.ParseAttached(raw, raw, raw) })
}
