package oci_test

import (
	"encoding/json"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/whittle-oci/whittle/builder/oci"
)

const (
	image = "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	other = "sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
	third = "sha256:cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc"
	gone  = "sha256:dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd"

	manifest = "application/vnd.oci.image.manifest.v1+json"
	list     = "application/vnd.oci.image.index.v1+json"
	neither  = `{"os":"unknown","architecture":"unknown"}`
	amd64    = `{"os":"linux","architecture":"amd64"}`
)

func entry(mediaType, digest, platform, annotations string) string {
	return `{"mediaType":"` + mediaType + `","digest":"` + digest + `","size":1,"platform":` + platform + `,"annotations":` + annotations + `}`
}

// marked are the annotations of an attestation manifest.
func marked(about string) string {
	return `{"vnd.docker.reference.type":"attestation-manifest","vnd.docker.reference.digest":"` + about + `"}`
}

// TestMembers has an author of an index try to have an image taken for an
// attestation manifest, and compares the judgement of the last entry.
func TestMembers(t *testing.T) {
	plain := entry(manifest, image, amd64, `{}`)
	for label, c := range map[string]struct {
		entries []string
		about   string
		doubt   string
	}{
		"as BuildKit writes it":          {[]string{plain, entry(manifest, other, neither, marked(image))}, image, ""},
		"before its image":               {[]string{entry(manifest, image, neither, marked(other)), entry(manifest, other, neither, marked(image)), entry(manifest, third, amd64, `{}`), entry(manifest, gone, neither, marked(third))}, third, ""},
		"docker's media types":           {[]string{entry("application/vnd.docker.distribution.manifest.v2+json", image, amd64, `{}`), entry(manifest, other, neither, marked(image))}, image, ""},
		"of an image without platform":   {[]string{entry(manifest, image, `null`, `{}`), entry(manifest, other, neither, marked(image))}, image, ""},
		"an image":                       {[]string{plain}, "", ""},
		"a platform to run":              {[]string{plain, entry(manifest, other, amd64, marked(image))}, "", "but its platform is linux/amd64, and not unknown/unknown"},
		"no platform":                    {[]string{plain, entry(manifest, other, `null`, marked(image))}, "", "but it has no platform"},
		"half a platform":                {[]string{plain, entry(manifest, other, `{"os":"unknown","architecture":"amd64"}`, marked(image))}, "", "but its platform is unknown/amd64"},
		"a variant":                      {[]string{plain, entry(manifest, other, `{"os":"unknown","architecture":"unknown","variant":"v8"}`, marked(image))}, "", "but its platform is unknown/unknown/v8"},
		"another case":                   {[]string{plain, entry(manifest, other, `{"os":"Unknown","architecture":"unknown"}`, marked(image))}, "", "but its platform is Unknown/unknown"},
		"no mark":                        {[]string{plain, entry(manifest, other, neither, `{}`)}, "", "it is not marked as an attestation manifest"},
		"another mark":                   {[]string{plain, entry(manifest, other, neither, `{"vnd.docker.reference.type":"Attestation-Manifest","vnd.docker.reference.digest":"`+image+`"}`)}, "", "it is not marked"},
		"of nothing":                     {[]string{plain, entry(manifest, other, neither, `{"vnd.docker.reference.type":"attestation-manifest"}`)}, "", "does not say of which image"},
		"of what is not there":           {[]string{plain, entry(manifest, other, neither, marked(gone))}, "", "which is no image in the same index"},
		"of no digest":                   {[]string{plain, entry(manifest, other, neither, marked("latest"))}, "", `of "latest", which is no image`},
		"of itself":                      {[]string{plain, entry(manifest, other, neither, marked(other))}, "", "of itself"},
		"of another attestation":         {[]string{plain, entry(manifest, third, neither, marked(image)), entry(manifest, other, neither, marked(third))}, "", "which is no image in the same index"},
		"of one another":                 {[]string{entry(manifest, image, neither, marked(other)), entry(manifest, other, neither, marked(image))}, "", "which is no image in the same index"},
		"of what pretends to be one":     {[]string{entry(manifest, image, amd64, marked(other)), entry(manifest, other, neither, marked(image))}, "", "which is no image in the same index"},
		"of an index":                    {[]string{entry(list, image, amd64, `{}`), entry(manifest, other, neither, marked(image))}, "", "which is no image in the same index"},
		"an index":                       {[]string{plain, entry(list, other, neither, marked(image))}, "", "but it is an index"},
		"another media type":             {[]string{plain, entry("application/json", other, neither, marked(image))}, "", `but its media type is "application/json"`},
		"as an image and as attestation": {[]string{plain, entry(manifest, other, neither, marked(image)), entry(manifest, other, amd64, `{}`)}, "", ""},
		"digest in capital letters":      {[]string{plain, entry(manifest, other, neither, marked(strings.ToUpper(image)))}, "", "which is no image in the same index"},
	} {
		index, err := oci.ParseIndex([]byte(`{"schemaVersion":2,"mediaType":"` + list + `","manifests":[` + strings.Join(c.entries, ",") + `]}`))
		if err != nil {
			t.Errorf("%s: %v", label, err)
			continue
		}
		members := oci.Members(index)
		last := members[len(members)-1]
		if last.About != c.about || last.Attestation() != (c.about != "") {
			t.Errorf("%s: about %q, want %q", label, last.About, c.about)
		}
		if (last.Doubt == "") != (c.doubt == "") || !strings.Contains(last.Doubt, c.doubt) {
			t.Errorf("%s: doubt %q, want %q", label, last.Doubt, c.doubt)
		}
	}
}

