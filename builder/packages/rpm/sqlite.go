package rpm

import (
	"encoding/binary"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"sync"
)

// SQLite's file format (sqlite.org/fileformat2.html), as far as reading the
// rows of a table takes: numbers are big-endian, and the first page begins with
// a header of 100 bytes.
const (
	sqliteMagic    = "SQLite format 3\x00"
	sqliteHead     = 100
	sqliteInterior = 5
	sqliteLeaf     = 13
	// maxDepth is more than a tree of 2^31 pages can have.
	maxDepth = 40
)

// A sqliteFile is a database. A page of one that is not damaged is in one place
// only, so that reading ends.
type sqliteFile struct {
	data   []byte
	log    map[uint32][]byte // pages that the write-ahead log has instead
	size   int               // of a page
	usable int               // of it
	pages  uint32
	seen   map[uint32]bool
	room   uint64 // bytes that rows may still have: they do not overlap
	tables map[string]table
}

// A table is where its tree begins, and what its columns are called.
type table struct {
	root    uint32
	columns []string
}

// A cell is one value of a row: a number, or bytes.
type cell struct {
	number int64
	bytes  []byte
}

// openSQLite reads the schema of a database with its write-ahead log, nil for
// none.
func openSQLite(data, wal []byte) (*sqliteFile, error) {
	if len(data) < sqliteHead || string(data[:len(sqliteMagic)]) != sqliteMagic {
		return nil, errors.New("it is no SQLite database")
	}
	db := &sqliteFile{data: data, size: int(binary.BigEndian.Uint16(data[16:]))}
	if db.size == 1 {
		db.size = 64 << 10
	}
	db.usable = db.size - int(data[20])
	if db.size < 512 || db.size&(db.size-1) != 0 || db.usable < 480 {
		return nil, fmt.Errorf("a page has %d bytes", db.size)
	}
	db.pages = uint32(len(data) / db.size)
	if n := binary.BigEndian.Uint32(data[28:]); n > db.pages && binary.BigEndian.Uint32(data[24:]) == binary.BigEndian.Uint32(data[92:]) && len(wal) == 0 {
		return nil, fmt.Errorf("it is cut short: %d pages of %d are there", db.pages, n)
	}
	if err := db.writeAhead(wal); err != nil {
		return nil, err
	}
	if encoding := binary.BigEndian.Uint32(data[56:]); encoding > 1 {
		return nil, fmt.Errorf("the encoding %d of texts is not known", encoding)
	}
	db.seen, db.tables, db.room = map[uint32]bool{}, map[string]table{}, uint64(len(data)+len(wal))
	err := db.walk(1, 0, func(row []cell) error {
		if len(row) >= 5 && string(row[0].bytes) == "table" && row[3].number > 0 && row[3].number <= int64(db.pages) {
			db.tables[string(row[1].bytes)] = table{uint32(row[3].number), columns(string(row[4].bytes))}
		}
		return nil
	})
	return db, err
}

// comments matches what SQL passes over.
var comments = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`(?s)/\*.*?\*/|--[^\n]*`) })

// columns reads the names of a table's columns from the statement that made it.
func columns(statement string) []string {
	_, list, _ := strings.Cut(comments().ReplaceAllString(statement, " "), "(")
	var out []string
	depth, first := 0, true
	for _, word := range strings.Fields(strings.NewReplacer("(", " ( ", ")", " ) ", ",", " , ").Replace(list)) {
		switch {
		case word == "(":
			depth++
		case word == ")":
			depth--
		case word == "," && depth == 0:
			first = true
		case first && depth == 0:
			out, first = append(out, strings.Trim(word, "\"'`[]")), false
		}
	}
	return out
}

// page gives the page of a number, once.
func (db *sqliteFile) page(n uint32) ([]byte, error) {
	if n == 0 || n > db.pages {
		return nil, fmt.Errorf("the page %d is not there", n)
	}
	if db.seen[n] {
		return nil, fmt.Errorf("the page %d is in two places", n)
	}
	db.seen[n] = true
	if p, ok := db.log[n]; ok {
		return p[:db.usable], nil
	}
	at := uint64(n-1) * uint64(db.size)
	if at+uint64(db.size) > uint64(len(db.data)) {
		return nil, fmt.Errorf("it is cut short: the page %d is missing", n)
	}
	return db.data[at:][:db.usable], nil
}

// rows gives the rows of a table to f, by the names of their columns; ok is
// false when there is no such table. A column that the table has not is 0.
func (db *sqliteFile) rows(name string, names []string, f func(row []cell) error) (ok bool, err error) {
	t, ok := db.tables[name]
	if !ok {
		return false, nil
	}
	at := make([]int, len(names))
	for i, n := range names {
		at[i] = -1
		for j, c := range t.columns {
			if strings.EqualFold(c, n) {
				at[i] = j
			}
		}
	}
	out := make([]cell, len(names))
	return true, db.walk(t.root, 0, func(row []cell) error {
		for i, j := range at {
			out[i] = cell{}
			if j >= 0 && j < len(row) {
				out[i] = row[j]
			}
		}
		return f(out)
	})
}

