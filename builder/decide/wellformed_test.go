package decide_test

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/whittle-oci/whittle/builder/decide"
	"github.com/whittle-oci/whittle/builder/image"
	"github.com/whittle-oci/whittle/builder/need/elf/elftest"
	"github.com/whittle-oci/whittle/builder/tree"
)

var numericUser = regexp.MustCompile(`^([0-9]+):([0-9]+)$`)

// wellFormed holds a plan to what is true of every plan, and to being the same
// each time.
func wellFormed(t *testing.T, in decide.Input, p *image.Plan) {
	t.Helper()
	kinds := map[string]image.Type{}
	for _, e := range p.Entries {
		kinds[e.Path] = e.Type
	}
	uid, gid := 0, 0
	if m := numericUser.FindStringSubmatch(p.Config.User); m != nil {
		fmt.Sscan(m[1], &uid)
		fmt.Sscan(m[2], &gid)
	} else if p.Config.User != "" {
		t.Errorf("the user %q is not in numbers", p.Config.User)
	}
	for i, e := range p.Entries {
		if i > 0 && p.Entries[i-1].Path >= e.Path {
			t.Errorf("%s is not in order", e.Path)
		}
		if !path.IsAbs(e.Path) || path.Clean(e.Path) != e.Path || e.Path == "/" {
			t.Errorf("%q is no clean path", e.Path)
		}
		if dir := path.Dir(e.Path); dir != "/" && kinds[dir] != image.Dir {
			t.Errorf("%s lies in %s, which is %q", e.Path, dir, kinds[dir])
		}
		if first, ok := p.Find(e.Hardlink); e.Hardlink != "" && (!ok || first.Path >= e.Path || first.Hardlink != "" || e.Size != 0 || first.Mode != e.Mode || first.UID != e.UID || first.GID != e.GID) {
			t.Errorf("%+v is a hard link to %+v", e, first)
		}
		if e.Reason == "" {
			t.Errorf("%s has no reason", e.Path)
		}
		if e.Type == image.Symlink && e.Linkname == "" || e.Type == image.File && e.Source == "" && int64(len(e.Data)) != e.Size {
			t.Errorf("%s: %+v", e.Path, e)
		}
		if e.Type != image.Symlink && uid != 0 && !mayRead(e, uid, gid) {
			t.Errorf("%d:%d may not read %s, %s %d:%d", uid, gid, e.Path, e.ModeText, e.UID, e.GID)
		}
		sourceOf(t, in, p, e)
		if slices.Contains(p.Programs, e.Path) && (e.UID != 0 || e.GID != 0 || e.Mode&0o022 != 0) {
			t.Errorf("the program %s is %s %d:%d", e.Path, e.ModeText, e.UID, e.GID)
		}
	}
	layered(t, p)
	for _, l := range p.Layers {
		from := in.Tree
		if l.Base {
			from = in.Base
		}
		for _, c := range l.Subtrees {
			copied(t, l, c)
			divided(t, from, c)
		}
	}
	record(t, in.Tree, in.Base, p)
	for seed := range uint64(6) {
		again, err := decide.Decide(t.Context(), in)
		if seed > 0 { // the closure looks at needs in another order
			again, err = decide.Shuffled(t.Context(), in, seed)
		}
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(mustJSON(t, p), mustJSON(t, again)); d != "" {
			t.Fatalf("the same input gave another plan with the order %d:\n%s", seed, d)
		}
	}
}

// copies gives the copies of all layers.
func copies(p *image.Plan) (out []image.Subtree) {
	for _, l := range p.Layers {
		out = append(out, l.Subtrees...)
	}
	return out
}

