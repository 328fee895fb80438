// Package engine finds a BuildKit to build with: one that is named, one that
// is configured, or the one inside this program.
package engine

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/moby/buildkit/client"
	gateway "github.com/moby/buildkit/frontend/gateway/client"
	"github.com/sirupsen/logrus"

	"github.com/whittle-oci/whittle/builder/engine/embedded"
)

// Options say which BuildKit is wanted. The zero value chooses by what the
// machine has.
type Options struct {
	Builder     string // name of a buildx instance, of --builder
	EnvBuilder  string // the same, of BUILDX_BUILDER
	Host        string // BUILDKIT_HOST
	BuildxDir   string // buildx's configuration directory
	StateDir    string // of the embedded engine
	LockTimeout time.Duration
	ConfigFile  string // buildkitd.toml for the embedded engine
	KeepBytes   int64  // the embedded engine prunes its state down to this, 0 for a default
	// Entitlements that builds may ask of the embedded engine.
	Entitlements []string
	// Frontend is what the embedded engine runs for "dockerfile.v0".
	Frontend gateway.BuildFunc
	Log      logrus.FieldLogger
	// Waiting is told why the embedded engine waits for another process; nil
	// for the log.
	Waiting func(why string)
}

// An Engine is a BuildKit that answers.
type Engine struct {
	Name   string // "embedded", or the address or instance that was chosen
	Reason string // why this one
	// Local is true for the engine in this process, which sees this
	// machine's loopback registries as this process does.
	Local bool
	// Docker is set for the BuildKit inside a docker engine.
	Docker *DockerStore
	Client *client.Client
	close  func() error
	idle   func()

	snapshotter bool // it names one, as containerd's workers do
}

// Prune keeps the state of the embedded engine small, after a build that went
// well; call it before Close.
func (e *Engine) Prune() {
	if e.idle != nil {
		e.idle()
	}
}

// Close lets go of the engine: the embedded one stops.
func (e *Engine) Close() error {
	err := e.Client.Close()
	if e.close != nil {
		if cerr := e.close(); err == nil {
			err = cerr
		}
	}
	return err
}

// An UnavailableError is an engine that was asked for and does not answer.
// There is no falling back to another one: it would build somewhere else than
// the user said.
type UnavailableError struct {
	Name string
	Err  error
}

// Error names the engine and what went wrong.
func (e *UnavailableError) Error() string { return fmt.Sprintf("the builder %s: %v", e.Name, e.Err) }

// Unwrap returns the cause.
func (e *UnavailableError) Unwrap() error { return e.Err }

// Intended says which engine Choose would take and why, without dialling it.
func Intended(o Options) (name, reason string) {
	switch {
	case o.Builder != "":
		return o.Builder, "--builder names it"
	case o.EnvBuilder != "":
		return o.EnvBuilder, "BUILDX_BUILDER names it"
	case o.Host != "":
		return o.Host, "BUILDKIT_HOST is set"
	}
	current, driver := currentInstance(o.BuildxDir)
	switch {
	case current != "" && driver != dockerDriver && driver != "":
		return current, "it is the current buildx instance"
	case driver == dockerDriver:
		return Embedded, "the current buildx instance is Docker's own, which keeps no image index"
	}
	return Embedded, "no builder is configured"
}

// Embedded is how the engine in this process is called.
const Embedded = "embedded"

// Choose finds the engine: --builder or BUILDX_BUILDER, then BUILDKIT_HOST, then
// the current buildx instance unless it is Docker's own, then the embedded one.
func Choose(ctx context.Context, o Options) (*Engine, error) {
	name, reason := Intended(o)
	switch {
	case o.Builder == "" && o.EnvBuilder == "" && o.Host != "":
		return dial(ctx, o.Host, reason, nil)
	case name != Embedded:
		return instance(ctx, o, name, reason)
	}
	e, err := embedded.Start(ctx, embedded.Options{
		StateDir: o.StateDir, LockTimeout: o.LockTimeout, ConfigFile: o.ConfigFile, KeepBytes: o.KeepBytes,
		Entitlements: o.Entitlements, Frontend: o.Frontend, Log: o.Log, Waiting: o.Waiting,
	})
	if errors.Is(err, embedded.ErrNamespace) {
		return nil, err
	}
	if err != nil {
		return nil, &UnavailableError{"in this program", err}
	}
	return &Engine{Name: Embedded, Reason: reason, Local: true, Client: e.Client, close: e.Close, idle: e.Prune}, nil
}

// dial connects to an address and asks who is there, so that a wrong address
// fails here and not in the middle of a build.
func dial(ctx context.Context, address, reason string, opts []client.ClientOpt) (*Engine, error) {
	c, err := client.New(ctx, address, opts...)
	if err != nil {
		return nil, &UnavailableError{address, err}
	}
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	workers, err := c.ListWorkers(ctx)
	if err != nil {
		_ = c.Close()
		return nil, &UnavailableError{address, err}
	}
	e := &Engine{Name: address, Reason: reason, Client: c}
	for _, w := range workers {
		_, named := w.Labels["org.mobyproject.buildkit.worker.snapshotter"]
		e.snapshotter = e.snapshotter || named
	}
	return e, nil
}

// dialTimeout is how long a builder may take to answer for the first time. A
// container that has to start takes some seconds.
const dialTimeout = 20 * time.Second
