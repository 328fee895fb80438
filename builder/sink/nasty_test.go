//go:build linux

package sink_test

import (
	"bytes"
	"fmt"
	"io/fs"
	"strings"

	"github.com/whittle-oci/whittle/builder/decide"
	"github.com/whittle-oci/whittle/builder/need/elf/elftest"
	"github.com/whittle-oci/whittle/builder/tree"
)

// capabilities are CAP_NET_BIND_SERVICE, as setcap(8) writes it.
const capabilities = "\x01\x00\x00\x02\x00\x04\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"

// nasty are trees with everything that a sink may stumble over.
var nasty = []struct {
	name    string
	change  func(*tree.Memory)
	options decide.Options
	user    string
}{
	{"odd modes", func(x *tree.Memory) {
		for i, mode := range []fs.FileMode{0, 0o1, 0o444, 0o640, 0o666, 0o777, 0o755 | fs.ModeSetuid, 0o755 | fs.ModeSetgid, 0o644 | fs.ModeSticky, 0o777 | fs.ModeSetuid | fs.ModeSetgid | fs.ModeSticky} {
			x.File(fmt.Sprintf("/srv/f%d", i), mode, []byte(fmt.Sprint(i)))
			x.Dir(fmt.Sprintf("/srv/d%d", i), mode)
			x.File(fmt.Sprintf("/srv/e%d/x", i), 0o644, nil)
			x.Dir(fmt.Sprintf("/srv/e%d", i), mode)
		}
	}, decide.Options{}, ""},
	{"odd modes in odd modes", func(x *tree.Memory) {
		dir := "/srv"
		for i, mode := range []fs.FileMode{0o777 | fs.ModeSticky, 0o755, 0o775 | fs.ModeSetgid, 0o777, 0o700, 0o777 | fs.ModeSticky} {
			dir = fmt.Sprintf("%s/%d", dir, i)
			x.Dir(dir, mode)
			x.Dir(dir+"/empty", mode)
			for j := range 5 {
				x.File(fmt.Sprintf("%s/f%d", dir, j), 0o664, []byte("x"))
			}
			x.File(dir+"/own", 0o600, []byte("x"))
			x.Symlink(dir+"/link", "own")
		}
	}, decide.Options{Writable: []string{"/srv/0/1"}}, "4711"},
	{"directories of one user in those of another", func(x *tree.Memory) {
		for i := range 40 {
			uid := i / 20 * 4711
			dir := fmt.Sprintf("/srv/%d/%d/%d", i/20, i/4, i)
			x.Add(fmt.Sprintf("/srv/%d/%d", i/20, i/4), tree.Entry{Mode: fs.ModeDir | 0o750, UID: uid, GID: uid}, nil)
			x.Add(dir, tree.Entry{Mode: fs.ModeDir | 0o755, UID: uid, GID: uid}, nil)
			x.Add(dir+"/empty", tree.Entry{Mode: fs.ModeDir | 0o700, UID: 4711 - uid, GID: 0}, nil)
			for j := range 6 {
				x.Add(fmt.Sprintf("%s/%d", dir, j), tree.Entry{Mode: 0o644, UID: uid, GID: uid}, []byte("x"))
			}
			x.Add(dir+"/other", tree.Entry{Mode: 0o644, UID: 4711 - uid, GID: 0}, []byte("x"))
		}
	}, decide.Options{}, "4711"},
	{"odd modes, as root", func(x *tree.Memory) {
		for i, mode := range []fs.FileMode{0, 0o700, 0o600, 0o755 | fs.ModeSetuid, 0o755 | fs.ModeSetgid, 0o777 | fs.ModeSticky} {
			x.Add(fmt.Sprintf("/srv/f%d", i), tree.Entry{Mode: mode, UID: i, GID: 2 * i}, []byte(fmt.Sprint(i)))
			x.Add(fmt.Sprintf("/srv/d%d", i), tree.Entry{Mode: mode | fs.ModeDir, UID: i, GID: 2 * i}, nil)
		}
	}, decide.Options{User: "keep"}, ""},
	{"many owners", func(x *tree.Memory) {
		for i := range 30 {
			x.Add(fmt.Sprintf("/srv/%d/file", i%7), tree.Entry{Mode: 0o644, UID: i, GID: i}, []byte("x"))
			x.Add(fmt.Sprintf("/srv/%d/file%d", i%7, i), tree.Entry{Mode: 0o660, UID: 4711, GID: i % 3}, []byte("x"))
		}
	}, decide.Options{}, "4711:4712"},
	{"many owners, as root", func(x *tree.Memory) {
		for i := range 30 {
			x.Add(fmt.Sprintf("/srv/%d/file%d", i%7, i), tree.Entry{Mode: 0o644, UID: 1 << i % 31, GID: i}, []byte("x"))
		}
	}, decide.Options{User: "keep"}, ""},
	{"hard links", func(x *tree.Memory) {
		x.File("/srv/a", 0o644, []byte("one file"))
		for _, n := range []string{"/srv/b", "/srv/a.d/c", "/srv/a/../z", "/srv/x*[y]?", "/opt/elsewhere"} {
			x.Link(n, "/srv/a")
		}
		x.File("/srv/empty", 0o644, nil)
		x.Link("/srv/empty2", "/srv/empty")
		for i := range 8 {
			x.File(fmt.Sprintf("/srv/more/%d", i), 0o644, []byte("x"))
		}
		x.Link("/srv/more/link", "/srv/more/0")
	}, decide.Options{}, ""},
	{"hard links whose mode changes", func(x *tree.Memory) {
		x.File("/srv/private", 0o640, []byte("x"))
		x.Link("/srv/private2", "/srv/private")
		x.Add("/srv/capable", tree.Entry{Mode: 0o755, Xattrs: map[string][]byte{"security.capability": []byte(capabilities)}}, []byte("x"))
		x.Link("/srv/sub/capable2", "/srv/capable")
	}, decide.Options{}, ""},
	{"hard links of which some stay behind", func(x *tree.Memory) {
		x.File("/srv/0", 0o644, []byte("x"))
		for i := range 8 {
			x.Link(fmt.Sprintf("/srv/%d", i), "/srv/0")
		}
	}, decide.Options{Exclude: []string{"/srv/0", "/srv/5"}}, ""},
	{"one program under many names", func(x *tree.Memory) {
		x.File("/bin/busybox", 0o755, elftest.File{}.Bytes())
		for _, n := range []string{"ls", "cat", "sh", "["} {
			x.Link("/bin/"+n, "/bin/busybox")
		}
	}, decide.Options{Include: []string{"/bin"}}, ""},
	{"links to directories", func(x *tree.Memory) {
		x.File("/srv/real/file", 0o644, []byte("x"))
		x.Symlink("/srv/link", "real")
		x.Symlink("/srv/abs", "/srv/real")
		x.Symlink("/srv/up", "../../../srv/real/..")
		x.Symlink("/srv/nowhere", "/mnt/volume")
		x.Symlink("/srv/loop", "loop")
		x.Add("/srv/owned", tree.Entry{Mode: fs.ModeSymlink | 0o777, Linkname: "real", UID: 7, GID: 8}, nil)
	}, decide.Options{Include: []string{"/srv/link/file"}, Writable: []string{"/srv/abs/new"}}, ""},
	{"empty directories and generated files", func(x *tree.Memory) {
		for _, d := range []string{"/srv/a/b/c", "/data", "/cache"} {
			x.Dir(d, 0o755)
		}
		x.Add("/srv/mine", tree.Entry{Mode: fs.ModeDir | 0o750, UID: 4711, GID: 4712}, nil)
	}, decide.Options{Writable: []string{"/new/dir", "/cache"}}, "4711"},
	{"names", func(x *tree.Memory) {
		for _, n := range []string{"a b", " a", "a ", "*", "?", "[a]", `back\slash`, "!a", "#a", "new\nline", "\ttab", "ä", "日本", "{a,b}", "-a", ".hidden", "a.wh.b", strings.Repeat("n", 255), "$HOME", "~"} {
			x.File("/srv/"+n, 0o644, []byte(n))
			x.File("/srv/private/"+n, 0o640, []byte(n))
			x.Symlink("/srv/links/"+n, "../"+n)
			x.File("/srv/dirs/"+n+"/file", 0o644, []byte(n))
		}
	}, decide.Options{}, ""},
	{"names that are not UTF-8", func(x *tree.Memory) {
		for _, n := range []string{"\xff\xfe", "a\x80", "\xc3(", "plain", "d\xff/file", "link\xff"} {
			x.File("/srv/"+n, 0o644, []byte(n))
		}
		x.Symlink("/srv/link\xff", "a\x80")
	}, decide.Options{}, ""},
	{"capabilities and other attributes", func(x *tree.Memory) {
		for i := range 6 {
			x.Add(fmt.Sprintf("/srv/%d", i), tree.Entry{Mode: 0o755, Xattrs: map[string][]byte{"security.capability": []byte(capabilities), "user.note": []byte("x")}}, []byte("x"))
		}
		x.Add("/srv/6", tree.Entry{Mode: 0o700, Xattrs: map[string][]byte{"security.capability": []byte(capabilities)}}, []byte("x"))
	}, decide.Options{}, ""},
	{"devices, pipes and sockets", func(x *tree.Memory) {
		for i := range 6 {
			x.File(fmt.Sprintf("/srv/%d", i), 0o644, []byte("x"))
		}
		x.Add("/srv/null", tree.Entry{Mode: fs.ModeDevice | fs.ModeCharDevice | 0o666}, nil)
		x.Add("/srv/pipe", tree.Entry{Mode: fs.ModeNamedPipe | 0o666}, nil)
		x.Add("/srv/dir/socket", tree.Entry{Mode: fs.ModeSocket | 0o777}, nil)
	}, decide.Options{Include: []string{"/srv"}}, ""},
	{"large and many", func(x *tree.Memory) {
		for i := range 300 {
			x.File(fmt.Sprintf("/srv/%d/%d", i%10, i), 0o644, bytes.Repeat([]byte{byte(i)}, i*10))
			x.File(fmt.Sprintf("/srv/%d/private%d", i%10, i), 0o600, nil)
		}
	}, decide.Options{}, ""},
}