// layered holds the layers to the plan: one on the other they give what it has,
// every file once, and each has the directories that its files lie in.
func layered(t *testing.T, p *image.Plan) {
	t.Helper()
	all := map[string]image.Entry{}
	for _, l := range p.Layers {
		here := map[string]bool{}
		for i, e := range l.Entries {
			if i > 0 && l.Entries[i-1].Path >= e.Path {
				t.Errorf("%s is not in order in the layer %q", e.Path, l.Name)
			}
			here[e.Path] = true
			if dir := path.Dir(e.Path); dir != "/" && !here[dir] {
				t.Errorf("the layer %q has %s and not its directory", l.Name, e.Path)
			}
			if _, ok := all[e.Path]; ok && e.Type != image.Dir {
				t.Errorf("%s is in two layers", e.Path)
			}
			if e.Hardlink != "" && !here[e.Hardlink] {
				t.Errorf("%s is a hard link to a file of another layer", e.Path)
			}
			all[e.Path] = e
		}
	}
	if len(all) != len(p.Entries) {
		t.Errorf("the layers hold %d paths, the plan %d", len(all), len(p.Entries))
	}
	for _, e := range p.Entries {
		if d := cmp.Diff(e, all[e.Path]); d != "" {
			t.Errorf("the layers have another %s (-plan +layers):\n%s", e.Path, d)
		}
	}
}

// copied holds a copy of a whole directory to the layer that it is of.
func copied(t *testing.T, l image.Layer, c image.Subtree) {
	t.Helper()
	has := map[string]image.Entry{}
	for _, e := range l.Entries {
		has[e.Path] = e
	}
	for m := range c.Members {
		if e := has[m]; e.Path == "" || e.Source != m || e.UID != c.UID || e.GID != c.GID || !strings.HasPrefix(m, c.Root+"/") {
			t.Errorf("the copy of %s takes %s along: %+v", c.Root, m, e)
		}
	}
	for dir := range c.Dirs {
		if e := has[dir]; e.Type != image.Dir || e.Source != dir || e.UID != c.UID || e.GID != c.GID || !strings.HasPrefix(dir, c.Root+"/") {
			t.Errorf("the copy of %s gives the directory %s: %+v", c.Root, dir, e)
		}
	}
}

// divided holds a copy to the tree: every file below its root that is no
// directory is a member, or is excluded.
func divided(t *testing.T, tr tree.Tree, c image.Subtree) {
	t.Helper()
	found := 0
	err := tree.Walk(t.Context(), tr, c.Root, func(name string, e tree.Entry) error {
		excluded := slices.Contains(c.Exclude, strings.TrimPrefix(name, c.Root+"/"))
		switch {
		case c.Members[name] && (excluded || e.IsDir()), !c.Members[name] && !excluded && !e.IsDir():
			t.Errorf("the copy of %s has %s (%s) as a member: %v, excluded: %v", c.Root, name, e.Mode, c.Members[name], excluded)
		case c.Members[name]:
			found++
		case excluded && e.IsDir():
			return tree.SkipDir
		}
		return nil
	})
	if err != nil || found != len(c.Members) {
		t.Errorf("the copy of %s has %d members, of which the tree has %d, %v", c.Root, len(c.Members), found, err)
	}
}

// sourceOf holds an entry to the file that it comes from: no bit starts a
// program as somebody that the source did not start it as, and what only its
// owner could read is not open to others, but for what the image runs.
func sourceOf(t *testing.T, in decide.Input, p *image.Plan, e image.Entry) {
	t.Helper()
	var source tree.Entry
	if e.Source != "" {
		var err error
		if source, err = in.Tree.Lstat(t.Context(), e.Source); err != nil {
			t.Fatalf("%s: %v", e.Path, err)
		}
	}
	if e.Mode&fs.ModeSetuid != 0 && (source.Mode&fs.ModeSetuid == 0 || e.UID != source.UID) {
		t.Errorf("%s is setuid for %d, its source %s for %d", e.Path, e.UID, source.Mode, source.UID)
	}
	if e.Mode&fs.ModeSetgid != 0 && (source.Mode&fs.ModeSetgid == 0 || e.GID != source.GID) {
		t.Errorf("%s is setgid for %d, its source %s for %d", e.Path, e.GID, source.Mode, source.GID)
	}
	run := slices.Contains(p.Programs, e.Path) || strings.HasPrefix(e.Reason, "library ") || strings.HasPrefix(e.Reason, "loader ")
	if e.Type == image.File && e.Source != "" && source.Mode&0o077 == 0 && e.Mode&0o077 != 0 && !run {
		t.Errorf("%s is %s, its source %s", e.Path, e.ModeText, source.Mode)
	}
}

