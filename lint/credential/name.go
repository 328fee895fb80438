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
	return secret(words) && !harmless(words) || bundler(name)
}

// bundler reports whether a name is that under which Bundler looks for the
// credentials of a host, with "__" for its dots (bundler.io/man/bundle-config.1.html,
// "Credentials for gem sources"): BUNDLE_GEMS__EXAMPLE__COM=user:password. Other
// settings have no host's last word at their end.
func bundler(name string) bool {
	host, ok := strings.CutPrefix(name, "BUNDLE_")
	last := strings.LastIndex(host, "__")
	return ok && last > 0 && slices.Contains([]string{"APP", "CLOUD", "COM", "DEV", "IO", "NET", "ORG"}, host[last+2:])
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
	"passcode", "pat", "privatekey", "psw", "pw", "pwd", "pword", "secret", "secrets", "secretkey", "accesskey", "token", "tokens",
}

// secretEnds end words that were written together: DBPASSWORD.
var secretEnds = []string{"password", "passwd", "rootpass", "dbpass", "userpass", "secret", "apikey", "authtoken", "accesstoken"}

func secret(words []string) bool {
	for i, w := range words {
		if w != "auth0" { // a company; others count what they have several of
			w = strings.TrimRight(w, "0123456789")
		}
		if slices.Contains(secretWords, w) {
			// "pat" and "pass" are ordinary words too, and "pw" a prefix of
			// Playwright's, unless they come last.
			if w != "pat" && w != "pass" && w != "pw" || i == len(words)-1 && i > 0 || len(words) == 1 && w == "pass" {
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
// about a credential and does not hold it: its provider, its rotation, its place.
// They are those of settings that programs document (Django's and NextAuth's,
// Spring Security's, Vault's, AWS KMS's, Keycloak's) and of names that users of
// linters reported as false alarms, as of November 2026.
var lastHarmless = strings.Fields(`
	accepted accepts age alg algo algorithm alias aliases attempts audience audiences backend backends bits bucket budget bundle cache callback
	challenge charset check checking checks checksum claim claims class cmd column command complexity context cost count curve days debug
	delimiter dir directory disabled domain domains driver duration enable enabled encoding endpoint endpoints engine env expiration expire
	expires expiry extractor factory field fields file filename files filter flow format function generator grant group groups handler hasher hashers
	header headers helper helpers history host hostname hosts hours id ids index interval issuer issuers iterations kind label labels layout leeway
	len length level lifetime limit limits listener location log manager map mapper mapping max md5 mechanism method methods min minutes mode
	module months ms name names namespace nonce operator order origin page parser path paths pattern period permissions plugin plugins policies
	policy port prefix processor prompt provider providers proxy realm redirect regex region renew renewal repository required reset resolver
	retries retry rewriter ring role roles root rotate rotation rounds route rule rules schedule schema scheme scope scopes seconds separator
	serializer server servers service sha sha1 sha256 sha512 size skew slots sock socket source sources state status storage store strategy
	strength style suffix sum supplier table template threshold timeout timezone tool transformer ttl type types unit uri uris url urls usage user
	username usernames validation validator validators validity variable version versions view warn warning warnings window years`)

// browserPrefixes begin the names that a framework copies into what it ships to
// browsers, so that nothing behind them can be a secret (the pages on environment
// variables of Next.js, Vite, Create React App, Nuxt, Expo, Gatsby, Vue CLI,
// SvelteKit, Astro, Storybook and Angular's ng-env, as of November 2026).
var browserPrefixes = []string{
	"NEXT_PUBLIC_", "VITE_", "REACT_APP_", "NUXT_PUBLIC_", "EXPO_PUBLIC_", "GATSBY_", "VUE_APP_", "PUBLIC_", "STORYBOOK_", "NG_APP_",
}

// Public reports whether a name is that of a value which is shipped to browsers.
func Public(name string) bool {
	return slices.ContainsFunc(browserPrefixes, func(prefix string) bool { return strings.HasPrefix(name, prefix) })
}

// Setting reports whether a variable is about a credential, going by a word of
// its name behind the one for a credential, and has a value that no credential
// has: TOKEN_BACKEND=vault, SECRET_ROUNDS=12.
func Setting(name, value string) bool {
	words := split(name)
	last := -1
	for i, w := range words {
		if secret([]string{"", w}) {
			last = i
		}
	}
	if last < 0 || last == len(words)-1 || slices.Contains(words, "access") && words[len(words)-1] == "id" {
		return false
	}
	v := strings.Trim(value, `"' `)
	return v != "" && !strings.ContainsAny(v, "$`") && (plain(v) || numbered(v))
}

// firstHarmless are words that make a switch of what follows.
var firstHarmless = []string{"allow", "disable", "enable", "generate", "has", "ignore", "is", "no", "require", "show", "skip", "use", "without"}

// harmlessPairs are neighbours that name something public. The last two lines
// are of what gitleaks' rule for names of no service lets pass
// (generic-api-key, v8.30): keys of tables and of keyboards, and tokens that a
// site gives to every visitor.
var harmlessPairs = [][2]string{
	{"gpg", "key"}, {"gpg", "keys"}, {"pgp", "key"}, {"pgp", "keys"}, {"pub", "key"}, {"site", "key"}, {"primary", "key"}, {"foreign", "key"},
	{"sort", "key"}, {"partition", "key"}, {"cache", "key"}, {"allow", "empty"}, {"random", "root"}, {"key", "server"}, {"key", "map"}, {"auth", "sock"},
	{"no", "auth"}, {"host", "key"}, {"signing", "fingerprint"}, {"token", "file"}, {"key", "vault"},
	{"bucket", "key"}, {"hot", "key"}, {"idx", "key"}, {"natural", "key"}, {"schema", "key"}, {"sequence", "key"}, {"issuer", "key"}, {"csrf", "token"},
	{"key", "board"}, {"key", "code"}, {"key", "down"}, {"key", "frame"}, {"key", "pair"}, {"key", "press"}, {"key", "pressed"}, {"key", "selector"}, {"key", "up"}, {"key", "word"},
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
		if w == "public" || w == "file" || w == "version" || w == "fingerprint" || w == "keyring" || w == "publishable" {
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
