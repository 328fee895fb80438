package named

import (
	"context"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/whittle-oci/whittle/builder/need"
	"github.com/whittle-oci/whittle/builder/rootfs"
	"github.com/whittle-oci/whittle/builder/tree"
)

// loginPrograms let people in from outside and start the shell of their account
// (sshd(8), dropbear(8), login(1), telnetd(8), mosh-server(1), shellinaboxd(1);
// read in 2026).
var loginPrograms = []string{"sshd", "sshd-session", "dropbear", "login", "in.telnetd", "telnetd", "mosh-server", "shellinaboxd"}

const (
	maxAccounts = 1 << 20 // bytes of passwd(5)
	firstPerson = 1000    // the first number of an account of people (login.defs(5), UID_MIN)
	nobody      = 65534
)

// logins asks for the shells of the people whom a program lets in, and says that
// what they type cannot be seen.
func (p *Provider) logins(ctx context.Context, env *need.Env, program string, out *need.Found) error {
	if !slices.Contains(loginPrograms, path.Base(program)) {
		return nil
	}
	text, err := tree.ReadOptional(ctx, env.Tree, "/etc/passwd", maxAccounts)
	if err != nil || text == nil {
		return err
	}
	users, err := rootfs.ParsePasswd(text)
	if err != nil {
		return nil //nolint:nilerr // who makes the account files says what is wrong with it
	}
	var shells, people []string
	for _, u := range users {
		if u.UID < firstPerson || u.UID == nobody || !path.IsAbs(u.Shell) || slices.Contains([]string{"nologin", "false", "true", "sync"}, path.Base(u.Shell)) {
			continue
		}
		people = append(people, u.Name)
		if slices.Contains(shells, u.Shell) {
			continue
		}
		shells = append(shells, u.Shell)
		out.Needs = append(out.Needs, need.Need{Kind: need.Program, Path: u.Shell, By: program, Reason: fmt.Sprintf("shell of %s, whom %s lets in", u.Name, program), Strength: need.Optional, Shell: true})
	}
	if len(people) > 0 {
		warn(out, fmt.Sprintf("%s lets in %s, who have %s in the image and no commands but those that something else runs", program, strings.Join(people, ", "), strings.Join(shells, ", ")), "include: the commands that are run in a session, such as /usr/bin/scp and /bin/ls")
	}
	return nil
}
