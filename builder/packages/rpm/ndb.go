package rpm

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/adler32"
)

// Numbers of rpm's own database, little-endian (rpm, lib/backend/ndb/rpmpkg.c).
const (
	ndbMagic     = 'R' | 'p'<<8 | 'm'<<16 | 'P'<<24
	ndbSlotMagic = 'S' | 'l'<<8 | 'o'<<16 | 't'<<24
	ndbBlobStart = 'B' | 'l'<<8 | 'b'<<16 | 'S'<<24
	ndbBlobEnd   = 'B' | 'l'<<8 | 'b'<<16 | 'E'<<24
	ndbPage      = 4096
	ndbBlock     = 16 // also the size of a slot
	ndbHead      = 16 // before a blob
	ndbTail      = 12 // behind it
)

// ndb gives the headers of Packages.db to f: pages of slots, the first two of
// which are the database's own header, then blobs in blocks of 16 bytes. Slots
// say where the blob of a package is; a blob is in one slot only.
func ndb(db []byte, f func(blob []byte) error) error {
	le := binary.LittleEndian
	if len(db) < ndbPage || le.Uint32(db) != ndbMagic {
		return errors.New("it is no ndb database")
	}
	if version := le.Uint32(db[4:]); version != 0 {
		return fmt.Errorf("version %d of ndb is not known", version)
	}
	pages := uint64(le.Uint32(db[12:]))
	if pages*ndbPage > uint64(len(db)) {
		return errors.New("it is cut short: slots are missing")
	}
	taken, room := map[uint32]bool{}, uint64(len(db))
	for at := uint64(2 * ndbBlock); at < pages*ndbPage; at += ndbBlock {
		slot := db[at:]
		if le.Uint32(slot) != ndbSlotMagic {
			return fmt.Errorf("there is no slot at byte %d", at)
		}
		id, block, blocks := le.Uint32(slot[4:]), le.Uint32(slot[8:]), le.Uint32(slot[12:])
		if block == 0 {
			continue // free
		}
		start, size := uint64(block)*ndbBlock, uint64(blocks)*ndbBlock
		if start+size > uint64(len(db)) {
			return fmt.Errorf("it is cut short: the package %d is missing", id)
		}
		if id == 0 || size < ndbHead+ndbTail || taken[block] || size > room {
			return fmt.Errorf("the slot at byte %d is damaged", at)
		}
		taken[block], room = true, room-size // blobs do not overlap
		blob := db[start:][:size]
		length := uint64(le.Uint32(blob[12:]))
		end := size - ndbTail
		if le.Uint32(blob) != ndbBlobStart || le.Uint32(blob[4:]) != id || ndbHead+length > end || size-ndbBlock >= ndbHead+length+ndbTail ||
			uint64(le.Uint32(blob[end+4:])) != length || le.Uint32(blob[end+8:]) != ndbBlobEnd || adler32.Checksum(blob[:end]) != le.Uint32(blob[end:]) {
			return fmt.Errorf("the package %d is damaged", id)
		}
		if err := f(blob[ndbHead:][:length]); err != nil {
			return err
		}
	}
	return nil
}
