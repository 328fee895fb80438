// Package embedded runs BuildKit's solver and its OCI worker in this process.
// RUN instructions need runc; everything else needs nothing. BuildKit's worker
// is Linux only: on other systems Start returns ErrNotLinux.
package embedded

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/moby/buildkit/client"
	gatewayclient "github.com/moby/buildkit/frontend/gateway/client"
	"github.com/sirupsen/logrus"
)

var (
	// ErrNotLinux says that this system cannot run the engine.
	ErrNotLinux = errors.New("the embedded engine needs Linux")
	// ErrNamespace says that the engine needs a user namespace of its own, which
	// only a new process can have.
	ErrNamespace = errors.New("the embedded engine needs root or a user namespace")
	// ErrNoRunc is what a RUN instruction comes to on a machine without runc. Over
	// the connection to the solver its text is what is left of it.
	ErrNoRunc = errors.New("runc is not along PATH")
)

// Options say where the engine keeps its state and what it allows. The zero
// value works.
type Options struct {
	StateDir     string        // "" for Dir()
	LockTimeout  time.Duration // how long to wait for another process, 0 for 10 minutes
	ConfigFile   string        // buildkitd.toml; "" looks where buildkitd does
	KeepBytes    int64         // state is pruned down to this, 0 for 10 GB
	Entitlements []string
	Frontend     gatewayclient.BuildFunc // for the frontend "dockerfile.v0"
	Log          logrus.FieldLogger      // nil is silent
	Waiting      func(why string)        // is told of a wait for another process; nil for the log
}

// An Engine is BuildKit running in this process.
type Engine struct {
	Client *client.Client
	stop   []func() error // in the order to run
	idle   func()         // what is done before stopping, nil for nothing
}

// Prune brings the state down to its size. Call it before
// Close, when the build went well.
func (e *Engine) Prune() {
	if e.idle != nil {
		e.idle()
	}
}

// Close stops the engine and lets the next process have its state.
func (e *Engine) Close() error {
	var errs []error
	for _, f := range e.stop {
		errs = append(errs, f())
	}
	return errors.Join(errs...)
}

// Dir is where the engine keeps its state: whittle below $XDG_DATA_HOME.
func Dir() (string, error) {
	base := os.Getenv("XDG_DATA_HOME")
	if base == "" {
		home, err := os.UserHomeDir()
		if err != nil {
			return "", fmt.Errorf("finding a place for the build state: %w; set XDG_DATA_HOME", err)
		}
		base = filepath.Join(home, ".local", "share")
	}
	return filepath.Join(base, "whittle"), nil
}
