package format

import (
	"strconv"
	"unicode/utf16"
)

// The hash of GitHub's upload-sarif action: over so many characters, by powers
// of such a base modulo 2^64.
const (
	hashedCharacters = 100
	hashBase         = 37
)

// lineHashes gives the primaryLocationLineHash of every line of a text, the first
// at index 0. It is the only fingerprint that GitHub's code scanning matches alerts
// by: its upload-sarif action adds it where a report has none, and its API adds
// nothing, so that alerts double there. The hash is over the first 100 UTF-16 code
// units from the start of the line on, without blanks and tabs, with ends of lines
// as \n, U+FFFF for the end of the file and zeros behind it; behind a colon stands
// how often it has come so far (github.com/github/codeql-action, src/fingerprints.ts,
// 2026-08).
func lineHashes(text []byte) []string {
	units, starts := hashedUnits(text)
	var leaving uint64 = 1 // the factor of the unit that leaves the window
	for range hashedCharacters {
		leaving *= hashBase
	}
	var hash uint64
	for _, u := range units[:hashedCharacters] {
		hash = hash*hashBase + uint64(u)
	}
	seen := map[uint64]int{}
	out := make([]string, 0, len(starts))
	at := 0
	for _, start := range starts {
		for ; at < start; at++ {
			hash = hash*hashBase + uint64(units[at+hashedCharacters]) - leaving*uint64(units[at])
		}
		seen[hash]++
		out = append(out, strconv.FormatUint(hash, 16)+":"+strconv.Itoa(seen[hash]))
	}
	return out
}

// hashedUnits gives what is hashed of a text, with the zeros behind its end, and
// where each line starts in it.
func hashedUnits(text []byte) (units []uint16, starts []int) {
	fresh, afterReturn := true, false
	add := func(u uint16) {
		if fresh {
			starts = append(starts, len(units))
		}
		units = append(units, u)
		fresh = u == '\n'
	}
	for _, u := range utf16.Encode([]rune(string(text))) {
		skipped := u == ' ' || u == '\t' || afterReturn && u == '\n'
		afterReturn = u == '\r'
		switch {
		case skipped:
		case afterReturn:
			add('\n')
		default:
			add(u)
		}
	}
	add(0xffff)
	return append(units, make([]uint16, hashedCharacters)...), starts
}
