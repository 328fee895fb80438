package inspect

import (
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/whittle-oci/whittle/builder/decide"
	"github.com/whittle-oci/whittle/builder/image"
	"github.com/whittle-oci/whittle/builder/need"
	"github.com/whittle-oci/whittle/builder/need/elf"
	"github.com/whittle-oci/whittle/builder/packages"
	"github.com/whittle-oci/whittle/builder/report"
	"github.com/whittle-oci/whittle/builder/tree"
	"github.com/whittle-oci/whittle/lint/command"
)

// A walk goes over the files of an image once.
type walk struct {
	in  *Inspection
	env *need.Env
	db  *packages.DB
	// unreadable says what is wrong with the database, nil for nothing.
	unreadable *packages.UnreadableError
	reasons    map[string]string // by path
	inside     []report.File     // reasons of directories
	listed     bool              // whether every file is to be told

	directories, components, because map[string]*Part

	linked    map[string]bool // files that were counted under another name
	libraries map[string]bool // base names of what a loader could open
	caches    map[string]*Part
}

func newWalk(ctx context.Context, in *Inspection, env *need.Env, contents *report.Report) (*walk, error) {
	db := decide.Packages(env.Tree)
	_, err := db.Installed(ctx)
	unreadable, ok := errors.AsType[*packages.UnreadableError](err)
	if err != nil && !ok {
		return nil, fmt.Errorf("reading the packages: %w", err)
	}
	if ok { // an image can be looked at without its packages
		db = packages.Open(env.Tree)
	}
	w := &walk{
		in: in, env: env, db: db, unreadable: unreadable, reasons: map[string]string{}, linked: map[string]bool{}, libraries: map[string]bool{}, caches: map[string]*Part{},
		directories: map[string]*Part{}, components: map[string]*Part{}, because: map[string]*Part{},
	}
	if contents == nil {
		return w, nil
	}
	for _, f := range contents.Files {
		if f.Files > 0 {
			w.inside = append(w.inside, f)
			continue
		}
		w.reasons[f.Path] = f.Reason
	}
	// The innermost directory first.
	slices.SortStableFunc(w.inside, func(a, b report.File) int { return cmp.Compare(len(b.Path), len(a.Path)) })
	return w, nil
}

func (w *walk) run(ctx context.Context) error {
	err := tree.Walk(ctx, w.env.Tree, "/", func(name string, e tree.Entry) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		return w.file(ctx, name, e)
	})
	if err != nil {
		return err
	}
	for i, p := range w.in.Programs {
		for _, lib := range p.Needed {
			if !w.libraries[path.Base(lib)] {
				w.in.Programs[i].Missing = append(w.in.Programs[i].Missing, lib)
			}
		}
	}
	w.in.Directories, w.in.Components = parts(w.directories), parts(w.components)
	if len(w.reasons)+len(w.inside) > 0 {
		w.in.Reasons = parts(w.because)
	}
	return nil
}

// depth is how many directories deep the shares of directories are told.
const depth = 3

// file looks at one file.
func (w *walk) file(ctx context.Context, name string, e tree.Entry) error {
	w.rights(name, e)
	if !e.IsDir() {
		w.libraries[e.Name] = true
		w.named(name, e)
	}
	if !e.IsRegular() || e.LinkID != "" && w.linked[e.LinkID] {
		return nil
	}
	w.linked[e.LinkID] = e.LinkID != ""
	w.in.Size.Bytes += e.Size
	w.in.Size.Files++
	component, err := w.component(ctx, name)
	if err != nil {
		return err
	}
	dir := strings.Split(path.Dir(name), "/")
	add(w.directories, orRoot(strings.Join(dir[:min(len(dir), depth+1)], "/")), e.Size)
	add(w.components, component, e.Size)
	reason := w.reason(name)
	add(w.because, reason, e.Size)
	if w.listed {
		w.in.Contents = append(w.in.Contents, report.File{Path: name, Bytes: e.Size, Mode: image.Octal(e.Mode), Reason: reason, Package: component})
	}
	if cache := cacheOf(name); cache != "" && e.Size > 0 { // locks stay behind
		add(w.caches, cache, e.Size)
	}
	return w.program(ctx, name, e)
}

func orRoot(dir string) string {
	if dir == "" {
		return "/"
	}
	return dir
}

func add(to map[string]*Part, name string, bytes int64) {
	p := to[name]
	if p == nil {
		p = &Part{Name: name}
		to[name] = p
	}
	p.Bytes += bytes
	p.Files++
}

// parts puts the largest first.
func parts(all map[string]*Part) []Part {
	out := make([]Part, 0, len(all))
	for _, p := range all {
		out = append(out, *p)
	}
	slices.SortFunc(out, func(a, b Part) int { return cmp.Or(cmp.Compare(b.Bytes, a.Bytes), cmp.Compare(a.Name, b.Name)) })
	return out
}

func (w *walk) reason(name string) string {
	if r, ok := w.reasons[name]; ok {
		return r
	}
	for _, f := range w.inside {
		if need.Below(name, f.Path) {
			return f.Reason
		}
	}
	return ""
}

// installed matches the directories in which package managers of languages put
// a package each.
var installed = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`.*/(?:(node_modules)/((?:@[^/]+/)?[^/.][^/]*)|(?:site|dist)-packages/([^/]+))/`)
})

