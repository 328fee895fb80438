// Package credential knows what credentials look like: the names of variables
// and files that hold them, the forms that services give them, and what looks
// like one and is none. It reads nothing: callers bring names and text.
package credential

import (
	"slices"
	"strings"
	"unicode"
)

// Name reports whether a variable, a label or a flag is called as something
// that holds a credential. Words are what "_", "-", "." and a change of case
// set apart. BuildKit's own check (SecretsUsedInArgOrEnv) takes no name that
// this does not, but for those of Harmless.
func Name(name string) bool {
	words := split(name)
	return secret(words) && !harmless(words)
}

// Harmless reports whether a name has a word of a credential in it and yet is
// known to hold none: a path to one, a public key, a socket.
func Harmless(name string) bool {
	words := split(name)
	return secret(words) && harmless(words)
}

// Certain is Name without the words that ordinary variables of a script have,
// too: a key may be one of a table, auth a word of a protocol.
func Certain(name string) bool {
	words := split(name)
	if !secret(words) || harmless(words) {
		return false
	}
	rest := slices.DeleteFunc(slices.Clone(words), func(w string) bool { return w == "key" || w == "auth" || w == "pass" || w == "cred" })
	if len(rest) > 0 && secret(rest) {
		return true
	}
	for i, w := range words {
		if w == "key" && i > 0 && slices.Contains([]string{"api", "access", "private", "secret", "auth", "encryption", "signing", "deploy"}, words[i-1]) {
			return true
		}
	}
	return false
}

// secretWords say by themselves what a variable holds.
var secretWords = []string{
	"apikey", "auth", "cred", "creds", "credential", "credentials", "key", "passphrase", "passwd", "password", "passwords", "pass",
	"passcode", "pat", "privatekey", "psw", "pwd", "pword", "secret", "secrets", "secretkey", "accesskey", "token", "tokens",
}

// secretEnds end words that were written together: DBPASSWORD.
var secretEnds = []string{"password", "passwd", "rootpass", "dbpass", "userpass", "secret", "apikey", "authtoken", "accesstoken"}

func secret(words []string) bool {
	for i, w := range words {
		if slices.Contains(secretWords, w) {
			// "pat" and "pass" are ordinary words too, unless they come last.
			if w != "pat" && w != "pass" || i == len(words)-1 && i > 0 || len(words) == 1 && w == "pass" {
				return true
			}
		}
		if slices.ContainsFunc(secretEnds, func(end string) bool { return strings.HasSuffix(w, end) }) {
			return true
		}
	}
	return false
}

// lastHarmless are words that, when they come last, say that the variable is
// about a credential and does not hold it.
var lastHarmless = []string{
	"age", "alg", "algo", "algorithm", "attempts", "bits", "charset", "check", "checking", "checksum", "class", "cmd", "command", "count",
	"dir", "directory", "disabled", "duration", "enable", "enabled", "encoding", "endpoint", "env", "expiration", "expires", "expiry",
	"file", "filename", "files", "format", "group", "header", "host", "hostname", "id", "ids", "interval", "issuer", "length", "len", "lifetime", "limit",
	"location", "manager", "max", "md5", "method", "methods", "min", "mode", "module", "name", "names", "path", "paths", "pattern", "permissions",
	"plugin", "policy", "port", "prefix", "prompt", "provider", "realm", "regex", "region", "required", "retries", "ring", "rotation", "scheme",
	"scope", "scopes", "server", "service", "sha1", "sha256", "sha512", "sha", "size", "sock", "socket", "store", "suffix", "sum", "timeout", "ttl",
	"type", "types", "unit", "uri", "url", "urls", "user", "username", "validity", "variable", "version",
}

// firstHarmless are words that make a switch of what follows.
var firstHarmless = []string{"allow", "disable", "enable", "generate", "has", "ignore", "is", "no", "require", "show", "skip", "use", "without"}

// harmlessPairs are neighbours that name something public.
var harmlessPairs = [][2]string{
	{"gpg", "key"}, {"gpg", "keys"}, {"pgp", "key"}, {"pgp", "keys"}, {"pub", "key"}, {"site", "key"}, {"primary", "key"}, {"foreign", "key"},
	{"sort", "key"}, {"partition", "key"}, {"cache", "key"}, {"allow", "empty"}, {"random", "root"}, {"key", "server"}, {"key", "map"}, {"auth", "sock"},
	{"no", "auth"}, {"host", "key"}, {"signing", "fingerprint"}, {"token", "file"}, {"key", "vault"},
}

func harmless(words []string) bool {
	last := words[len(words)-1]
	switch {
	case len(words) <= 2 && (last == "pwd" && (len(words) == 1 || words[0] == "old")):
		return true // the shell's own
	case slices.Contains(words, "access") && slices.Contains(words, "key") && last == "id":
		return false // AWS_ACCESS_KEY_ID is half of a pair that belongs together
	case slices.Contains(lastHarmless, last), slices.Contains(firstHarmless, words[0]):
		return true
	}
	for i, w := range words {
		if w == "max" || w == "min" { // of tokens, as a rule
			return true
		}
		// BuildKit lets these pass wherever they stand.
		if w == "public" || w == "file" || w == "version" || w == "fingerprint" || w == "keyring" {
			return true
		}
		if i+1 < len(words) && slices.Contains(harmlessPairs, [2]string{w, words[i+1]}) {
			return true
		}
	}
	return false
}

// split cuts a name into its words, in lower case.
func split(name string) []string {
	runes := []rune(name)
	var out []string
	start := 0
	cut := func(end int) {
		if end > start {
			out = append(out, strings.ToLower(string(runes[start:end])))
		}
	}
	for i, r := range runes {
		switch {
		case !unicode.IsLetter(r) && !unicode.IsDigit(r):
			cut(i)
			start = i + 1
		case i > start && unicode.IsUpper(r) && (unicode.IsLower(runes[i-1]) || unicode.IsUpper(runes[i-1]) && i+1 < len(runes) && unicode.IsLower(runes[i+1])):
			cut(i)
			start = i
		}
	}
	cut(len(runes))
	if len(out) == 0 {
		return []string{""}
	}
	return out
}
