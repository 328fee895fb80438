// Package terminfo knows the terminal descriptions that programs of the screen
// read (terminfo(5)).
package terminfo

import (
	"context"
	"errors"
	"fmt"
	"path"
	"strings"

	"github.com/whittle-oci/whittle/builder/need"
	"github.com/whittle-oci/whittle/builder/need/elf"
	"github.com/whittle-oci/whittle/builder/packages"
	"github.com/whittle-oci/whittle/builder/tree"
)

// A Provider answers for programs that describe terminals, but for those of the
// base system: a shell in an image is seldom typed into.
type Provider struct {
	db  *packages.DB
	elf *elf.Files
}

// New returns a provider over the package database of the tree.
func New(db *packages.DB, files *elf.Files) Provider { return Provider{db, files} }

// Claims implements need.Provider.
func (Provider) Claims(v need.Visit) bool {
	return (v.Need.Kind == need.Program || v.Need.Kind == need.Module && ofPython(v.Path)) && strings.HasPrefix(string(v.Head), "\x7fELF")
}

// ofPython reports whether a module is of Python's standard library, in which
// readline and curses read descriptions. Other modules are for who loads them.
func ofPython(name string) bool { return path.Base(path.Dir(name)) == "lib-dynload" }

// common are the terminals for a language, whose programs seldom draw on one.
var common = []string{"dumb", "linux", "screen", "tmux-256color", "vt100", "xterm", "xterm-256color"}

// functions read descriptions (curs_terminfo(3X), curs_termcap(3X),
// curs_initscr(3X)).
var functions = []string{"initscr", "newterm", "setupterm", "tgetent", "tigetstr", "tigetnum", "del_curterm", "rl_initialize", "readline", "el_init"}

// libraries read them for who links them.
var libraries = []string{"libtinfo.so", "libtinfow.so", "libncurses.so", "libncursesw.so", "libterminfo.so", "libslang.so", "libedit.so", "libreadline.so"}

// places are where descriptions are (ncurses' defaults of Debian, Alpine and
// Fedora; 2026-11).
var places = []string{"/etc/terminfo", "/lib/terminfo", "/usr/share/terminfo", "/usr/lib/terminfo"}

// terminals are those that people attach with: what Debian's ncurses-base holds
// (6.4).
var terminals = strings.Fields("Eterm Eterm-color alacritty ansi cons25 cygwin dumb foot hurd konsole linux mach mach-bold mach-color pcansi rxvt rxvt-basic rxvt-color rxvt-unicode rxvt-unicode-256color screen screen-256color screen-256color-bce screen-bce screen-s screen-w screen.xterm-256color st st-256color sun tmux tmux-256color vt100 vt102 vt220 vt52 wsvt25 wsvt25m xterm xterm-256color xterm-color xterm-debian xterm-kitty xterm-mono xterm-r5 xterm-r6 xterm-vt220 xterm-xfree86")

// Needs implements need.Provider.
func (p Provider) Needs(ctx context.Context, env *need.Env, v need.Visit) (need.Found, error) {
	var out need.Found
	info, err := p.elf.Info(ctx, env.Tree, v.Path)
	if errors.Is(err, elf.ErrNotELF) || errors.Is(err, elf.ErrBroken) || env.NoEvidence {
		return out, nil
	}
	if err != nil {
		return out, err
	}
	shows := info.Calls(functions...)
	for _, n := range info.Needed {
		for _, l := range libraries {
			if shows == "" && strings.HasPrefix(n, l) {
				shows = n
			}
		}
	}
	if shows == "" {
		return out, nil
	}
	if _, base, err := p.db.OfBaseSystem(ctx, v.Path); base || err != nil {
		return out, err
	}
	wanted := terminals
	if ofPython(v.Path) {
		wanted = common
	}
	if t, ok := env.Getenv("TERM"); ok && t != "" && !strings.Contains(t, "/") {
		wanted = append([]string{t}, wanted...)
	}
	for _, t := range wanted {
		for _, place := range places {
			// Names begin with their first letter, or its number where file
			// names do not tell cases apart.
			for _, dir := range []string{t[:1], fmt.Sprintf("%x", t[0])} {
				name := path.Join(place, dir, t)
				_, err := tree.Resolve(ctx, env.Tree, name)
				if need.Missing(err) {
					continue
				}
				if err != nil {
					return out, err
				}
				out.Needs = append(out.Needs, need.Need{Kind: need.Data, Path: name, By: v.Path, Reason: fmt.Sprintf("terminal description, for %s of %s", shows, v.Path), Strength: need.Expected, Droppable: true})
			}
		}
	}
	return out, nil
}
