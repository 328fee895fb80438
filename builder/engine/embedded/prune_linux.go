package embedded

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/moby/buildkit/client"
)

// pruneEvery is how long the state may grow before it is looked at again.
// BuildKit's own collector waits a minute, which a command does not live.
const pruneEvery = time.Hour

// prune brings the state down to its size when that has not been done for a
// while, or not down to this size. It is part of stopping, so it may not take long nor fail a build that
// went well.
func (e *Engine) prune(ctx context.Context, o Options) {
	stamp := filepath.Join(o.StateDir, "pruned")
	size := fmt.Appendf(nil, "%d\n", o.KeepBytes)
	if info, err := os.Stat(stamp); err == nil && time.Since(info.ModTime()) < pruneEvery {
		if done, err := os.ReadFile(stamp); err == nil && bytes.Equal(done, size) {
			return
		}
	}
	ctx, cancel := context.WithTimeout(ctx, stopTimeout)
	defer cancel()
	if err := e.Client.Prune(ctx, nil, client.PruneAll, client.WithKeepOpt(0, 0, o.KeepBytes, 0)); err != nil {
		o.Log.Debugf("pruning the build state: %v", err)
		return
	}
	if err := os.WriteFile(stamp, size, 0o600); err != nil {
		o.Log.Debugf("pruning the build state: %v", err)
	}
}
