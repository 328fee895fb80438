package gunzip

import (
	"encoding/binary"
	"fmt"
	"math/bits"
)

// Bits of codes that the first look into a table tells. Longer codes take a
// second look.
const (
	litBits  = 11
	distBits = 9
	most     = 15 // bits of a code (RFC 1951, section 3.2.7)
)

// An entry is what a table says of the bits that come: 5 bits how many are the
// code and its extra bits, 4 from bit 8 how many are the code, what it is, and
// from bit 16 a literal, the least length or distance, or where in the second
// table to look.
type entry = uint32

const (
	literal entry = 1 << (12 + iota)
	special       // neither a literal nor a match: one of the following or, with none, no code
	further
	ending
)

// codes are the two tables of a block.
type codes struct {
	lit     [1 << litBits]entry
	dist    [1 << distBits]entry
	litSub  []entry
	distSub []entry
	// bits of the second look
	litMore, distMore uint
}

// Symbols of lengths and distances (RFC 1951, section 3.2.5): the entries but
// for the bits of the code.
var literals, distances = symbols()

func symbols() (l [286]entry, d [30]entry) {
	for i := range 256 {
		l[i] = literal | entry(i)<<16 //nolint:gosec // a byte
	}
	l[256] = special | ending
	least := entry(3)
	for i := range entry(28) {
		extra := entry(0)
		if i >= 8 {
			extra = i/4 - 1
		}
		l[257+i] = least<<16 | extra
		least += 1 << extra
	}
	l[285] = 258 << 16
	least = 1
	for i := range entry(30) {
		extra := entry(0)
		if i >= 4 {
			extra = i/2 - 1
		}
		d[i] = least<<16 | extra
		least += 1 << extra
	}
	return l, d
}

// fixed makes the tables of RFC 1951, section 3.2.6.
func (c *codes) fixed() {
	var lengths [288]uint8
	for i := range lengths {
		switch {
		case i < 144:
			lengths[i] = 8
		case i < 256:
			lengths[i] = 9
		case i < 280:
			lengths[i] = 7
		default:
			lengths[i] = 8
		}
	}
	var far [32]uint8
	for i := range far {
		far[i] = 5
	}
	// They are complete.
	c.litSub, c.litMore, _ = table(c.lit[:], litBits, c.litSub, lengths[:], literals[:])
	c.distSub, c.distMore, _ = table(c.dist[:], distBits, c.distSub, far[:], distances[:])
}

// table makes the tables of canonical codes (RFC 1951, section 3.2.2) of the
// given lengths, for the given symbols; any further ones are no codes. It is
// not ok where there are more codes than fit, or fewer, but for a single one of
// one bit and for none, as Go has it.
func table(first []entry, look uint, second []entry, lengths []uint8, symbols []entry) (_ []entry, more uint, ok bool) {
	var counts, next [most + 2]int
	longest := uint(0)
	for _, l := range lengths {
		counts[l]++
		longest = max(longest, uint(l))
	}
	// What is no code is told by its first bit, unless there are no codes.
	none := special | entry(min(longest, 1)) //nolint:gosec // 0 or 1
	for i := range first {
		first[i] = none
	}
	second = second[:0]
	if longest == 0 {
		return second, 0, true
	}
	counts[0] = 0
	code := 0
	for l := 1; l <= most; l++ {
		code <<= 1
		next[l] = code
		if code += counts[l]; code > 1<<l {
			return second, 0, false
		}
	}
	if code != 1<<most && (longest != 1 || counts[1] != 1) {
		return second, 0, false
	}
	if longest > look {
		more = longest - look
	}
	for s, l := range lengths {
		if l == 0 {
			continue
		}
		reversed := bits.Reverse16(uint16(next[l])) >> (16 - l) //nolint:gosec // it has at most 15 bits
		next[l]++
		e := special | entry(l)
		if s < len(symbols) {
			e = symbols[s] + entry(l) | entry(l)<<8
		}
		if uint(l) <= look {
			for i := int(reversed); i < len(first); i += 1 << l {
				first[i] = e
			}
			continue
		}
		at := &first[reversed&(1<<look-1)]
		if *at&further == 0 { // the first of those that begin so
			*at = special | further | entry(len(second))<<16 //nolint:gosec // fewer than 2^16, by the number of symbols
			for range 1 << more {
				second = append(second, none)
			}
		}
		part := second[*at>>16:][:1<<more]
		for i := int(reversed >> look); i < len(part); i += 1 << (uint(l) - look) {
			part[i] = e
		}
	}
	return second, more, true
}

