package credential

import (
	"slices"
	"strings"
)

// HarmlessValue reports whether a value shows that it is no credential,
// whatever the name says: a switch, a path, an address, the fingerprint of a
// public key.
func HarmlessValue(value string) bool {
	v := strings.Trim(value, `"' `)
	switch strings.ToLower(v) {
	case "true", "false", "yes", "no", "on", "off", "none", "null", "nil", "0", "1":
		return true
	}
	switch {
	case strings.HasPrefix(v, "/") && strings.Count(v, "/") > 1 || strings.HasPrefix(v, "./") || strings.HasPrefix(v, "~/") || strings.HasPrefix(v, "file:"):
		return !strings.ContainsAny(v, "=+ ")
	case strings.Contains(v, "/") && keyFile(v), strings.HasSuffix(v, ".sh"):
		return true
	case strings.HasPrefix(v, "http://"), strings.HasPrefix(v, "https://"):
		return !strings.Contains(v, "@")
	}
	return fingerprints(v)
}

// Looks reports whether a value looks like a credential: not like a word, a
// number, a switch, a place or something to be filled in.
func Looks(value string) bool {
	v := strings.Trim(value, `"' `)
	return len(v) >= 6 && !strings.ContainsAny(v, "$`") && !Placeholder(v) && !HarmlessValue(v) && !Publishable(v) && !plain(v)
}

// plain reports whether text is made of words or is a number, as names of
// things are: build-only, alias/app, X-Auth, 3600, 1.2.3. Longer runs of letters
// than words have may have been drawn at random.
func plain(text string) bool {
	if strings.Trim(text, "0123456789.,:") == "" {
		return true
	}
	for _, w := range split(strings.ReplaceAll(text, "'", "")) {
		if strings.Trim(w, "abcdefghijklmnopqrstuvwxyz") != "" || len(w) < 2 || len(w) > 16 {
			return false
		}
	}
	return strings.Trim(strings.ToLower(text), "abcdefghijklmnopqrstuvwxyz-_./: @,") == ""
}

// numbered reports whether text is a short word with a number, as names of
// algorithms and versions are: argon2, RS256, v2, ed25519, 30s.
func numbered(text string) bool {
	return len(text) <= 12 && strings.Trim(strings.ToLower(text), "abcdefghijklmnopqrstuvwxyz0123456789-_.") == "" && turns(text) <= 2
}

// turns is how often letters and digits take turns.
func turns(text string) (n int) {
	for i := 1; i < len(text); i++ {
		if digit := text[i] >= '0' && text[i] <= '9'; digit != (text[i-1] >= '0' && text[i-1] <= '9') {
			n++
		}
	}
	return n
}

// publishable begin keys that are made to be shown: Stripe's publishable keys
// (docs.stripe.com/keys) and PostHog's project keys (posthog.com/docs/api), as of
// November 2026.
var publishable = []string{"pk_test_", "pk_live_", "phc_"}

// Publishable reports whether a value is a key that its service gives out for
// everybody to see.
func Publishable(value string) bool {
	v := strings.Trim(value, `"' `)
	return slices.ContainsFunc(publishable, func(prefix string) bool { return strings.HasPrefix(v, prefix) })
}

// keyFile reports whether text is the path of a file that a key may be in.
func keyFile(text string) bool {
	for _, ext := range []string{".key", ".pem", ".crt", ".json", ".txt", ".yaml", ".yml", ".p12", ".jks", ".asc", ".gpg", ".conf"} {
		if strings.HasSuffix(text, ext) {
			return true
		}
	}
	return false
}

// fingerprints reports whether text is one or more OpenPGP fingerprints or key
// ids (RFC 9580, section 5.5.4), which are public.
func fingerprints(text string) bool {
	words := strings.FieldsFunc(text, func(r rune) bool { return r == ' ' || r == ',' || r == '\t' })
	for _, w := range words {
		if !Fingerprint(w) {
			return false
		}
	}
	return len(words) > 0
}

// Fingerprint reports whether a word is an OpenPGP fingerprint of version 4, or
// a key id. One of version 6 has 64 digits, as keys of AES-256 have: only a name
// such as GPG_KEY tells them apart.
func Fingerprint(word string) bool {
	hex := strings.TrimPrefix(word, "0x")
	return (len(hex) == 40 || len(hex) == 16 && hex != word) && Hex(hex) && hex == strings.ToUpper(hex)
}

// Hex reports whether text has hexadecimal digits only, in one case.
func Hex(text string) bool {
	return text != "" && (strings.Trim(text, "0123456789abcdef") == "" || strings.Trim(text, "0123456789ABCDEF") == "")
}

// Digest reports whether text has the form of a checksum or of a commit, which
// Dockerfiles are full of.
func Digest(text string) bool {
	return slices.Contains([]int{32, 40, 56, 64, 96, 128}, len(text)) && Hex(text)
}

// Placeholder reports whether text stands for a credential in documentation and
// is none: <token>, YOUR_API_KEY, xxxxxxxx, ${TOKEN}.
func Placeholder(text string) bool {
	lower := strings.ToLower(text)
	for _, w := range []string{"example", "placeholder", "changeme", "change_me", "change-me", "replace_me", "replaceme", "your_", "your-", "yourpass", "dummy", "fake", "unused", "replaceit", "to-be-set", "tobeset", "not-a-secret", "not_a_secret", "notasecret", "xxxxxx", "redacted", "insert_", "<", "{{", "***", "..."} {
		if strings.Contains(lower, w) {
			return true
		}
	}
	return text == "" || strings.ContainsAny(text, "$%") && !strings.ContainsAny(text, "0123456789") || repeated(lower)
}

// repeated reports whether text is made of very few characters: 00000000.
func repeated(text string) bool {
	seen := map[rune]bool{}
	for _, r := range text {
		if r != '-' {
			seen[r] = true
		}
	}
	return len(text) >= 6 && len(seen) <= 2
}
