package rootfs

import (
	"bytes"
	"cmp"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// maxAccounts is how many lines of an account file are understood; the rest is
// left unread, so that a hostile file cannot fill the memory.
const maxAccounts = 100_000

// A User is one line of passwd(5).
type User struct {
	Name               string
	UID, GID           int
	Gecos, Home, Shell string
	Password           string // "" for one that shadow(5) has
}

// A Group is one line of group(5).
type Group struct {
	Name    string
	GID     int
	Members []string
}

// ParsePasswd reads passwd(5), with the leniency of the runtimes
// (github.com/moby/sys/user): fields at the end may be missing, and there may
// be more. Lines without a name or a valid number are skipped, as getpwent(3)
// does; of two accounts with one name both are returned. The error is for
// files with more lines than any image has.
func ParsePasswd(data []byte) ([]User, error) {
	var users []User
	err := eachLine(data, "passwd", func(f [7]string) {
		uid, ok := parseID(f[2])
		gid, ok2 := parseID(f[3])
		if f[3] == "" {
			gid, ok2 = 0, true
		}
		if ok && ok2 {
			users = append(users, User{Name: f[0], UID: uid, GID: gid, Gecos: f[4], Home: f[5], Shell: f[6]})
		}
	})
	return users, err
}

// ParseGroup reads group(5) in the same way as [ParsePasswd].
func ParseGroup(data []byte) ([]Group, error) {
	var groups []Group
	err := eachLine(data, "group", func(f [7]string) {
		gid, ok := parseID(f[2])
		if !ok {
			return
		}
		g := Group{Name: f[0], GID: gid}
		for m := range strings.SplitSeq(f[3], ",") {
			if m = strings.TrimSpace(m); m != "" {
				g.Members = append(g.Members, m)
			}
		}
		groups = append(groups, g)
	})
	return groups, err
}

// eachLine calls f with the fields of every line that may be an account; those
// that are missing are empty.
func eachLine(data []byte, what string, f func(fields [7]string)) error {
	n := 0
	for line := range bytes.Lines(data) {
		if n++; n > maxAccounts {
			return fmt.Errorf("reading %s: more than %d lines", what, maxAccounts)
		}
		text := strings.TrimSpace(string(line))
		if text == "" || strings.ContainsAny(text[:1], "#+-:") || strings.ContainsAny(text, "\x00\r") {
			// "+" and "-" begin NIS entries, which name no account here.
			continue
		}
		var fields [7]string
		copy(fields[:], strings.Split(text, ":"))
		if strings.ContainsFunc(fields[0], func(r rune) bool { return r <= ' ' || r == 0x7f }) {
			continue
		}
		f(fields)
	}
	return nil
}

// parseID reads a numeric id. The highest is not an id: it means "unchanged"
// to chown(2).
func parseID(s string) (int, bool) {
	n, err := strconv.ParseUint(s, 10, 32)
	if err != nil || n == math.MaxUint32 {
		return 0, false
	}
	return int(n), true
}

// FormatPasswd writes passwd(5). Passwords are "x" where none is given: nobody
// can log in to an image without a shadow file.
func FormatPasswd(users []User) []byte {
	var b bytes.Buffer
	for _, u := range users {
		fmt.Fprintf(&b, "%s:%s:%d:%d:%s:%s:%s\n", field(u.Name), cmp.Or(field(u.Password), "x"), u.UID, u.GID, field(u.Gecos), field(u.Home), field(u.Shell))
	}
	return b.Bytes()
}

// FormatGroup writes group(5).
func FormatGroup(groups []Group) []byte {
	var b bytes.Buffer
	for _, g := range groups {
		members := make([]string, len(g.Members))
		for i, m := range g.Members {
			members[i] = strings.ReplaceAll(field(m), ",", "")
		}
		fmt.Fprintf(&b, "%s:x:%d:%s\n", field(g.Name), g.GID, strings.Join(members, ","))
	}
	return b.Bytes()
}

// field keeps one value from becoming two fields or two lines.
func field(s string) string {
	return strings.NewReplacer(":", "", "\n", "", "\r", "", "\x00", "").Replace(s)
}
