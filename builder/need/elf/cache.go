package elf

import (
	"bytes"
	"encoding/binary"
	"path"
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
