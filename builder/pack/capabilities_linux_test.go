package pack_test

import (
	"bytes"
	"errors"
	"path/filepath"
	"testing"

	dockerspec "github.com/moby/docker-image-spec/specs-go/v1"
	"golang.org/x/sys/unix"

	"github.com/whittle-oci/whittle/builder/pack"
)

// TestCapabilities packs a program with file capabilities.
func TestCapabilities(t *testing.T) {
	dir := app(t)
	name := filepath.Join(dir, "server")
	value := []byte{1, 0, 0, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}
	if err := unix.Lsetxattr(name, "security.capability", value, 0); errors.Is(err, unix.EPERM) || errors.Is(err, unix.ENOTSUP) {
		value = nil // an ordinary user cannot set them, and none may appear then
	} else if err != nil {
		t.Fatal(err)
	}
	p := packed(t, dockerspec.DockerOCIImageConfig{}, pack.Source{Host: name, Dest: "/server"})
	e, err := p.Tree.Lstat(t.Context(), "/server")
	if err != nil || !bytes.Equal(e.Xattrs["security.capability"], value) {
		t.Errorf("extended attributes %v, %v", e.Xattrs, err)
	}
}
