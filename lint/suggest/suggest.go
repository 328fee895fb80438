// Package suggest finds the name that was most likely meant by one that does
// not exist.
package suggest

import (
	"slices"
	"strings"

	"github.com/agext/levenshtein"
)

// Name finds the nearest of the names that a user can write: at most half of
// the letters differ, or two. It ignores case and gives "" where none is near.
func Name(word string, among []string) string {
	near, least := "", max(2, len(word)/2)+1
	folded := strings.ToLower(word)
	for _, name := range among {
		if d := distance(folded, strings.ToLower(name), least); d < least {
			near, least = name, d
		}
	}
	return near
}

// Hint is Name as the second half of a message: the name that was meant, or all
// of them where none is near.
func Hint(word string, among []string) string {
	if near := Name(word, among); near != "" {
		return "did you mean " + near + "?"
	}
	return "there are " + strings.Join(among, ", ")
}

// Typo finds the name that another is a typo away from: at most two letters
// differ, and at least half do not. It is for names that users choose, where a
// likeness may be meant. It gives "" where there is none, and never the word
// itself.
func Typo(word string, among []string) string {
	near, least := "", min(len(word)/2, 2)+1
	for _, name := range among {
		if d := distance(word, name, least); d > 0 && d < least {
			near, least = name, d
		}
	}
	return near
}

// distance is the number of letters by which two names differ (Levenshtein),
// or at least limit.
func distance(a, b string, limit int) int {
	if d := len(a) - len(b); d >= limit || -d >= limit {
		return limit
	}
	return levenshtein.Distance(a, b, nil)
}

// Slip reports whether two names differ by a letter, by two that are swapped,
// or by case and underscores. Numbers tell names apart.
func Slip(a, b string) bool {
	if d := len(a) - len(b); d > 2 || d < -2 || digits(a) != digits(b) {
		return false
	}
	fold := func(s string) string { return strings.ReplaceAll(strings.ToLower(s), "_", "") }
	switch a, b = fold(a), fold(b); levenshtein.Distance(a, b, nil) {
	case 0, 1:
		return true
	case 2:
		letters, others := []byte(a), []byte(b)
		slices.Sort(letters)
		slices.Sort(others)
		return string(letters) == string(others)
	}
	return false
}

func digits(s string) string {
	return strings.Map(func(r rune) rune {
		if '0' <= r && r <= '9' {
			return r
		}
		return -1
	}, s)
}
