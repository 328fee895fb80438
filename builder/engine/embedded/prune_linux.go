package embedded

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/moby/buildkit/client"
	"golang.org/x/sys/unix"
)

// pruneEvery is how long the state may grow before it is looked at again.
// BuildKit's own collector waits a minute, which a command does not live.
const pruneEvery = time.Hour

// minFree is how many bytes of its file system the state leaves free, however
// small that makes it: what uses the rest of the disk comes first.
const minFree = 2e9

// prune brings the state down to its size when that has not been done for a
// while, or not down to this size, or the disk is nearly full. It is part of
// stopping, so it may not take long nor fail a build that went well.
func (e *Engine) prune(ctx context.Context, o Options) {
	stamp := filepath.Join(o.StateDir, "pruned")
	size := fmt.Appendf(nil, "%d\n", o.KeepBytes)
	if info, err := os.Stat(stamp); err == nil && time.Since(info.ModTime()) < pruneEvery && !full(o.StateDir) {
		if done, err := os.ReadFile(stamp); err == nil && bytes.Equal(done, size) {
			return
		}
	}
	ctx, cancel := context.WithTimeout(ctx, stopTimeout)
	defer cancel()
	if err := e.pruneReleased(ctx, o.KeepBytes); err != nil {
		o.Log.Debugf("pruning the build state: %v", err)
		return
	}
	if err := os.WriteFile(stamp, size, 0o600); err != nil {
		o.Log.Debugf("pruning the build state: %v", err)
	}
}

// pruneReleased prunes, again where a build that has ended still holds some of
// what is too much: BuildKit releases it a moment after its answer.
func (e *Engine) pruneReleased(ctx context.Context, keep int64) error {
	for range 10 {
		if err := e.Client.Prune(ctx, nil, client.PruneAll, client.WithKeepOpt(0, 0, keep, minFree)); err != nil {
			return err
		}
		records, err := e.Client.DiskUsage(ctx)
		if err != nil {
			return err
		}
		size, held := int64(0), false
		for _, r := range records {
			size, held = size+r.Size, held || r.InUse
		}
		if size <= keep || !held {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(100 * time.Millisecond):
		}
	}
	return nil
}

// full reports whether less than [minFree] is left on the file system of a
// directory.
func full(dir string) bool {
	var st unix.Statfs_t
	return unix.Statfs(dir, &st) == nil && st.Bavail*uint64(st.Bsize) < minFree
}
