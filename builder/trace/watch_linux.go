package trace

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"

	"golang.org/x/sys/unix"
)

// watch notes what is opened in one filesystem, whoever opens it.
type watch struct {
	fd, wake int // fanotify's, and an eventfd that ends the reading
	root     string
	seen     map[string]bool
	executed bool // something was
	ended    chan struct{}
	once     sync.Once
}

// watchFiles begins to watch the filesystem that is mounted at root.
func watchFiles(root string) (*watch, error) {
	fd, err := unix.FanotifyInit(unix.FAN_CLOEXEC|unix.FAN_CLASS_NOTIF|unix.FAN_NONBLOCK|unix.FAN_UNLIMITED_QUEUE, unix.O_RDONLY|unix.O_LARGEFILE|unix.O_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("watching what is opened, see fanotify(7): %w", err)
	}
	if err := unix.FanotifyMark(fd, unix.FAN_MARK_ADD|unix.FAN_MARK_FILESYSTEM, unix.FAN_OPEN|unix.FAN_OPEN_EXEC, unix.AT_FDCWD, root); err != nil {
		return nil, errors.Join(fmt.Errorf("watching what is opened, see fanotify(7): %w", err), unix.Close(fd))
	}
	wake, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err != nil {
		return nil, errors.Join(err, unix.Close(fd))
	}
	w := &watch{fd: fd, wake: wake, root: root, seen: map[string]bool{}, ended: make(chan struct{})}
	go w.read()
	return w, nil
}

// close ends the watching and gives what was opened: paths as the container
// has them. It may be called again.
func (w *watch) close() map[string]bool {
	w.once.Do(func() {
		_, _ = unix.Write(w.wake, binary.NativeEndian.AppendUint64(nil, 1))
		<-w.ended
		_, _ = unix.Close(w.fd), unix.Close(w.wake)
	})
	return w.seen
}

func (w *watch) read() {
	defer close(w.ended)
	buf := make([]byte, 64<<10)
	last := false
	for {
		n, err := unix.Read(w.fd, buf)
		switch {
		case err == nil && n > 0:
			w.events(buf[:n])
			continue
		case errors.Is(err, unix.EINTR):
			continue
		case !errors.Is(err, unix.EAGAIN) || last:
			return
		}
		fds := []unix.PollFd{{Fd: int32(w.fd), Events: unix.POLLIN}, {Fd: int32(w.wake), Events: unix.POLLIN}}
		if _, err := unix.Poll(fds, -1); err != nil && !errors.Is(err, unix.EINTR) {
			return
		}
		last = fds[1].Revents != 0
	}
}

// headerSize is that of struct fanotify_event_metadata, whose fields are
// event_len, vers, reserved, metadata_len, mask, fd and pid.
const headerSize = 24

func (w *watch) events(buf []byte) {
	for len(buf) >= headerSize {
		size := int(binary.NativeEndian.Uint32(buf))
		if size < headerSize || size > len(buf) {
			return
		}
		mask := binary.NativeEndian.Uint64(buf[8:])
		if fd := int(int32(binary.NativeEndian.Uint32(buf[16:]))); fd >= 0 {
			w.note(mask, fd)
		}
		buf = buf[size:]
	}
}

// note takes one event. What comes before the first program is executed was
// opened by runc.
func (w *watch) note(mask uint64, fd int) {
	defer unix.Close(fd)
	if mask&unix.FAN_OPEN_EXEC != 0 {
		w.executed = true
	}
	if !w.executed {
		return
	}
	name, err := os.Readlink(fmt.Sprintf("/proc/self/fd/%d", fd))
	if err != nil || strings.HasSuffix(name, " (deleted)") {
		return
	}
	if rest, ok := strings.CutPrefix(name, w.root); ok {
		name = rest
	}
	w.seen[name] = true
}
