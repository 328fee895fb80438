package signing

import (
	"os"
	"path/filepath"

	"golang.org/x/sys/windows"
)

// lockDir keeps other signers out of an OCI layout until the function it
// returns is called. The lock ends with the process, too. Windows opens no
// directory as a file, and what is locked cannot be read: so a byte of the file
// oci-layout is locked that lies far behind its end (LockFileEx).
func lockDir(dir string) (unlock func(), err error) {
	f, err := os.Open(filepath.Join(dir, "oci-layout"))
	if err != nil {
		return nil, err
	}
	at := &windows.Overlapped{OffsetHigh: 1 << 30}
	if err := windows.LockFileEx(windows.Handle(f.Fd()), windows.LOCKFILE_EXCLUSIVE_LOCK, 0, 1, 0, at); err != nil {
		_ = f.Close()
		return nil, err
	}
	return func() { _ = f.Close() }, nil
}
