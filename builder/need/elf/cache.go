package elf

import (
	"bytes"
	"context"
	"encoding/binary"
	"path"

	"github.com/whittle-oci/whittle/builder/tree"
)

// cachePath is where glibc's loader knows the libraries of ld.so.conf from:
// it does not read that file itself.
const cachePath = "/etc/ld.so.cache"

// maxCache is the largest cache that is read, in bytes.
const maxCache = 32 << 20

// The format of the cache since glibc 2.2 (sysdeps/generic/dl-cache.h): a
// header of 48 bytes, then entries of 24.
const (
	cacheMagic  = "glibc-ld.so.cache1.1"
	cacheHeader = 48
	cacheEntry  = 24
)

// CachedLibraries gives what the loader's cache of a tree knows: the first path
// of each library by its name. It is empty where there is no cache.
func CachedLibraries(ctx context.Context, t tree.Tree) (map[string]string, error) {
	data, err := tree.ReadOptional(ctx, t, cachePath, maxCache)
	if err != nil {
		return nil, err
	}
	all, _ := parseCache(data)
	out := make(map[string]string, len(all))
	for name, paths := range all {
		out[name] = paths[0]
	}
	return out, nil
}

// PruneCache makes a loader's cache of those entries of another whose files
// are kept. ok is false for data in another format. Extensions, which say for
// which machines a library is, are left out: libraries of glibc-hwcaps
// directories are, too.
func PruneCache(data []byte, keep func(file string) bool) (pruned []byte, ok bool) {
	at := bytes.Index(data, []byte(cacheMagic))
	if at < 0 || len(data)-at < cacheHeader {
		return nil, false
	}
	data = data[at:]
	if data[28]&3 == 3 {
		return nil, false // of a big-endian machine
	}
	order := binary.LittleEndian
	count := uint64(order.Uint32(data[20:]))
	if count > uint64(len(data)-cacheHeader)/cacheEntry {
		return nil, false
	}
	text := func(offset uint32) string {
		if uint64(offset) >= uint64(len(data)) {
			return ""
		}
		s, _, _ := bytes.Cut(data[offset:min(uint64(len(data)), uint64(offset)+maxString)], []byte{0})
		return string(s)
	}
	type entry struct {
		raw        []byte
		name, file string
	}
	var kept []entry
	for n := range count {
		e := data[cacheHeader+n*cacheEntry:][:cacheEntry]
		x := entry{e, text(order.Uint32(e[4:])), text(order.Uint32(e[8:]))}
		if order.Uint64(e[16:]) == 0 && x.name != "" && path.IsAbs(x.file) && keep(path.Clean(x.file)) {
			kept = append(kept, x)
		}
	}
	out := bytes.Clone(data[:cacheHeader])
	clear(out[28:])
	out[28] = 2                                           // little-endian (cache_file_new_flags_endian_little)
	strings := uint32(cacheHeader + len(kept)*cacheEntry) //nolint:gosec // of a file of at most maxCache
	var texts []byte
	add := func(s string) uint32 {
		at := strings + uint32(len(texts)) //nolint:gosec // see above
		texts = append(append(texts, s...), 0)
		return at
	}
	for _, x := range kept {
		e := bytes.Clone(x.raw)
		order.PutUint32(e[4:], add(x.name))
		order.PutUint32(e[8:], add(x.file))
		out = append(out, e...)
	}
	order.PutUint32(out[20:], uint32(len(kept)))  //nolint:gosec // see above
	order.PutUint32(out[24:], uint32(len(texts))) //nolint:gosec // see above
	return append(out, texts...), true
}

// parseCache gives the paths of each library name in the order of the cache.
// ok is false for data in another format.
func parseCache(data []byte) (libraries map[string][]string, ok bool) {
	// Old caches have one in an older format before it.
	at := bytes.Index(data, []byte(cacheMagic))
	if at < 0 || len(data)-at < cacheHeader {
		return nil, false
	}
	data = data[at:]
	order := binary.ByteOrder(binary.LittleEndian)
	count := uint64(order.Uint32(data[20:]))
	if data[28]&3 == 3 {
		order = binary.BigEndian
		count = uint64(order.Uint32(data[20:]))
	}
	if count > uint64(len(data)-cacheHeader)/cacheEntry {
		return nil, false
	}
	text := func(offset uint32) string {
		if uint64(offset) >= uint64(len(data)) {
			return ""
		}
		s := data[offset:min(uint64(len(data)), uint64(offset)+maxString)]
		end := bytes.IndexByte(s, 0)
		if end < 0 {
			return ""
		}
		return string(s[:end])
	}
	libraries = map[string][]string{}
	for n := range count {
		e := data[cacheHeader+n*cacheEntry:]
		name, file := text(order.Uint32(e[4:])), text(order.Uint32(e[8:]))
		if name != "" && path.IsAbs(file) {
			libraries[name] = append(libraries[name], path.Clean(file))
		}
	}
	return libraries, true
}
