package embedded

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/moby/sys/mountinfo"
	"github.com/sirupsen/logrus"
	"golang.org/x/sys/unix"
)

// reap ends what the RUN instructions of a process that was killed left
// running in a state, and takes away what it left mounted. The lock must be
// held: then whatever is there is left over. What cannot be cleared is in
// nobody's way, so it is only said.
func reap(ctx context.Context, stateDir string, log logrus.FieldLogger) {
	stateDir, err := filepath.Abs(stateDir)
	if err == nil {
		stateDir, err = filepath.EvalSymlinks(stateDir) // as the kernel shows mounts
	}
	if err != nil {
		log.Debugf("looking for what was left over: %v", err)
		return
	}
	configs, _ := filepath.Glob(filepath.Join(stateDir, "runc-*", "executor", "*", "config.json"))
	for _, config := range configs {
		id := filepath.Base(filepath.Dir(config))
		log.Debugf("ending the RUN %s, which was left over", id)
		if runc := findRunc(); runc != "" {
			if out, err := exec.CommandContext(ctx, runc, "delete", "--force", id).CombinedOutput(); err != nil {
				log.Debugf("runc delete: %v: %s", err, out)
			}
		}
	}
	if err := unmountLeft(stateDir); err != nil {
		log.Debugf("unmounting what was left over: %v", err)
		return
	}
	for _, config := range configs {
		bundle := filepath.Dir(config)
		for _, name := range []string{filepath.Join(bundle, "rootfs"), config, bundle} {
			if err := os.Remove(name); err != nil && !errors.Is(err, os.ErrNotExist) {
				log.Debugf("removing what was left over: %v", err)
			}
		}
	}
}

// temporaryMounts begin the names of the directories in which BuildKit and
// containerd look at a snapshot.
var temporaryMounts = []string{"buildkit-mount", "containerd-mount"}

// inState reports whether a RUN has mounted something in a state: its root or
// a cache. What a user has mounted there is not touched.
func inState(stateDir, mountpoint string) bool {
	for _, pattern := range []string{"runc-*/executor/*/rootfs", "runc-*/cachemounts/*"} {
		if ok, err := filepath.Match(filepath.Join(stateDir, pattern), mountpoint); err == nil && ok {
			return true
		}
	}
	return false
}

// unmountLeft unmounts what RUNs have mounted in a state, and its snapshots
// from temporary directories, whose directories it removes.
func unmountLeft(stateDir string) error {
	found, err := mountinfo.GetMounts(func(m *mountinfo.Info) (skip, stop bool) {
		name := filepath.Base(m.Mountpoint)
		return !inState(stateDir, m.Mountpoint) && !slices.ContainsFunc(temporaryMounts, func(p string) bool { return strings.HasPrefix(name, p) }), false
	})
	if err != nil || len(found) == 0 {
		return err
	}
	snapshots, err := filepath.Glob(filepath.Join(stateDir, "runc-*", "snapshots", "snapshots", "*", "fs"))
	if err != nil {
		return err
	}
	var errs []error
	for _, m := range slices.Backward(found) { // what was mounted last goes first
		ours := inState(stateDir, m.Mountpoint) || strings.Contains(m.VFSOptions, "dir="+stateDir+"/") || slices.ContainsFunc(snapshots, sameFile(m.Mountpoint))
		if !ours {
			continue
		}
		if err := unix.Unmount(m.Mountpoint, unix.MNT_DETACH|unix.UMOUNT_NOFOLLOW); err != nil {
			errs = append(errs, fmt.Errorf("unmounting %s: %w", m.Mountpoint, err))
		} else if !inState(stateDir, m.Mountpoint) {
			errs = append(errs, os.Remove(m.Mountpoint))
		}
	}
	return errors.Join(errs...)
}

// sameFile compares names with one that may be a mount of what they name.
func sameFile(mounted string) func(string) bool {
	a, err := os.Stat(mounted)
	return func(name string) bool {
		b, berr := os.Stat(name)
		return err == nil && berr == nil && os.SameFile(a, b)
	}
}
