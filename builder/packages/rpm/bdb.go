package rpm

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// Berkeley DB's hash method (db-5.3, src/dbinc/db_page.h; rpm,
// lib/backend/bdb_ro.cc). A database has the byte order of its machine.
const (
	bdbHashMagic = 0x061561
	bdbPageHead  = 26
)

// Types of pages and of entries on them.
const (
	bdbHashUnsorted = 2
	bdbOverflow     = 7
	bdbHashMeta     = 8
	bdbHash         = 13

	bdbOnPage  = 1
	bdbOffPage = 3
)

// A bdbFile is a database of the hash method. Every page of one that is not
// damaged is in one place only, so that reading ends.
type bdbFile struct {
	data  []byte
	order binary.ByteOrder
	size  uint64 // of a page
	pages uint64
	seen  []bool
}

// bdb gives the headers of Packages to f. The key is the number of the package;
// number 0 keeps the highest one.
func bdb(data []byte, f func(blob []byte) error) error {
	if len(data) < 512 {
		return errors.New("it is no Berkeley DB")
	}
	db := &bdbFile{data: data, order: binary.LittleEndian}
	if binary.BigEndian.Uint32(data[12:]) == bdbHashMagic {
		db.order = binary.BigEndian
	}
	number := func(at int) uint64 { return uint64(db.order.Uint32(data[at:])) }
	if number(12) != bdbHashMagic {
		return errors.New("it is no Berkeley DB with the hash method")
	}
	if v := number(16); v < 8 || v > 10 {
		return fmt.Errorf("version %d of Berkeley DB's hash method is not known", v)
	}
	if data[24] != 0 || data[26]&1 != 0 {
		return errors.New("Berkeley DB with encryption or checksums is not known")
	}
	db.size = number(20)
	if db.size < 512 || db.size > 64<<10 || db.size&(db.size-1) != 0 {
		return fmt.Errorf("a page has %d bytes", db.size)
	}
	db.pages = number(32) + 1
	if db.pages*db.size > uint64(len(data)) {
		return fmt.Errorf("it is cut short: %d pages of %d are there", uint64(len(data))/db.size, db.pages)
	}
	db.seen = make([]bool, db.pages)
	last := number(72)
	if last >= db.pages {
		return fmt.Errorf("it has %d buckets on %d pages", last+1, db.pages)
	}
	for bucket := range last + 1 {
		// Buckets were added by doubling, and each time pages were set aside;
		// the list of spares says how many pages of another kind lie before.
		power := 0
		for b := bucket; b > 0; b >>= 1 {
			power++
		}
		if err := db.bucket((bucket+number(96+4*power))&0xffffffff, f); err != nil {
			return err
		}
	}
	return nil
}

// page gives the page of a number, once.
func (db *bdbFile) page(n uint64) ([]byte, error) {
	if n == 0 || n >= db.pages {
		return nil, fmt.Errorf("the page %d is not there", n)
	}
	if db.seen[n] {
		return nil, fmt.Errorf("the page %d is in two places", n)
	}
	db.seen[n] = true
	p := db.data[n*db.size:][:db.size]
	if uint64(db.order.Uint32(p[8:])) != n {
		return nil, fmt.Errorf("the page %d is damaged", n)
	}
	return p, nil
}

// bucket reads a chain of pages with keys and values in turn.
func (db *bdbFile) bucket(n uint64, f func(blob []byte) error) error {
	for n != 0 {
		p, err := db.page(n)
		if err != nil {
			return err
		}
		if p[25] != bdbHash && p[25] != bdbHashUnsorted && p[25] != bdbHashMeta {
			return fmt.Errorf("the page %d is of the type %d", n, p[25])
		}
		entries := int(db.order.Uint16(p[20:]))
		if bdbPageHead+2*entries > len(p) {
			return fmt.Errorf("the page %d is damaged", n)
		}
		// Entries lie from the end of the page, the first one last.
		end := len(p)
		for i := 0; i+1 < entries; i += 2 {
			key, value := int(db.order.Uint16(p[bdbPageHead+2*i:])), int(db.order.Uint16(p[bdbPageHead+2*i+2:]))
			if value < bdbPageHead || key <= value || end <= key {
				return fmt.Errorf("the page %d is damaged", n)
			}
			k, err := db.entry(p[key:end])
			if err != nil {
				return err
			}
			v, err := db.entry(p[value:key])
			if err != nil {
				return err
			}
			end = value
			if len(k) == 4 && binary.LittleEndian.Uint32(k) == 0 {
				continue
			}
			if err := f(v); err != nil {
				return err
			}
		}
		n = uint64(db.order.Uint32(p[16:]))
	}
	return nil
}

// entry gives a key or value, which may lie on pages of its own.
func (db *bdbFile) entry(e []byte) ([]byte, error) {
	switch {
	case e[0] == bdbOnPage:
		return e[1:], nil
	case e[0] != bdbOffPage || len(e) != 12:
		return nil, fmt.Errorf("an entry is of the type %d", e[0])
	}
	n, size := uint64(db.order.Uint32(e[4:])), uint64(db.order.Uint32(e[8:]))
	if size > uint64(len(db.data)) {
		return nil, fmt.Errorf("an entry has %d bytes", size)
	}
	out := make([]byte, 0, size)
	for uint64(len(out)) < size {
		p, err := db.page(n)
		if err != nil {
			return nil, err
		}
		have := uint64(db.order.Uint16(p[22:]))
		if p[25] != bdbOverflow || have == 0 || bdbPageHead+have > db.size || uint64(len(out))+have > size {
			return nil, fmt.Errorf("the page %d is damaged", n)
		}
		out = append(out, p[bdbPageHead:][:have]...)
		n = uint64(db.order.Uint32(p[16:]))
	}
	return out, nil
}
