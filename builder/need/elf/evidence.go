package elf

import (
	"slices"
	"strings"
)

// Evidence is what a program shows that it uses, each as words that follow the
// name of the program, "" where nothing shows.
type Evidence struct {
	Certificates, Zones, Users, Groups, Temp, Shell string
	Names                                           string // accounts by their name, so any of them
	MIME, Services, Protocols                       string // tables of /etc
	Run                                             string // process numbers and sockets, by their old place
}

// goFunctions are Go functions that stand for a need. They are the last before
// the file is read, so that the linker drops them from programs that never do.
var goFunctions = []struct {
	need  func(*Evidence) *string
	names []string
	not   string // a package whose presence makes up for the file
}{
	{func(e *Evidence) *string { return &e.Certificates }, []string{"crypto/x509.loadSystemRoots", "crypto/x509.(*Certificate).systemVerify", "crypto/x509.SystemCertPool"}, "golang.org/x/crypto/x509roots/fallback.init.0"},
	{func(e *Evidence) *string { return &e.Zones }, []string{"time.LoadLocation"}, "time/tzdata.init.0"},
	{func(e *Evidence) *string { return &e.Users }, []string{"os/user.Current", "os/user.Lookup", "os/user.LookupId", "os/user.lookupUser", "os/user.lookupUserId", "os.UserHomeDir", "os.UserConfigDir", "os.UserCacheDir"}, ""},
	{func(e *Evidence) *string { return &e.Groups }, []string{"os/user.LookupGroup", "os/user.LookupGroupId", "os/user.lookupGroup"}, ""},
	{func(e *Evidence) *string { return &e.Names }, []string{"os/user.Lookup", "os/user.lookupUser", "os/user.LookupGroup", "os/user.lookupGroup"}, ""},
	{func(e *Evidence) *string { return &e.Temp }, []string{"os.MkdirTemp", "os.CreateTemp", "os.TempDir"}, ""},
	{func(e *Evidence) *string { return &e.MIME }, []string{"mime.TypeByExtension", "mime.ExtensionsByType"}, ""},
}

// cFunctions are imported functions that stand for a need.
var cFunctions = []struct {
	need  func(*Evidence) *string
	names []string
}{
	{func(e *Evidence) *string { return &e.Certificates }, []string{"SSL_CTX_set_default_verify_paths", "SSL_CTX_load_verify_locations", "gnutls_certificate_set_x509_system_trust", "curl_easy_init", "curl_global_init"}},
	{func(e *Evidence) *string { return &e.Zones }, []string{"tzset", "localtime", "localtime_r", "mktime"}},
	{func(e *Evidence) *string { return &e.Users }, []string{"getpwnam", "getpwnam_r", "getpwuid", "getpwuid_r", "getpwent", "getlogin", "wordexp"}},
	{func(e *Evidence) *string { return &e.Groups }, []string{"getgrnam", "getgrnam_r", "getgrgid", "getgrgid_r", "initgroups"}},
	{func(e *Evidence) *string { return &e.Names }, []string{"getpwnam", "getpwnam_r", "getgrnam", "getgrnam_r", "getpwent", "getgrent", "initgroups"}},
	{func(e *Evidence) *string { return &e.Temp }, []string{"mkstemp", "mkstemp64", "mkostemp", "mkdtemp", "tmpfile", "tmpfile64", "tmpnam", "tempnam"}},
	{func(e *Evidence) *string { return &e.Shell }, []string{"system", "popen"}},
	{func(e *Evidence) *string { return &e.Services }, []string{"getservbyname", "getservbyname_r", "getservbyport", "getservbyport_r"}},
	{func(e *Evidence) *string { return &e.Protocols }, []string{"getprotobyname", "getprotobyname_r", "getprotobynumber"}},
}

// texts are what a program that is not Go's holds as text. What a static one
// has linked in shows in no other way; a dynamic one shows calls instead, but
// may have a TLS or time library inside.
var texts = []struct {
	need   func(*Evidence) *string
	text   string
	static bool // says something of static programs alone
}{
	{func(e *Evidence) *string { return &e.Certificates }, "/etc/ssl/certs", false},
	{func(e *Evidence) *string { return &e.Certificates }, "/etc/ssl/cert.pem", false},
	{func(e *Evidence) *string { return &e.Zones }, "/usr/share/zoneinfo", false},
	{func(e *Evidence) *string { return &e.Temp }, "/tmp/", false},
	{func(e *Evidence) *string { return &e.Run }, varRun, false},
	{func(e *Evidence) *string { return &e.Run }, "\x00/run/", false},
	{func(e *Evidence) *string { return &e.Users }, "/etc/passwd", true},
	{func(e *Evidence) *string { return &e.Names }, "/etc/passwd", true},
	{func(e *Evidence) *string { return &e.Groups }, "/etc/group", true},
	{func(e *Evidence) *string { return &e.Shell }, "/bin/sh", true},
	{func(e *Evidence) *string { return &e.Services }, "/etc/services", true},
	{func(e *Evidence) *string { return &e.Protocols }, "/etc/protocols", true},
}

// Asks says why a program may ask who runs it and where its home is, as words
// that follow its name; "" when it provably does not.
func (i *Info) Asks() string {
	switch {
	case i.asksNothing:
		return ""
	case i.Go != nil:
		return "is a Go program"
	case i.Interp != "" || i.dynamic:
		return "has a C library"
	case i.Unknown != "":
		return i.Unknown
	}
	return "may have a C library in it"
}

// varRun is the old name of /run, which distributions keep as a link. Of Go
// programs it is the one text that is looked for: functions do not show it.
const varRun = "/var/run/"

// Evidence says what the file shows that it uses. Where it does not show it,
// that is everything.
func (i *Info) Evidence() Evidence {
	e := i.shown()
	if i.Unknown == "" {
		return e
	}
	for _, field := range []*string{&e.Certificates, &e.Zones, &e.Users, &e.Groups, &e.Names, &e.Temp, &e.MIME, &e.Services, &e.Protocols, &e.Run} {
		if *field == "" {
			*field = i.Unknown + ", so it may need this"
		}
	}
	if e.Shell == "" && i.Go == nil {
		e.Shell = i.Unknown + ", so it may run commands"
	}
	return e
}

func (i *Info) shown() Evidence {
	var e Evidence
	if i.Go != nil {
		for _, f := range goFunctions {
			if f.not != "" && i.Go.Has(f.not) {
				continue
			}
			for _, n := range f.names {
				if i.Go.Has(n) && *f.need(&e) == "" {
					*f.need(&e) = "links " + n
				}
			}
		}
	}
	for _, f := range cFunctions {
		for _, n := range f.names {
			if _, ok := slices.BinarySearch(i.Imports, n); ok && *f.need(&e) == "" && (i.Go == nil || n != "system") {
				*f.need(&e) = "calls " + n
			}
		}
	}
	for _, t := range texts {
		if slices.Contains(i.words, t.text) && (!t.static || i.Interp == "") && *t.need(&e) == "" {
			*t.need(&e) = "names " + strings.TrimSuffix(strings.Trim(t.text, "\x00"), "/")
		}
	}
	return e
}
