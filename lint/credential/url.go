package credential

import (
	"regexp"
	"strings"
	"sync"
)

// parameter is a password among the parameters of a URL or of a connection
// string: ?password=…, ;Pwd=….
var parameter = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`(?i)[?&;](?:password|passwd|pwd)=([^&;\s"']+)`)
})

// connection is what a connection string of ADO.NET or ODBC names beside the
// password.
var connection = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`(?i)(?:^|;)\s*(?:server|host|data source|user id|uid|initial catalog|database|driver)\s*=`)
})

// URLPassword finds the password in the first URL or connection string of a text
// that has one: postgres://user:password@host. One that a variable stands for is
// none.
func URLPassword(text string) (password string, ok bool) {
	rest := text
	for {
		_, after, found := strings.Cut(rest, "://")
		if !found {
			break
		}
		rest = after
		authority := after
		if end := strings.IndexAny(authority, "/?# \t\n\"'`"); end >= 0 {
			authority = authority[:end]
		}
		at := strings.LastIndexByte(authority, '@')
		if at < 0 {
			continue
		}
		if _, password, has := strings.Cut(authority[:at], ":"); has && literal(password) {
			return password, true
		}
	}
	if !strings.ContainsAny(text, "?&;") || !strings.Contains(text, "=") || !strings.Contains(text, "://") && !connection().MatchString(text) {
		return "", false
	}
	if m := parameter().FindStringSubmatch(text); m != nil && literal(m[1]) {
		return m[1], true
	}
	return "", false
}

// literal reports whether text is there as it stands: not empty, and no variable
// or hint.
func literal(text string) bool {
	return text != "" && !strings.ContainsAny(text, "$<{[") && !strings.Contains(text, "%(") && strings.Trim(text, "*") != ""
}
