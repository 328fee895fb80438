package embedded

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// lockPoll is how often a held lock is tried again.
const lockPoll = 100 * time.Millisecond

// stateLock holds a state directory for this process. The kernel lets go of it
// when the process ends, however that happens.
type stateLock struct{ file *os.File }

// A LockedError says that another process kept the state for too long.
type LockedError struct {
	Path   string
	Holder string // pid, "" when it is not known
	Waited time.Duration
}

// Error names the holder and the way out.
func (e *LockedError) Error() string {
	who := "another process"
	if e.Holder != "" {
		who = "process " + e.Holder
	}
	return fmt.Sprintf("%s still builds in %s after %s; wait longer with --lock-timeout, or set another XDG_DATA_HOME", who, filepath.Dir(e.Path), e.Waited)
}

// acquire takes the lock, waiting for another process that has it. waiting is
// told so once.
func acquire(ctx context.Context, path string, timeout time.Duration, waiting func(why string)) (*stateLock, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("opening the state lock: %w", err)
	}
	deadline := time.Now().Add(timeout)
	for said := false; ; said = true {
		err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		if err == nil {
			break
		}
		if !errors.Is(err, unix.EWOULDBLOCK) {
			return nil, fmt.Errorf("locking %s: %w", path, errors.Join(err, f.Close()))
		}
		holder := holder(path)
		if !said {
			waiting(fmt.Sprintf("waiting for process %s, which builds in %s", orUnknown(holder), filepath.Dir(path)))
		}
		if time.Now().After(deadline) {
			return nil, errors.Join(&LockedError{path, holder, timeout}, f.Close())
		}
		select {
		case <-ctx.Done():
			return nil, errors.Join(context.Cause(ctx), f.Close())
		case <-time.After(lockPoll):
		}
	}
	// The number is for messages of other processes; the lock is flock's.
	if err := f.Truncate(0); err == nil {
		_, _ = f.WriteAt(fmt.Appendf(nil, "%d\n", os.Getpid()), 0)
	}
	return &stateLock{f}, nil
}

func (l *stateLock) release() error { return l.file.Close() }

func holder(path string) string {
	data, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(data))
}

func orUnknown(s string) string {
	if s == "" {
		return "(unknown)"
	}
	return s
}
