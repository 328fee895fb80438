package rules_test

import (
	"runtime"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/whittle-oci/whittle/lint"
	"github.com/whittle-oci/whittle/lint/rule"
	"github.com/whittle-oci/whittle/lint/rules"
	"github.com/whittle-oci/whittle/lint/source"
)

// images is a registry that knows some images.
type images map[string]rule.Image

// Image implements rule.Images.
func (i images) Image(ref string) (rule.Image, bool) {
	x, ok := i[ref]
	return x, ok
}

// sums is a server that gives some files.
type sums map[string]string

// Checksum implements rule.Downloads.
func (s sums) Checksum(address string) (string, bool) {
	x, ok := s[address]
	return x, ok
}

const digest = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

// TestOnline holds the rules to what a registry says.
func TestOnline(t *testing.T) {
	registry := images{
		"debian:12":     {Digest: digest, Size: 48 << 20},
		"ubuntu:24.04":  {Digest: digest, Size: 100 << 20},
		"company/app:1": {Digest: digest, User: "app", Size: 500 << 20},
		"jenkins/jenkins:old": {
			Digest: digest, User: "root", Size: 90 << 20,
		},
		"docker/dockerfile:1": {Digest: digest},
		"golang:1.26":         {Digest: digest, Size: 20 << 20},
		"foreign:1":           {Digest: digest, Platforms: []string{"linux/s390x"}},
		"two:1":               {Digest: digest, Platforms: []string{"linux/arm64/v8", "windows/amd64"}},
	}
	for _, c := range []struct {
		name, rule, text string
		want             []string // messages
		fixed            string
	}{
		{"the base's own user", "missing-user", "FROM company/app:1\n", nil, ""},
		{"root, as the registry knows", "missing-user", "FROM debian:12\nWORKDIR /\nCMD [\"a\"]\n", []string{"no USER is set, and debian:12 runs as root"}, "FROM debian:12\nWORKDIR /\nUSER 65532:65532\nCMD [\"a\"]\n"},
		{"an image that nobody could ask about", "missing-user", "FROM other:1\nWORKDIR /\nCMD [\"a\"]\n", []string{"no USER is set, so the image runs as other:1 does, which is root as a rule"}, "FROM other:1\nWORKDIR /\nUSER 65532:65532\nCMD [\"a\"]\n"},
		{"small after all", "fat-base", "FROM debian:12\n", nil, ""},
		{"large indeed", "fat-base", "FROM ubuntu:24.04\n", []string{"the image is built on ubuntu:24.04 (100 MiB to download), a whole distribution with its package manager; copy the result into a small stage, such as a distroless one, where the program allows"}, ""},
		{"large and not known to be", "fat-base", "FROM company/app:1\n", []string{"the image is built on company/app:1 (500 MiB to download); a smaller base, or a stage that copies what is needed, would do"}, ""},
		{"a compiler, however small", "fat-base", "FROM golang:1.26\n", []string{"the image is built on golang:1.26 (20 MiB to download), which has a compiler in it; build in one stage and copy the result into a small one"}, ""},
		{"digests", "base-without-digest", "ARG BASE=debian:12\nFROM ${BASE} AS a\nFROM ubuntu:24.04\nFROM other:1\n", []string{
			"the base image debian:12 is not pinned to a digest, so it can change under you; whittle pin writes it",
			"the base image ubuntu:24.04 is not pinned to a digest, so it can change under you; whittle pin writes it",
			"the base image other:1 is not pinned to a digest, so it can change under you; whittle pin writes it",
		}, "ARG BASE=debian:12@" + digest + "\nFROM ${BASE} AS a\nFROM ubuntu:24.04@" + digest + "\nFROM other:1\n"},
		{"digests of COPY --from", "image-without-digest", "FROM scratch\nCOPY --from=company/app:1 /a /a\n", []string{"the image company/app:1 is not pinned to a digest, so what is taken from it can change under you; whittle pin writes it"}, "FROM scratch\nCOPY --from=company/app:1@" + digest + " /a /a\n"},
		{"digests of the syntax line", "syntax-without-digest", "# syntax=docker/dockerfile:1\nFROM scratch\n", []string{"the frontend docker/dockerfile:1 is not pinned to a digest, so another program may read the file tomorrow"}, "# syntax=docker/dockerfile:1@" + digest + "\nFROM scratch\n"},
		{"checksums", "add-without-checksum", "FROM scratch\nARG V=a\nADD https://example.test/a /\nADD https://example.test/$V /\nADD https://example.test/b /\nADD http://example.test/a /\n", []string{
			"what this URL gives can change; add --checksum=sha256:…, or let whittle pin write it",
			"what this URL gives can change; add --checksum=sha256:…",
			"what this URL gives can change; add --checksum=sha256:…, or let whittle pin write it",
			"what this URL gives can change; add --checksum=sha256:…",
		}, "FROM scratch\nARG V=a\nADD --checksum=" + digest + " https://example.test/a /\nADD https://example.test/$V /\nADD https://example.test/b /\nADD http://example.test/a /\n"},
		{"a foreign platform", "base-platform", "FROM --platform=linux/amd64 foreign:1 AS a\nFROM a\nFROM --platform=linux/s390x foreign:1\nFROM debian:12\nFROM scratch\n", []string{"foreign:1 is there for linux/s390x, and the stage is for linux/amd64"}, ""},
		{"a platform by a variable", "base-platform", "ARG P=linux/ppc64le\nFROM --platform=$P two:1\nFROM --platform=linux/arm/v7 two:1\nFROM --platform=linux/arm64 two:1\nFROM --platform=$Q two:1\nFROM --platform=$BUILDPLATFORM foreign:1\nFROM foreign:1\n", []string{
			"two:1 is there for linux/arm64/v8, windows/amd64, and the stage is for linux/ppc64le",
			"two:1 is there for linux/arm64/v8, windows/amd64, and the stage is for linux/arm/v7",
			"foreign:1 is there for linux/s390x, and the stage is for linux/" + runtime.GOARCH,
			"foreign:1 is there for linux/s390x, and the stage is for linux/" + runtime.GOARCH,
		}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			opts := lint.Options{Images: registry, Downloads: sums{"https://example.test/a": digest, "http://example.test/a": digest}, Unsafe: true}
			opts.Rules = slices.DeleteFunc(rules.All(), func(r rule.Rule) bool { return r.Name != c.rule })
			src := source.NewFile("Dockerfile", []byte(c.text))
			diags, err := lint.Run(t.Context(), src, opts)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, d := range diags {
				got = append(got, d.Message)
			}
			if d := cmp.Diff(c.want, got); d != "" {
				t.Errorf("-want +got\n%s", d)
			}
			out, _, err := lint.Fix(t.Context(), src, opts)
			if err != nil {
				t.Fatal(err)
			}
			if c.fixed == "" {
				c.fixed = c.text
			}
			if d := cmp.Diff(c.fixed, string(out.Bytes)); d != "" {
				t.Errorf("fixed: -want +got\n%s", d)
			}
		})
	}
}
