package trace

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/moby/sys/user"
	"golang.org/x/sys/unix"

	"github.com/whittle-oci/whittle/builder/tree"
)

// startTimeout is how long runc has to start a program.
const startTimeout = 30 * time.Second

// stopTimeout is how long a program has after SIGTERM.
const stopTimeout = 5 * time.Second

// Container is a program that runs.
type Container struct {
	id, dir string // dir holds runc's state, the bundle and the mounts
	program Program
	cmd     *exec.Cmd
	log     bytes.Buffer // runc's own
	pid     int
	done    chan struct{} // closed when the program has ended
	stop    sync.Once
	watch   *watch
	mounted []string
}

// Start runs a program. Wait must be called.
func Start(ctx context.Context, p Program) (_ *Container, err error) {
	if os.Geteuid() != 0 {
		return nil, errors.New("tracing what a program opens needs root, see fanotify(7)")
	}
	runc, err := exec.LookPath("runc")
	if err != nil {
		return nil, fmt.Errorf("runc, which runs the program, is not along PATH: %w", err)
	}
	if len(p.Args) == 0 {
		return nil, errors.New("there is nothing to run: the image has neither ENTRYPOINT nor CMD")
	}
	dir, err := os.MkdirTemp("", "whittle-trace-")
	if err != nil {
		return nil, err
	}
	c := &Container{id: filepath.Base(dir), dir: dir, program: p, done: make(chan struct{})}
	defer func() {
		if err != nil {
			err = errors.Join(err, c.remove())
		}
	}()
	if err := c.mount(); err != nil {
		return nil, err
	}
	if err := c.configure(ctx); err != nil {
		return nil, err
	}
	if c.watch, err = watchFiles(c.merged()); err != nil {
		return nil, err
	}
	pidFile := filepath.Join(dir, "pid")
	c.cmd = exec.CommandContext(ctx, runc, "--root", filepath.Join(dir, "runc"), "--log", filepath.Join(dir, "log"), "run", "--bundle", dir, "--pid-file", pidFile, c.id)
	c.cmd.Cancel = func() error { c.signal("KILL"); return nil }
	c.cmd.Stdin, c.cmd.Stdout, c.cmd.Stderr = p.Stdin, p.Stdout, p.Stderr
	if err := c.cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		_ = c.cmd.Wait()
		close(c.done)
	}()
	for began := time.Now(); ; time.Sleep(2 * time.Millisecond) {
		if text, err := os.ReadFile(pidFile); err == nil {
			if c.pid, err = strconv.Atoi(string(text)); err == nil {
				return c, nil
			}
		}
		select {
		case <-c.done:
			return c, nil // already ended, or never started: Wait says
		default:
		}
		if time.Since(began) > startTimeout {
			c.signal("KILL")
			_ = c.cmd.Process.Kill()
			<-c.done
			return nil, fmt.Errorf("runc has not started the program in %s", startTimeout)
		}
	}
}

func (c *Container) merged() string { return filepath.Join(c.dir, "rootfs") }

// mount lays an empty layer over the image, in memory.
func (c *Container) mount() error {
	scratch := filepath.Join(c.dir, "scratch")
	for _, dir := range []string{scratch, c.merged()} {
		if err := os.Mkdir(dir, 0o755); err != nil {
			return err
		}
	}
	if err := unix.Mount("tmpfs", scratch, "tmpfs", 0, "mode=755"); err != nil {
		return fmt.Errorf("mounting a tmpfs for what the program writes: %w", err)
	}
	c.mounted = append(c.mounted, scratch)
	upper, work := filepath.Join(scratch, "upper"), filepath.Join(scratch, "work")
	for _, dir := range []string{upper, work} {
		if err := os.Mkdir(dir, 0o755); err != nil {
			return err
		}
	}
	// The root's own mode decides whether another user may look into it.
	if info, err := os.Stat(c.program.Root); err == nil {
		if err := os.Chmod(upper, info.Mode().Perm()|0o555); err != nil {
			return err
		}
	}
	options := fmt.Sprintf("lowerdir=%s,upperdir=%s,workdir=%s", escape(c.program.Root), upper, work)
	if err := unix.Mount("overlay", c.merged(), "overlay", 0, options); err != nil {
		return fmt.Errorf("mounting an overlay over %s: %w", c.program.Root, err)
	}
	c.mounted = append(c.mounted, c.merged())
	return nil
}