// order is that of the lengths of the codes for lengths (RFC 1951, section
// 3.2.7).
var order = [19]uint8{16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15}

// dynamic reads the codes of a block.
func (r *Reader) dynamic() error {
	head, err := r.take(14)
	if err != nil {
		return err
	}
	lits, dists, count := int(head&31)+257, int(head>>5&31)+1, int(head>>10)+4 //nolint:gosec // 14 bits
	if lits > len(literals) || dists > len(distances) {
		return fmt.Errorf("%w: too many codes", ErrCorrupt)
	}
	var clen [19]uint8
	for _, at := range order[:count] {
		v, err := r.take(3)
		if err != nil {
			return err
		}
		clen[at] = uint8(v) //nolint:gosec // 3 bits
	}
	var plain [19]entry
	for i := range plain {
		plain[i] = entry(i) << 16 //nolint:gosec // below 19
	}
	var first [1 << 7]entry
	if _, _, ok := table(first[:], 7, nil, clen[:], plain[:]); !ok {
		return fmt.Errorf("%w: lengths that are no code", ErrCorrupt)
	}
	var lengths [286 + 30]uint8
	all := lits + dists
	for i := 0; i < all; {
		e, err := r.symbol(&first)
		if err != nil {
			return err
		}
		var value uint8
		var least, extra uint
		switch s := e >> 16; s {
		default:
			lengths[i] = uint8(s) //nolint:gosec // below 16
			i++
			continue
		case 16:
			if i == 0 {
				return fmt.Errorf("%w: it repeats the length of no code", ErrCorrupt)
			}
			value, least, extra = lengths[i-1], 3, 2
		case 17:
			least, extra = 3, 3
		case 18:
			least, extra = 11, 7
		}
		v, err := r.take(extra)
		if err != nil {
			return err
		}
		times := int(least + v) //nolint:gosec // at most 138
		if i+times > all {
			return fmt.Errorf("%w: too many codes", ErrCorrupt)
		}
		for range times {
			lengths[i] = value
			i++
		}
	}
	c, ok := &r.codes, false
	if c.litSub, c.litMore, ok = table(c.lit[:], litBits, c.litSub, lengths[:lits], literals[:]); !ok {
		return fmt.Errorf("%w: lengths that are no code", ErrCorrupt)
	}
	if c.distSub, c.distMore, ok = table(c.dist[:], distBits, c.distSub, lengths[lits:all], distances[:]); !ok {
		return fmt.Errorf("%w: lengths that are no code", ErrCorrupt)
	}
	return nil
}

// symbol reads one of the codes for lengths.
func (r *Reader) symbol(first *[1 << 7]entry) (entry, error) {
	if err := r.need(7); err != nil {
		return 0, err
	}
	e := first[r.bits&(1<<7-1)]
	r.bits >>= e & 31
	r.n -= uint(e & 31)
	if e&special != 0 {
		return 0, fmt.Errorf("%w: a code that is none", ErrCorrupt)
	}
	return e, nil
}

