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

// Fingerprint reports whether a word is an OpenPGP fingerprint.
func Fingerprint(word string) bool {
	hex := strings.TrimPrefix(word, "0x")
	return (len(hex) == 40 || len(hex) == 64 || len(hex) == 16 && hex != word) && Hex(hex) && hex == strings.ToUpper(hex)
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
	for _, w := range []string{"example", "placeholder", "changeme", "change_me", "change-me", "replace_me", "replaceme", "your_", "your-", "yourpass", "dummy", "fake", "unused", "not-a-secret", "not_a_secret", "notasecret", "xxxxxx", "redacted", "insert_", "<", "{{", "***", "..."} {
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
