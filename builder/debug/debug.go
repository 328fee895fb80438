// Package debug makes of an image one with a shell and tools: the same layers,
// and one on top of them that has BusyBox in a directory of its own.
package debug

import (
	"archive/tar"
	"bytes"
	"debug/elf"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// Dir is the directory that the tools get in an image, as in the debug variants
// of distroless images. Nothing else of the image changes but PATH, of which it
// is the last.
const Dir = "/busybox"

// DefaultImage is where the tools come from.
const DefaultImage = "docker.io/library/busybox:musl"

// The bounds of an image that tools come from.
const (
	maxProgram = 16 << 20 // bytes of BusyBox
	maxNames   = 2000     // of its applets
)

// Tools are BusyBox and the names of its applets.
type Tools struct {
	program []byte
	machine elf.Machine
	names   []string // sorted
}

// places are where images have BusyBox.
var places = []string{"bin/busybox", "usr/bin/busybox", "busybox/busybox", "sbin/busybox"}

// ReadTools finds BusyBox in an image. It has to be static, since in an image
// of another program there is no loader for it, and nothing that changes is to
// be brought for one.
func ReadTools(img v1.Image) (*Tools, error) {
	r := mutate.Extract(img)
	defer r.Close()
	t := &Tools{}
	at := ""
	links := map[string]string{} // target by name, of all programs
	tr := tar.NewReader(r)
	for {
		h, err := tr.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("reading the image: %w", err)
		}
		name := strings.TrimPrefix(path.Clean("/"+h.Name), "/")
		switch {
		case h.Typeflag == tar.TypeReg && slices.Contains(places, name) && h.Size > maxProgram:
			return nil, fmt.Errorf("/%s has %d bytes, more than BusyBox ever had", name, h.Size)
		case h.Typeflag == tar.TypeReg && slices.Contains(places, name):
			if t.program, err = io.ReadAll(tr); err != nil {
				return nil, fmt.Errorf("reading /%s: %w", name, err)
			}
			at = name
		case h.Typeflag == tar.TypeSymlink && len(links) < maxNames:
			target := h.Linkname
			if !path.IsAbs(target) {
				target = path.Join("/", path.Dir(name), target)
			}
			links[name] = strings.TrimPrefix(path.Clean(target), "/")
		case h.Typeflag == tar.TypeLink && len(links) < maxNames:
			links[name] = strings.TrimPrefix(path.Clean("/"+h.Linkname), "/")
		case h.Typeflag == tar.TypeReg && len(links) < maxNames && h.Size > 0 && h.Size <= maxProgram && slices.Contains([]string{"bin", "sbin", "usr/bin", "usr/sbin"}, path.Dir(name)):
			// The official image has BusyBox under the first of its names in the
			// order of these, and the others as hard links to that.
			data, err := io.ReadAll(tr)
			if err != nil {
				return nil, fmt.Errorf("reading /%s: %w", name, err)
			}
			if t.program == nil && bytes.Contains(data, []byte("BusyBox v")) {
				t.program, at = data, name
				links[name] = name
			}
		}
	}
	if t.program == nil {
		return nil, fmt.Errorf("there is no BusyBox in it, at /%s", strings.Join(places, ", /"))
	}
	if err := t.static(at); err != nil {
		return nil, err
	}
	for name, target := range links {
		base := path.Base(name)
		if (target == at || links[target] == at || name == at) && base != "busybox" && applet(base) {
			t.names = append(t.names, base)
		}
	}
	slices.Sort(t.names)
	t.names = slices.Compact(t.names)
	if !slices.Contains(t.names, "sh") {
		t.names = append([]string{"sh"}, t.names...)
		slices.Sort(t.names)
	}
	return t, nil
}

// applet reports whether a name can be one of BusyBox's.
func applet(name string) bool {
	return name != "" && !strings.ContainsFunc(name, func(r rune) bool { return r <= ' ' || r > '~' || r == '/' })
}

