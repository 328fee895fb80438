//go:build unix

package signing

import (
	"os"
	"syscall"
)

// lockDir keeps other signers out of a directory until the function it returns
// is called. The lock ends with the process, too.
func lockDir(dir string) (unlock func(), err error) {
	f, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX); err != nil {
		_ = f.Close()
		return nil, err
	}
	return func() { _ = f.Close() }, nil
}