func TestIsIndex(t *testing.T) {
	for text, want := range map[string]string{
		`{"manifests":[]}`: "index",
		`{"manifests":[],"mediaType":"` + list + `"}`:  "index",
		`{"config":{},"layers":[]}`:                    "image",
		`{"layers":[],"mediaType":"` + manifest + `"}`: "image",
		`{}`:                                              "image",
		`{"manifests":[],"layers":[]}`:                    `both "manifests" and "layers"`,
		`{"manifests":[],"config":{}}`:                    `both "manifests" and "config"`,
		`{"manifests":[],"Layers":[]}`:                    `both "manifests" and "layers"`,
		`{"Manifests":[],"fsLayers":[]}`:                  `both "manifests" and "fslayers"`,
		`{"manifestſ":[],"layers":[]}`:                    `both "manifests" and "layers"`,
		`{"manifests":[],"manifests":[]}`:                 `"manifests" occurs twice`,
		`{"manifests":[],"Manifests":[]}`:                 `"manifests" and "Manifests" in one object`,
		`{"manifests":[{"digest":"a","digest":"b"}]}`:     `"digest" occurs twice`,
		`{"manifests":[{"digest":"a","diGest":"b"}]}`:     `"digest" and "diGest"`,
		`{"manifests":[{"annotations":{"a":"","A":""}}]}`: "index",
		`{"manifests":[{"annotations":{"a":"","a":""}}]}`: `"a" occurs twice`,
		`{"manifests":[],"mediaType":"` + manifest + `"}`: "that of an image",
		`{"layers":[],"mediaType":"` + list + `"}`:        "that of an index",
		`{"layers":[],"mediaType":" ` + list + `; x=1"}`:  "that of an index",
		`{"mediaType":1}`:                                 "not a string",
		`[]`:                                              "not a JSON object",
		`{`:                                               "not a JSON object",
		`{} {}`:                                           "not a JSON object",
		strings.Repeat(`{"a":`, 1<<20):                    "not a JSON object",
	} {
		index, err := oci.IsIndex([]byte(text))
		got := map[bool]string{true: "index", false: "image"}[index]
		if err != nil {
			got = err.Error()
		}
		if !strings.Contains(got, want) || len(got) > 300 {
			t.Errorf("%.80s: %s, want %s", text, got, want)
		}
	}
	if _, err := oci.ParseIndex([]byte(`{"layers":[]}`)); err == nil {
		t.Error("an image was parsed as an index")
	}
}

// FuzzParseIndex holds that an index that is accepted reads the same for
// encoding/json in one step, and that an attestation manifest never is one
// that a runtime would choose.
func FuzzParseIndex(f *testing.F) {
	f.Add([]byte(`{"manifests":[` + entry(manifest, image, amd64, `{}`) + `,` + entry(manifest, other, neither, marked(image)) + `]}`))
	f.Add([]byte(`{"manifests":[` + entry(manifest, image, neither, marked(other)) + `,` + entry(manifest, other, neither, marked(image)) + `]}`))
	f.Add([]byte(`{"Manifests":[],"ſubject":{}}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		index, err := oci.ParseIndex(raw)
		if err != nil {
			return
		}
		var again v1.IndexManifest
		if err := json.Unmarshal(raw, &again); err != nil || len(again.Manifests) != len(index.Manifests) {
			t.Fatalf("read otherwise: %v", err)
		}
		images := map[string]bool{}
		members := oci.Members(index)
		for _, m := range members {
			if !m.Attestation() {
				images[m.Digest.String()] = true
			}
		}
		for _, m := range members {
			if m.Attestation() && (m.Platform == nil || m.Platform.OS != "unknown" || m.Platform.Architecture != "unknown" || !images[m.About] || m.About == m.Digest.String()) {
				t.Errorf("taken for an attestation manifest: %+v", m)
			}
		}
	})
}