// escape makes a path a value of overlay's mount options.
func escape(name string) string {
	return strings.NewReplacer(`\`, `\\`, ",", `\,`, ":", `\:`).Replace(name)
}

// configure writes the bundle's config.json.
func (c *Container) configure(ctx context.Context) error {
	p := c.program
	who, err := lookUp(ctx, c.merged(), p.User)
	if err != nil {
		return err
	}
	mounts := []mount{
		{"/proc", "proc", "proc", []string{"nosuid", "noexec", "nodev"}},
		{"/dev", "tmpfs", "tmpfs", []string{"nosuid", "strictatime", "mode=755", "size=65536k"}},
		{"/dev/pts", "devpts", "devpts", []string{"nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"}},
		{"/dev/shm", "tmpfs", "shm", []string{"nosuid", "noexec", "nodev", "mode=1777", "size=65536k"}},
		{"/dev/mqueue", "mqueue", "mqueue", []string{"nosuid", "noexec", "nodev"}},
		{"/sys", "none", "/sys", []string{"rbind", "ro"}},
	}
	// What every container engine puts there.
	for name, text := range map[string]string{
		"hosts": "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n", "hostname": "whittle\n", "resolv.conf": "",
	} {
		file := filepath.Join(c.dir, name)
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			return err
		}
		if err := os.Chmod(file, 0o644); err != nil {
			return err
		}
		mounts = append(mounts, mount{"/etc/" + name, "bind", file, []string{"bind", "ro"}})
	}
	for _, dir := range p.Volumes {
		// Of the same filesystem, so that it is watched as well.
		source, err := c.directory(ctx, dir)
		if err != nil {
			return fmt.Errorf("the volume %s: %w", dir, err)
		}
		mounts = append(mounts, mount{dir, "bind", source, []string{"rbind", "rw"}})
	}
	for _, s := range p.Tmpfs {
		mounts = append(mounts, parseTmpfs(s))
	}
	namespaces := []map[string]string{{"type": "pid"}, {"type": "ipc"}, {"type": "uts"}, {"type": "mount"}}
	if !p.HostNetwork {
		namespaces = append(namespaces, map[string]string{"type": "network"})
	}
	cwd := p.WorkingDir
	if cwd == "" {
		cwd = "/"
	}
	capabilities := bounded(p.Capabilities)
	effective := capabilities
	if who.Uid != 0 {
		effective = nil
	}
	env := environment(p.Env)
	if !slices.ContainsFunc(env, func(kv string) bool { return strings.HasPrefix(kv, "HOME=") }) {
		env = append(env, "HOME="+who.Home)
	}
	spec := map[string]any{
		"ociVersion": "1.0.2",
		"process": map[string]any{
			"terminal": false, "user": map[string]any{"uid": who.Uid, "gid": who.Gid, "additionalGids": who.Sgids},
			"args": p.Args, "env": env, "cwd": cwd,
			"capabilities": map[string]any{"bounding": capabilities, "effective": effective, "permitted": effective},
			// Without capabilities nothing is gained by a set-id bit either.
			"noNewPrivileges": len(capabilities) == 0,
		},
		"root": map[string]any{"path": "rootfs", "readonly": !p.Writable}, "hostname": "whittle", "mounts": mounts,
		"linux": map[string]any{"namespaces": namespaces},
	}
	text, err := json.Marshal(spec)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(c.dir, "config.json"), text, 0o600)
}

// directory gives a directory of the image, which is made where it is not there.
// Links are followed inside the image.
func (c *Container) directory(ctx context.Context, name string) (string, error) {
	dir, err := tree.OpenDir(c.merged())
	if err != nil {
		return "", err
	}
	defer dir.Close()
	r, err := tree.Resolve(ctx, dir, path.Clean("/"+name))
	if err == nil {
		return filepath.Join(c.merged(), r.Path), nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	root, err := os.OpenRoot(c.merged())
	if err != nil {
		return "", err
	}
	defer root.Close()
	name = filepath.Clean("/" + name)[1:]
	return filepath.Join(c.merged(), name), root.MkdirAll(name, 0o755)
}

// lookUp finds the numbers of a user, as container engines do.
func lookUp(ctx context.Context, root, name string) (*user.ExecUser, error) {
	dir, err := tree.OpenDir(root)
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	// Numbers need no files.
	read := func(name string) *bytes.Reader {
		r, err := tree.Resolve(ctx, dir, name)
		if err != nil {
			return bytes.NewReader(nil)
		}
		text, _ := tree.ReadFile(ctx, dir, r.Path, maxAccounts)
		return bytes.NewReader(text)
	}
	u, err := user.GetExecUser(name, &user.ExecUser{Home: "/"}, read("/etc/passwd"), read("/etc/group"))
	if err != nil {
		return nil, fmt.Errorf("looking up the user %q in the image: %w", name, err)
	}
	return u, nil
}

// maxAccounts bounds what is read of /etc/passwd and /etc/group, in bytes.
const maxAccounts = 4 << 20

// bounded leaves out the capabilities that this process may not give.
func bounded(names []string) (out []string) {
	for _, name := range names {
		if n, ok := numbers[name]; ok {
			if has, err := unix.PrctlRetInt(unix.PR_CAPBSET_READ, uintptr(n), 0, 0, 0); err == nil && has == 1 {
				out = append(out, name)
			}
		}
	}
	return out
}

// numbers are those of capabilities(7) that containers get.
var numbers = map[string]int{
	"CAP_CHOWN": unix.CAP_CHOWN, "CAP_DAC_OVERRIDE": unix.CAP_DAC_OVERRIDE, "CAP_FOWNER": unix.CAP_FOWNER, "CAP_FSETID": unix.CAP_FSETID,
	"CAP_KILL": unix.CAP_KILL, "CAP_SETGID": unix.CAP_SETGID, "CAP_SETUID": unix.CAP_SETUID, "CAP_SETPCAP": unix.CAP_SETPCAP,
	"CAP_NET_BIND_SERVICE": unix.CAP_NET_BIND_SERVICE, "CAP_NET_RAW": unix.CAP_NET_RAW, "CAP_NET_ADMIN": unix.CAP_NET_ADMIN,
	"CAP_SYS_CHROOT": unix.CAP_SYS_CHROOT, "CAP_MKNOD": unix.CAP_MKNOD, "CAP_AUDIT_WRITE": unix.CAP_AUDIT_WRITE, "CAP_SETFCAP": unix.CAP_SETFCAP,
}

// Pid is the program's on this machine, 0 where it ended at once. Its network
// is entered by it.
func (c *Container) Pid() int { return c.pid }

// Done is closed when the program has ended.
func (c *Container) Done() <-chan struct{} { return c.done }

// Stop asks the program to end, and ends it where it does not in some seconds.
func (c *Container) Stop() {
	c.stop.Do(func() {
		c.signal("TERM")
		select {
		case <-c.done:
		case <-time.After(stopTimeout):
			c.signal("KILL")
		}
	})
}

func (c *Container) signal(name string) {
	_ = exec.Command("runc", "--root", filepath.Join(c.dir, "runc"), "kill", c.id, name).Run()
}

// Wait waits for the program's end, gives what it did and removes what was made
// for it. An error means that it did not run; ExitCode says how it ended.
func (c *Container) Wait() (*Result, error) {
	<-c.done
	opened := c.watch.close()
	res := &Result{ExitCode: exitCode(c.cmd.ProcessState)}
	for name := range opened {
		if info, err := os.Lstat(filepath.Join(c.program.Root, name)); err == nil && info.Mode().IsRegular() {
			res.Opened = append(res.Opened, name)
		}
	}
	slices.Sort(res.Opened)
	err := c.started()
	return res, errors.Join(err, c.remove())
}

// started gives runc's own error where it did not start the program.
func (c *Container) started() error {
	text, err := os.ReadFile(filepath.Join(c.dir, "log"))
	if err != nil || c.watch.executed {
		return nil
	}
	for line := range strings.Lines(string(text)) {
		if _, msg, ok := strings.Cut(strings.TrimSpace(line), "level=error msg="); ok {
			if plain, err := strconv.Unquote(msg); err == nil {
				msg = plain
			}
			return fmt.Errorf("starting the program: %s", msg)
		}
	}
	return nil
}

func exitCode(s *os.ProcessState) int {
	if ws, ok := s.Sys().(syscall.WaitStatus); ok && ws.Signaled() {
		return 128 + int(ws.Signal())
	}
	return s.ExitCode()
}

// remove undoes what Start made.
func (c *Container) remove() (err error) {
	if c.watch != nil {
		c.watch.close()
	}
	_ = exec.Command("runc", "--root", filepath.Join(c.dir, "runc"), "delete", "--force", c.id).Run()
	for _, dir := range slices.Backward(c.mounted) {
		if e := unix.Unmount(dir, unix.MNT_DETACH); e != nil {
			err = errors.Join(err, fmt.Errorf("unmounting %s: %w", dir, e))
		}
	}
	if err != nil {
		return err // nothing is removed through a mount
	}
	return os.RemoveAll(c.dir)
}

// User gives the numbers that an image's user has, "" being root.
func User(ctx context.Context, root, name string) (uid, gid int, err error) {
	u, err := lookUp(ctx, root, name)
	if err != nil {
		return 0, 0, err
	}
	return u.Uid, u.Gid, nil
}