// mayRead reports whether a user may read a file, and enter a directory.
func mayRead(e image.Entry, uid, gid int) bool {
	shift := 0
	switch {
	case e.UID == uid:
		shift = 6
	case e.GID == gid:
		shift = 3
	}
	bits := e.Mode.Perm() >> shift
	return bits&4 != 0 && (e.Type != image.Dir || bits&1 != 0)
}

// FuzzMake plans images of hostile trees and configurations.
func FuzzMake(f *testing.F) {
	f.Add(uint16(0o6755), 4711, 44, "/entry.sh", "sh -c 'a && b'", "#!/bin/sh\nset -- x \"$@\"\n. ./lib\nexec \"$@\"\n", "root:x:0:0:root:/root:/bin/sh\n", "app", "/srv", "/data", "../../etc", "/srv/*")
	f.Add(uint16(0o2700), -41, 4712, "/srv/setid", "", "0", "app:000:1", "app", "srv", "/srv", "", "")
	f.Add(uint16(0o2700), 0, 4712, "/srv/setid", "", "x", "app:x:1:1::/usr/bin:\n", "app", "/srv", "/srv", "", "/srv/setid")
	f.Add(uint16(0o4600), 1, 1, "tini", "--\x00gosu\x00app\x00/app", "#!/usr/bin/env -S sh\n", "app:x:1:1::/usr/bin:\n", "0:app", "/var/run/x", "/loop", "loop", "/[")
	f.Fuzz(func(t *testing.T, mode uint16, uid, gid int, entry, cmd, script, passwd, user, workdir, volume, link, pattern string) {
		in := stage{base: debian, change: func(t *tree.Memory) {
			t.File("/entry.sh", 0o755, []byte(script))
			t.File("/etc/passwd", 0o644, []byte(passwd))
			if link != "" {
				t.Symlink("/srv/link", link)
				t.Symlink("/loop", link)
			}
			t.File("/srv/file", 0o600, []byte(script))
			t.File("/srv/program", 0o700, elftest.File{}.Bytes())
			m := fs.FileMode(mode & 0o777)
			for bit, set := range map[uint16]fs.FileMode{0o4000: fs.ModeSetuid, 0o2000: fs.ModeSetgid, 0o1000: fs.ModeSticky} {
				if mode&bit != 0 {
					m |= set
				}
			}
			t.Add("/srv/setid", tree.Entry{Mode: m, UID: uid & 0xffff, GID: gid & 0xffff}, elftest.File{}.Bytes())
			t.Add("/srv/data", tree.Entry{Mode: m, UID: uid & 0xffff, GID: gid & 0xffff}, []byte(script))
			t.Add("/srv/dir", tree.Entry{Mode: m | fs.ModeDir, UID: uid & 0xffff, GID: gid & 0xffff}, nil)
		}}.input()
		in.Config.Entrypoint, in.Config.Cmd = strings.Split(entry, "\x00"), strings.Split(cmd, "\x00")
		in.Config.User, in.Config.WorkingDir = user, workdir
		in.Config.Env = append(in.Config.Env, "X="+link, "PATH="+volume+":/usr/bin")
		in.Config.Volumes = map[string]struct{}{volume: {}}
		in.Options = decide.Options{Include: []string{pattern}, Exclude: []string{link}, Writable: []string{volume}}
		p, err := decide.Decide(t.Context(), in)
		if err == nil {
			wellFormed(t, in, p)
			return
		}
		if _, ok := errors.AsType[*image.RefusedError](err); ok {
			return
		}
		if _, ok := errors.AsType[*image.UnsupportedError](err); !ok {
			t.Errorf("error %v of type %T", err, err)
		}
	})
}
