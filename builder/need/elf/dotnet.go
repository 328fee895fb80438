package elf

import (
	"bytes"
	"crypto/sha256"
	"debug/elf"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/whittle-oci/whittle/builder/tree"
)

// dotnet are the native parts of .NET that open libraries by a name that they
// put together (dotnet/runtime, src/native/libs). Each is its own file, or
// inside of a program that was published as one file or ahead of time; text is
// what such a program holds then.
var dotnet = []struct {
	part, text string
	opens      []string // beginnings of library names, which a version follows
	first      bool     // one of them will do
}{
	{"libSystem.Security.Cryptography.Native.OpenSsl.so", "libssl.so", []string{"libssl.so.3", "libssl.so.1.1"}, true},
	{"libSystem.Globalization.Native.so", "libicuuc", []string{"libicuuc.so.", "libicui18n.so.", "libicudata.so."}, false},
	{"libSystem.Net.Security.Native.so", "libgssapi_krb5.so", []string{"libgssapi_krb5.so.2"}, true},
}

// dotnetLibraries adds what .NET opens by name, where the tree has it: ICU is
// not there on purpose in images that are set to do without.
func (c *closure) dotnetLibraries(root *object) error {
	for _, d := range dotnet {
		if path.Base(root.real) != d.part && !slices.Contains(root.info.words, d.text) {
			continue
		}
		for _, begin := range d.opens {
			name, err := c.newest(begin)
			if err != nil {
				return err
			}
			if name == "" {
				continue
			}
			found, err := c.loadExtra(root, name, "opened by .NET in "+root.path)
			if err != nil {
				return err
			}
			if found && d.first {
				break
			}
		}
	}
	return nil
}

// newest gives the last library whose name begins so, "" when there is none.
func (c *closure) newest(begin string) (string, error) {
	names := slices.Collect(maps.Keys(c.cache))
	for _, dir := range c.defaults() {
		res, err := tree.Resolve(c.ctx, c.t, dir)
		if tree.Missing(err) || err == nil && !res.Entry.IsDir() {
			continue
		}
		if err != nil {
			return "", err
		}
		entries, err := c.t.ReadDir(c.ctx, res.Path)
		if err != nil {
			return "", err
		}
		for _, e := range entries {
			names = append(names, e.Name)
		}
	}
	last := ""
	for _, n := range names {
		rest, ok := strings.CutPrefix(n, begin)
		// libicuuc.so.72, not the libicuuc.so.72.1 that it leads to.
		if ok && !strings.Contains(rest, ".") && n > last {
			last = n
		}
	}
	return last, nil
}

// maxHostData bounds how much data of a program is searched for the mark of
// .NET's host, in bytes. That of a host with the runtime in it has less than
// 1 MiB.
const maxHostData = 16 << 20

// dotnetHost reports whether a program is the host that .NET puts in front of
// an application. Each has a place for the offset of what is attached to it,
// and behind that the SHA-256 of ".net core bundle" as a mark (dotnet/runtime,
// src/native/corehost/apphost/bundle_marker.cpp; 2026-12).
func dotnetHost(f *elf.File) bool {
	mark := sha256.Sum256([]byte(".net core bundle"))
	s := f.Section(".data")
	if s == nil || s.Type != elf.SHT_PROGBITS || s.Size < sha256.Size || s.Size > maxHostData {
		return false
	}
	data := make([]byte, s.Size)
	n, _ := s.ReadAt(data, 0)
	return bytes.Contains(data[:n], mark[:])
}
