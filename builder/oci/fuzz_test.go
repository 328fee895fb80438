package oci_test

import (
	"archive/tar"
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/whittle-oci/whittle/builder/oci"
)

// FuzzLayout opens what index.json and one blob may hold.
func FuzzLayout(f *testing.F) {
	f.Add([]byte(`{"schemaVersion":2,"manifests":[{"mediaType":"application/vnd.oci.image.index.v1+json","digest":"`+digest+`","size":0}]}`), []byte(""), "")
	f.Add([]byte(`{"manifests":[{"digest":"`+digest+`","platform":{"architecture":"amd64","os":"linux"}}]}`), []byte(`{"config":{"mediaType":"application/vnd.oci.image.config.v1+json"}}`), "1")
	dir := f.TempDir()
	if err := errors.Join(os.MkdirAll(filepath.Join(dir, "blobs", "sha256"), 0o700), os.WriteFile(filepath.Join(dir, "oci-layout"), []byte(`{"imageLayoutVersion":"1.0.0"}`), 0o600)); err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, index, blob []byte, tag string) {
		h, _, err := v1.SHA256(bytes.NewReader(blob))
		if err != nil {
			t.Fatal(err)
		}
		file := filepath.Join(dir, "blobs", "sha256", h.Hex)
		defer os.Remove(file)
		if err := errors.Join(os.WriteFile(file, blob, 0o600), os.WriteFile(filepath.Join(dir, "index.json"), bytes.ReplaceAll(index, []byte(digest), []byte(h.String())), 0o600)); err != nil {
			t.Fatal(err)
		}
		ref, err := oci.ParseRef("oci:" + dir)
		if err != nil {
			t.Fatal(err)
		}
		ref.Tag = tag
		s, err := oci.Open(t.Context(), ref, oci.OpenOptions{})
		if err != nil {
			return
		}
		if s.Platform.Architecture == "" || s.Config == nil {
			t.Errorf("%+v", s)
		}
		_ = whole(s)
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
}

// FuzzDockerArchive opens what a tar may hold, and what its manifest.json may.
func FuzzDockerArchive(f *testing.F) {
	config := `{"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":["` + digest + `"]}}`
	f.Add([]byte(`[{"Config":"c.json","RepoTags":["app:1"],"Layers":["l.tar"]}]`), []byte(config), []byte(""))
	f.Add([]byte(`[{"Config":"c.json","Layers":["manifest.json"]},null]`), []byte(config), tarOf(f, tarEntry{name: "x", typ: tar.TypeLink, link: "x"}))
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, listing, config, tail []byte) {
		data := tarOf(t, tarEntry{name: "manifest.json", text: string(listing)}, tarEntry{name: "c.json", text: string(config)}, tarEntry{name: "l.tar"})
		data = append(data[:len(data)-1024], tail...)
		file := filepath.Join(dir, "image.tar")
		if err := os.WriteFile(file, data, 0o600); err != nil {
			t.Fatal(err)
		}
		ref, err := oci.ParseRef("docker-archive:" + file)
		if err != nil {
			t.Fatal(err)
		}
		s, err := oci.Open(t.Context(), ref, oci.OpenOptions{})
		if err != nil {
			return
		}
		_ = whole(s)
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
}