// coded decodes symbols until the block ends or there is no room for more.
func (r *Reader) coded() error {
	var (
		c       = &r.codes
		in, out = r.in, r.out
		w, full = r.w, len(r.out) - slack
		held, n = r.bits, r.n
		pos     = r.pos
		top     = r.top()
		litMore = 1<<c.litMore - 1
		farMore = 1<<c.distMore - 1
	)
	for w <= full {
		if pos > top {
			r.bits, r.n, r.pos = held, n, pos
			if err := r.more(); err != nil {
				return err
			}
			held, n, pos, top = r.bits, r.n, r.pos, r.top()
		}
		// Now there are 56 bits or more: five of the codes that a first look tells.
		held |= binary.LittleEndian.Uint64(in[pos:]) << (n & 63)
		pos += int((63 - n) >> 3) //nolint:gosec // at most 7
		n |= 56
		e := c.lit[held&(1<<litBits-1)]
		if e&literal != 0 {
			held >>= e & 31
			n -= uint(e & 31)
			out[w] = byte(e >> 16)
			w++
			e = c.lit[held&(1<<litBits-1)]
			if e&literal != 0 {
				held >>= e & 31
				n -= uint(e & 31)
				out[w] = byte(e >> 16)
				w++
				e = c.lit[held&(1<<litBits-1)]
				if e&literal != 0 {
					held >>= e & 31
					n -= uint(e & 31)
					out[w] = byte(e >> 16)
					w++
					e = c.lit[held&(1<<litBits-1)]
					if e&literal != 0 {
						held >>= e & 31
						n -= uint(e & 31)
						out[w] = byte(e >> 16)
						w++
						continue
					}
				}
			}
			held |= binary.LittleEndian.Uint64(in[pos:]) << (n & 63)
			pos += int((63 - n) >> 3) //nolint:gosec // at most 7
			n |= 56
		}
		if e&special != 0 {
			if e&further != 0 {
				e = c.litSub[int(e>>16)+int(held>>litBits)&litMore] //nolint:gosec // few bits
			}
			switch {
			case e&literal != 0:
				held >>= e & 31
				n -= uint(e & 31)
				out[w] = byte(e >> 16)
				w++
				continue
			case e&ending != 0:
				held >>= e & 31
				n -= uint(e & 31)
				r.bits, r.n, r.pos, r.w, r.stage = held, n, pos, w, block
				return r.whole()
			case e&special != 0:
				return r.wrong(n-uint(e&31), pos, "a code that is none")
			}
		}
		// A match takes 15+5+15+13 bits at most.
		length := int(e>>16) + int(held&(1<<(e&31)-1)>>(e>>8&15)) //nolint:gosec // few bits
		held >>= e & 31
		n -= uint(e & 31)
		d := c.dist[held&(1<<distBits-1)]
		if d&special != 0 {
			if d&further != 0 {
				d = c.distSub[int(d>>16)+int(held>>distBits)&farMore] //nolint:gosec // few bits
			}
			if d&special != 0 {
				return r.wrong(n-uint(d&31), pos, "a distance that is none")
			}
		}
		far := int(d>>16) + int(held&(1<<(d&31)-1)>>(d>>8&15)) //nolint:gosec // few bits
		held >>= d & 31
		n -= uint(d & 31)
		if far > w-r.low {
			return r.wrong(n, pos, "a match before the beginning")
		}
		from, end := w-far, w+length
		if far >= 16 && length <= 16 { // most, so that nothing is to be foretold
			to, of := out[w:w+16:w+16], out[from:from+16:from+16]
			binary.LittleEndian.PutUint64(to, binary.LittleEndian.Uint64(of))
			binary.LittleEndian.PutUint64(to[8:], binary.LittleEndian.Uint64(of[8:]))
			w = end
			continue
		}
		if far < 8 {
			for ; w < end; w++ {
				out[w] = out[from]
				from++
			}
			continue
		}
		for ; w < end; w += 8 {
			binary.LittleEndian.PutUint64(out[w:], binary.LittleEndian.Uint64(out[from:]))
			from += 8
		}
		w = end
	}
	r.bits, r.n, r.pos, r.w = held, n, pos, w
	return r.whole()
}

// whole is an error where symbols of behind the end of the input were decoded.
func (r *Reader) whole() error {
	if r.overrun() {
		return r.ended()
	}
	return nil
}

// wrong is an error of the stream.
func (r *Reader) wrong(n uint, pos int, what string) error {
	r.n, r.pos = n, pos
	return fmt.Errorf("%w: %s", ErrCorrupt, what)
}