// component is the package that a file belongs to: that of the distribution's
// database, or by the directory that it lies in.
func (w *walk) component(ctx context.Context, name string) (string, error) {
	p, ok, err := w.db.Owner(ctx, name)
	if err != nil {
		return "", err
	}
	if ok {
		return p.Origin + ":" + p.Name, nil
	}
	return LanguagePackage(name), nil
}

// LanguagePackage is the package of a language that a file belongs to, as the
// directory says that it lies in: npm:NAME, pypi:NAME, or "" for none.
func LanguagePackage(name string) string {
	if !strings.Contains(name, "node_modules/") && !strings.Contains(name, "-packages/") {
		return ""
	}
	m := installed().FindStringSubmatch(name)
	switch {
	case m == nil:
		return ""
	case m[1] != "":
		return "npm:" + m[2]
	}
	distribution, _, _ := strings.Cut(m[3], "-") // of NAME-1.0.dist-info
	return "pypi:" + distribution
}

// rights notes a file that gives more rights than those of who runs or writes
// it.
func (w *walk) rights(name string, e tree.Entry) {
	s := Special{Path: name, Mode: image.Octal(e.Mode), UID: e.UID, GID: e.GID}
	if e.IsRegular() && e.Mode&(fs.ModeSetuid|fs.ModeSetgid) != 0 {
		w.in.SetID = append(w.in.SetID, s)
	}
	if !e.IsSymlink() && e.Mode&0o002 != 0 && !(e.IsDir() && e.Mode&fs.ModeSticky != 0) && e.Mode&fs.ModeDevice == 0 {
		w.in.WorldWritable = append(w.in.WorldWritable, s)
	}
	if caps := e.Xattrs["security.capability"]; caps != nil {
		s.Capabilities = Capabilities(caps)
		w.in.Capable = append(w.in.Capable, s)
	}
}

// managers install software, of the distribution and of languages.
var (
	managers         = strings.Fields("apt apt-get dpkg apk rpm dnf dnf5 microdnf yum tdnf zypper pacman opkg")
	languageManagers = strings.Fields("pip pip3 npm yarn pnpm gem bundle composer cargo conda uv poetry")
)

// named notes a shell or a package manager, which stand along PATH.
func (w *walk) named(name string, e tree.Entry) {
	dir := path.Dir(name)
	if e.Mode&0o111 == 0 || !slices.Contains(w.env.SearchPath(), dir) && !slices.Contains([]string{"/bin", "/sbin"}, dir) {
		return
	}
	switch {
	case command.IsShell(e.Name) || e.Name == "busybox":
		w.in.Shells = append(w.in.Shells, name)
	case slices.Contains(managers, e.Name) || slices.Contains(languageManagers, e.Name):
		w.in.PackageManagers = append(w.in.PackageManagers, name)
	}
}

// program notes what an ELF file needs.
func (w *walk) program(ctx context.Context, name string, e tree.Entry) error {
	if e.Size < 64 || e.Mode&0o111 == 0 && !strings.Contains(e.Name, ".so") {
		return nil
	}
	r, err := w.env.Tree.Open(ctx, name)
	if err != nil {
		return err
	}
	magic := make([]byte, len(elf.Magic))
	if n, _ := r.ReadAt(magic, 0); string(magic[:n]) != elf.Magic {
		return nil // most files that may be executed are none
	}
	info, err := elf.Read(r)
	if errors.Is(err, elf.ErrNotELF) || errors.Is(err, elf.ErrBroken) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	w.in.Programs = append(w.in.Programs, Program{Path: name, Interpreter: info.Interp, Needed: info.Needed})
	return nil
}

// caches are what package managers leave behind, and what no image needs.
var caches = []string{"/var/lib/apt/lists", "/var/cache/apt", "/var/cache/apk", "/var/cache/dnf", "/var/cache/yum", "/var/cache/zypp", "/root/.cache", "/root/.npm", "/root/.cargo/registry", "/root/.gem", "/root/.composer/cache", "/tmp", "/var/tmp"}

func cacheOf(name string) string {
	for _, dir := range caches {
		if need.Below(name, dir) && name != dir {
			return dir
		}
	}
	return ""
}

// capabilityNames are the capabilities by their numbers
// (include/uapi/linux/capability.h of Linux 6.12).
var capabilityNames = strings.Fields("chown dac_override dac_read_search fowner fsetid kill setgid setuid setpcap linux_immutable net_bind_service net_broadcast net_admin net_raw ipc_lock ipc_owner sys_module sys_rawio sys_chroot sys_ptrace sys_pacct sys_admin sys_boot sys_nice sys_resource sys_time sys_tty_config mknod lease audit_write audit_control setfcap mac_override mac_admin syslog wake_alarm block_suspend audit_read perfmon bpf checkpoint_restore")

// Capabilities reads the permitted capabilities of the attribute
// security.capability (capabilities(7), struct vfs_cap_data of revisions 2 and
// 3). One that is not of that form is "unknown".
func Capabilities(attribute []byte) []string {
	if len(attribute) < 20 {
		return []string{"unknown"}
	}
	permitted := uint64(binary.LittleEndian.Uint32(attribute[4:])) | uint64(binary.LittleEndian.Uint32(attribute[12:]))<<32
	out := []string{}
	for i := range 64 {
		if permitted&(1<<i) == 0 {
			continue
		}
		name := fmt.Sprintf("cap_%d", i)
		if i < len(capabilityNames) {
			name = "cap_" + capabilityNames[i]
		}
		out = append(out, name)
	}
	return out
}
