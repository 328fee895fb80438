package secrets

import (
	"bytes"

	"github.com/whittle-oci/whittle/lint/credential"
)

// suspicious reports whether a line is worth the detector's time: it has a
// word that could have been drawn at random. Checksums and commits look so
// too, and Dockerfiles are full of them; they count only beside a word that
// speaks of a credential.
func suspicious(line []byte) bool {
	for at := 0; at < len(line); {
		end := at
		for end < len(line) && inToken(line[end]) {
			end++
		}
		if end-at >= minToken && random(line[at:end]) {
			word := string(line[at:end])
			if !credential.Digest(word) && !uuid(word) || speaks(line) {
				return true
			}
		}
		at = end + 1
	}
	return false
}

// minToken is how long a credential is at least that is told by its value, in
// characters. Shorter ones are told by the name they have.
const minToken = 16

func inToken(c byte) bool {
	return kind(c) != other || c == '_' || c == '-' || c == '+' || c == '~'
}

const (
	other = iota
	small
	capital
	digit
)

func kind(c byte) int {
	switch {
	case 'a' <= c && c <= 'z':
		return small
	case 'A' <= c && c <= 'Z':
		return capital
	case '0' <= c && c <= '9':
		return digit
	}
	return other
}

// minTurns is how often the kind of character changes in a word drawn at
// random, at least. Names of packages and platforms change less.
const minTurns = 4

func random(word []byte) bool {
	turns, last, digits := 0, other, 0
	for _, c := range word {
		k := kind(c)
		if k == other {
			continue
		}
		if k == digit {
			digits++
		}
		if last != other && k != last {
			turns++
		}
		last = k
	}
	return turns >= minTurns && digits > 1
}

func uuid(word string) bool {
	return len(word) == 36 && word[8] == '-' && word[13] == '-' && word[18] == '-' && word[23] == '-'
}

// speaks reports whether a line has a word for a credential in it.
func speaks(line []byte) bool {
	lower := bytes.ToLower(line)
	for _, w := range []string{"key", "token", "secret", "passw", "auth", "cred", "api"} {
		if bytes.Contains(lower, []byte(w)) {
			return true
		}
	}
	return false
}
