package elf

import (
	"bytes"
	"context"
	"encoding/binary"
	"path"
	"slices"

	"github.com/whittle-oci/whittle/builder/tree"
)

// CachePath is where glibc's loader knows the libraries of ld.so.conf from:
// it does not read that file itself.
const CachePath = "/etc/ld.so.cache"

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
	data, err := tree.ReadOptional(ctx, t, CachePath, maxCache)
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

// PrunedCache makes a loader's cache of those entries of a tree's whose files
// are kept. It is nil where the tree has none of a known format. Entries for
// some machines alone are left out, as the libraries of glibc-hwcaps
// directories are.
func PrunedCache(ctx context.Context, t tree.Tree, keep func(file string) bool) ([]byte, error) {
	data, err := tree.ReadOptional(ctx, t, CachePath, maxCache)
	if err != nil {
		return nil, err
	}
	return pruneCache(data, keep), nil
}

func pruneCache(data []byte, keep func(file string) bool) []byte {
	header, entries := readCache(data)
	if header == nil || cacheOrder(header) != binary.ByteOrder(binary.LittleEndian) {
		return nil
	}
	order := binary.LittleEndian
	entries = slices.DeleteFunc(entries, func(e cached) bool { return order.Uint64(e.raw[16:]) != 0 || !keep(e.file) })
	out := bytes.Clone(header)
	clear(out[28:])
	out[28] = 2 // cache_file_new_flags_endian_little
	var texts []byte
	add := func(s string) uint32 {
		at := cacheHeader + len(entries)*cacheEntry + len(texts)
		texts = append(append(texts, s...), 0)
		return uint32(at) //nolint:gosec // of a file of at most maxCache
	}
	for _, x := range entries {
		e := bytes.Clone(x.raw)
		order.PutUint32(e[4:], add(x.name))
		order.PutUint32(e[8:], add(x.file))
		out = append(out, e...)
	}
	order.PutUint32(out[20:], uint32(len(entries))) //nolint:gosec // see above
	order.PutUint32(out[24:], uint32(len(texts)))   //nolint:gosec // see above
	return append(out, texts...)
}

// parseCache gives the paths of each library name in the order of the cache.
// ok is false for data in another format.
func parseCache(data []byte) (libraries map[string][]string, ok bool) {
	header, entries := readCache(data)
	if header == nil {
		return nil, false
	}
	libraries = map[string][]string{}
	for _, e := range entries {
		libraries[e.name] = append(libraries[e.name], e.file)
	}
	return libraries, true
}

// cached is one entry of a cache.
type cached struct {
	raw        []byte
	name, file string
}

// readCache gives the header of a cache and its entries that name a file; nil
// for data in another format.
func readCache(data []byte) (header []byte, entries []cached) {
	// Old caches have one in an older format before it.
	at := bytes.Index(data, []byte(cacheMagic))
	if at < 0 || len(data)-at < cacheHeader {
		return nil, nil
	}
	data = data[at:]
	order := cacheOrder(data)
	count := uint64(order.Uint32(data[20:]))
	if count > uint64(len(data)-cacheHeader)/cacheEntry {
		return nil, nil
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
	for n := range count {
		e := data[cacheHeader+n*cacheEntry:][:cacheEntry]
		name, file := text(order.Uint32(e[4:])), text(order.Uint32(e[8:]))
		if name != "" && path.IsAbs(file) {
			entries = append(entries, cached{e, name, path.Clean(file)})
		}
	}
	return data[:cacheHeader], entries
}

// cacheOrder is the byte order of a cache, by the flags of its header.
func cacheOrder(header []byte) binary.ByteOrder {
	if header[28]&3 == 3 {
		return binary.BigEndian
	}
	return binary.LittleEndian
}