// walk reads the tree of a table.
func (db *sqliteFile) walk(n uint32, depth int, f func(row []cell) error) error {
	p, err := db.page(n)
	if err != nil {
		return err
	}
	if depth > maxDepth {
		return fmt.Errorf("the page %d lies too deep", n)
	}
	at := 0
	if n == 1 {
		at = sqliteHead
	}
	kind, cells, head := p[at], int(binary.BigEndian.Uint16(p[at+3:])), at+8
	if kind == sqliteInterior {
		head += 4
	}
	if kind != sqliteInterior && kind != sqliteLeaf || head+2*cells > len(p) {
		return fmt.Errorf("the page %d is damaged", n)
	}
	for i := range cells {
		c := int(binary.BigEndian.Uint16(p[head+2*i:]))
		if c+4 > len(p) {
			return fmt.Errorf("the page %d is damaged", n)
		}
		if kind == sqliteInterior {
			if err := db.walk(binary.BigEndian.Uint32(p[c:]), depth+1, f); err != nil {
				return err
			}
			continue
		}
		row, err := db.leaf(p, c)
		if err != nil {
			return fmt.Errorf("the page %d: %w", n, err)
		}
		if err := f(row); err != nil {
			return err
		}
	}
	if kind == sqliteInterior {
		return db.walk(binary.BigEndian.Uint32(p[at+8:]), depth+1, f)
	}
	return nil
}

// leaf reads a row: its size, its number, which no table here needs, and as
// much of it as fits on the page; the rest is on pages of its own.
func (db *sqliteFile) leaf(p []byte, at int) ([]cell, error) {
	rest := p[at:]
	size, n := varint(rest)
	_, m := varint(rest[n:])
	if n == 0 || m == 0 || size > db.room {
		return nil, errors.New("a row is damaged")
	}
	db.room -= size
	rest = rest[n+m:]
	most, least := db.usable-35, (db.usable-12)*32/255-23
	if size <= uint64(most) {
		if size > uint64(len(rest)) {
			return nil, errors.New("a row is damaged")
		}
		return record(rest[:size])
	}
	local := least + int((size-uint64(least))%uint64(db.usable-4))
	if local > most {
		local = least
	}
	if local+4 > len(rest) {
		return nil, errors.New("a row is damaged")
	}
	out := append(make([]byte, 0, size), rest[:local]...)
	for next := binary.BigEndian.Uint32(rest[local:]); uint64(len(out)) < size; {
		o, err := db.page(next)
		if err != nil {
			return nil, err
		}
		next = binary.BigEndian.Uint32(o)
		out = append(out, o[4:][:min(uint64(len(o)-4), size-uint64(len(out)))]...)
	}
	return record(out)
}

// record reads the values of a row: the types of all of them, then each.
func record(b []byte) ([]cell, error) {
	damaged := errors.New("a row is damaged")
	size, n := varint(b)
	if n == 0 || size > uint64(len(b)) || size < uint64(n) {
		return nil, damaged
	}
	types, values := b[n:size], b[size:]
	var out []cell
	for len(types) > 0 {
		kind, n := varint(types)
		if n == 0 {
			return nil, damaged
		}
		types = types[n:]
		var c cell
		var width uint64
		switch {
		case kind == 9:
			c.number = 1
		case kind >= 12:
			width = (kind - 12) / 2
		case kind < 8:
			width = []uint64{0, 1, 2, 3, 4, 6, 8, 8}[kind]
		}
		if width > uint64(len(values)) {
			return nil, damaged
		}
		if kind >= 12 {
			c.bytes = values[:width]
		} else {
			for i, v := range values[:width] {
				if i == 0 {
					c.number = int64(int8(v))
					continue
				}
				c.number = c.number<<8 | int64(v)
			}
		}
		values = values[width:]
		out = append(out, c)
	}
	return out, nil
}

// varint reads a number of up to nine bytes, and gives how many it took, 0 when
// they are cut short.
func varint(b []byte) (v uint64, n int) {
	for i := range min(len(b), 8) {
		v = v<<7 | uint64(b[i]&0x7f)
		if b[i] < 0x80 {
			return v, i + 1
		}
	}
	if len(b) < 9 {
		return 0, 0
	}
	return v<<8 | uint64(b[8]), 9
}

// Sizes of the write-ahead log (sqlite.org/walformat.html).
const (
	walHead  = 32
	walFrame = 24
)

// writeAhead takes the pages of transactions that were finished and not yet
// written back, as a process that was ended leaves them. The log ends at the
// first frame that does not belong to it.
func (db *sqliteFile) writeAhead(wal []byte) error {
	if len(wal) < walHead {
		return nil
	}
	be := binary.BigEndian
	var order binary.ByteOrder = binary.LittleEndian
	switch be.Uint32(wal) {
	case 0x377f0682:
	case 0x377f0683:
		order = be
	default:
		return errors.New("its write-ahead log is damaged")
	}
	var sum walSum
	sum.add(order, wal[:24])
	if sum.a != be.Uint32(wal[24:]) || sum.b != be.Uint32(wal[28:]) {
		return nil // SQLite takes nothing from it either
	}
	if int(be.Uint32(wal[8:])) != db.size {
		return errors.New("its write-ahead log has pages of another size")
	}
	salt := wal[16:24]
	open := map[uint32][]byte{}
	db.log = map[uint32][]byte{}
	for rest := wal[walHead:]; len(rest) >= walFrame+db.size; rest = rest[walFrame+db.size:] {
		page := rest[walFrame:][:db.size]
		sum.add(order, rest[:8])
		sum.add(order, page)
		if string(rest[8:16]) != string(salt) || sum.a != be.Uint32(rest[16:]) || sum.b != be.Uint32(rest[20:]) {
			break
		}
		open[be.Uint32(rest)] = page
		if pages := be.Uint32(rest[4:]); pages > 0 { // the end of a transaction
			for n, p := range open {
				db.log[n] = p
			}
			clear(open)
			db.pages = pages
		}
	}
	return nil
}

// A walSum is the checksum of a write-ahead log.
type walSum struct{ a, b uint32 }

func (s *walSum) add(order binary.ByteOrder, data []byte) {
	for ; len(data) >= 8; data = data[8:] {
		s.a += order.Uint32(data) + s.b
		s.b += order.Uint32(data[4:]) + s.a
	}
}