// static refuses a program that needs a loader.
func (t *Tools) static(name string) error {
	f, err := elf.NewFile(bytes.NewReader(t.program))
	if err != nil {
		return fmt.Errorf("/%s is no program: %w", name, err)
	}
	for _, p := range f.Progs {
		if p.Type == elf.PT_INTERP {
			return fmt.Errorf("/%s is not static, so that it does not run in another image", name)
		}
	}
	t.machine = f.Machine
	return nil
}

// machineOf is the machine of an architecture, as Go calls it; ok is false for
// one that is not known.
func machineOf(architecture string) (m elf.Machine, ok bool) {
	switch architecture {
	case "amd64":
		return elf.EM_X86_64, true
	case "arm64":
		return elf.EM_AARCH64, true
	case "386":
		return elf.EM_386, true
	case "arm":
		return elf.EM_ARM, true
	case "ppc64le":
		return elf.EM_PPC64, true
	case "s390x":
		return elf.EM_S390, true
	case "riscv64":
		return elf.EM_RISCV, true
	}
	return 0, false
}

// Image adds the tools to an image. All layers of the image stay as they are.
func (t *Tools) Image(img v1.Image) (v1.Image, error) {
	config, err := img.ConfigFile()
	if err != nil {
		return nil, err
	}
	if want, known := machineOf(config.Architecture); known && want != t.machine {
		return nil, fmt.Errorf("the tools are for another architecture than the image, which is for %s", config.Architecture)
	}
	manifest, err := img.MediaType()
	if err != nil {
		return nil, err
	}
	media := types.OCILayer
	if manifest == types.DockerManifestSchema2 {
		media = types.DockerLayer
	}
	data, err := t.tar()
	if err != nil {
		return nil, err
	}
	layer, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(data)), nil }, tarball.WithMediaType(media))
	if err != nil {
		return nil, err
	}
	created := time.Unix(0, 0).UTC()
	out, err := mutate.Append(img, mutate.Addendum{Layer: layer, MediaType: media, History: v1.History{
		Created: v1.Time{Time: created}, CreatedBy: "whittle build --debug", Comment: "a shell and tools in " + Dir,
	}})
	if err != nil {
		return nil, err
	}
	next, err := out.ConfigFile()
	if err != nil {
		return nil, err
	}
	next = next.DeepCopy()
	next.Config.Env = withPath(next.Config.Env)
	return mutate.ConfigFile(out, next)
}

// withPath puts Dir last on PATH.
func withPath(env []string) []string {
	env = slices.Clone(env)
	for i, kv := range env {
		if dirs, ok := strings.CutPrefix(kv, "PATH="); ok {
			env[i] = "PATH=" + strings.TrimPrefix(dirs+":"+Dir, ":")
			return env
		}
	}
	return append(env, "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:"+Dir)
}

// tar writes the layer: equal bytes for equal tools.
func (t *Tools) tar() ([]byte, error) {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	dir := strings.TrimPrefix(Dir, "/")
	add := func(h tar.Header, data []byte) error {
		h.ModTime, h.Size = time.Unix(0, 0).UTC(), int64(len(data))
		if err := w.WriteHeader(&h); err != nil {
			return err
		}
		_, err := w.Write(data)
		return err
	}
	if err := add(tar.Header{Typeflag: tar.TypeDir, Name: dir + "/", Mode: 0o755}, nil); err != nil {
		return nil, err
	}
	if err := add(tar.Header{Typeflag: tar.TypeReg, Name: dir + "/busybox", Mode: 0o755}, t.program); err != nil {
		return nil, err
	}
	for _, name := range t.names {
		if err := add(tar.Header{Typeflag: tar.TypeSymlink, Name: dir + "/" + name, Linkname: "busybox", Mode: 0o777}, nil); err != nil {
			return nil, err
		}
	}
	err := w.Close()
	return b.Bytes(), err
}
