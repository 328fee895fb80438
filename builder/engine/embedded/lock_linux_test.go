package embedded

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// TestWaiting says once that another process holds the state, and who.
func TestWaiting(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	var said []string
	say := func(why string) { said = append(said, why) }
	held, err := acquire(t.Context(), path, time.Second, say)
	if err != nil || len(said) > 0 {
		t.Fatalf("%v, said %q", err, said)
	}
	_, err = acquire(t.Context(), path, 3*lockPoll, say)
	var locked *LockedError
	if !errors.As(err, &locked) || locked.Holder != fmt.Sprint(os.Getpid()) {
		t.Errorf("a lock that stays: %v", err)
	}
	if want := fmt.Sprintf("waiting for process %d, which builds in %s", os.Getpid(), filepath.Dir(path)); len(said) != 1 || said[0] != want {
		t.Errorf("said %q, want %q once", said, want)
	}
	said = nil
	time.AfterFunc(2*lockPoll, func() { _ = held.release() })
	got, err := acquire(t.Context(), path, time.Minute, say)
	if err != nil || len(said) != 1 {
		t.Fatalf("a lock that is let go: %v, said %q", err, said)
	}
	if err := got.release(); err != nil {
		t.Error(err)
	}
}
