package embedded

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"time"

	"github.com/containerd/containerd/v2/core/snapshots"
	"github.com/containerd/containerd/v2/plugins/snapshots/native"
	"github.com/containerd/containerd/v2/plugins/snapshots/overlay"
	"github.com/containerd/containerd/v2/plugins/snapshots/overlay/overlayutils"
	"github.com/containerd/platforms"
	"github.com/moby/buildkit/cache/remotecache"
	"github.com/moby/buildkit/cache/remotecache/gha"
	"github.com/moby/buildkit/cache/remotecache/inline"
	localcache "github.com/moby/buildkit/cache/remotecache/local"
	registrycache "github.com/moby/buildkit/cache/remotecache/registry"
	"github.com/moby/buildkit/client"
	"github.com/moby/buildkit/control"
	"github.com/moby/buildkit/executor/oci"
	"github.com/moby/buildkit/frontend"
	"github.com/moby/buildkit/frontend/gateway"
	"github.com/moby/buildkit/frontend/gateway/forwarder"
	"github.com/moby/buildkit/session"
	"github.com/moby/buildkit/solver"
	"github.com/moby/buildkit/solver/bboltcachestorage"
	"github.com/moby/buildkit/util/archutil"
	"github.com/moby/buildkit/util/db/boltutil"
	"github.com/moby/buildkit/util/network/netproviders"
	"github.com/moby/buildkit/util/resolver"
	"github.com/moby/buildkit/worker"
	"github.com/moby/buildkit/worker/base"
	"github.com/moby/buildkit/worker/runc"
	"github.com/moby/sys/userns"
	"github.com/sirupsen/logrus"
	"google.golang.org/grpc"
	"google.golang.org/grpc/test/bufconn"
)

const (
	defaultLockTimeout = 10 * time.Minute
	defaultKeepBytes   = 10e9
)

// Available reports whether this system can run the engine.
const Available = true

// Start runs the engine. Only one process at a time may use a state
// directory; others wait and say so.
func Start(ctx context.Context, o Options) (_ *Engine, err error) {
	if needsNamespace() {
		return nil, ErrNamespace
	}
	if o.Log == nil {
		silent := logrus.New()
		silent.SetOutput(io.Discard)
		o.Log = silent
	}
	if o.LockTimeout == 0 {
		o.LockTimeout = defaultLockTimeout
	}
	if o.KeepBytes == 0 {
		o.KeepBytes = defaultKeepBytes
	}
	if o.StateDir == "" {
		if o.StateDir, err = Dir(); err != nil {
			return nil, err
		}
	}
	if err := os.MkdirAll(o.StateDir, 0o700); err != nil {
		return nil, fmt.Errorf("making the state directory: %w", err)
	}
	if o.Waiting == nil {
		o.Waiting = func(why string) { o.Log.Info(why) }
	}
	lock, err := acquire(ctx, filepath.Join(o.StateDir, "lock"), o.LockTimeout, o.Waiting)
	if err != nil {
		return nil, err
	}
	e := &Engine{stop: []func() error{lock.release}}
	defer func() {
		if err != nil {
			err = errors.Join(err, e.Close())
		}
	}()
	reap(ctx, o.StateDir, o.Log)
	if err := e.start(ctx, o); err != nil {
		return e, err
	}
	if full(o.StateDir) {
		e.prune(ctx, o)
	}
	e.idle = func() { e.prune(context.WithoutCancel(ctx), o) }
	return e, nil
}

// before adds something to be stopped ahead of everything that runs already.
func (e *Engine) before(f func() error) { e.stop = append([]func() error{f}, e.stop...) }

func (e *Engine) start(ctx context.Context, o Options) error {
	quiet(o.Log)
	registries, err := registries(o.ConfigFile, o.Log)
	if err != nil {
		return err
	}
	hosts := retryingHosts(resolver.NewRegistryConfig(registries), o.Log)
	w, err := newWorker(ctx, o, hosts)
	if err != nil {
		return err
	}
	wc := &worker.Controller{}
	if err := wc.Add(w); err != nil {
		return fmt.Errorf("adding the worker: %w", err)
	}
	sessions, err := session.NewManager()
	if err != nil {
		return fmt.Errorf("starting sessions: %w", err)
	}
	cache, err := bboltcachestorage.NewStore(filepath.Join(o.StateDir, "cache.db"))
	if err != nil {
		return fmt.Errorf("opening the build cache: %w", err)
	}
	history, err := boltutil.Open(filepath.Join(o.StateDir, "history.db"), 0o600, nil)
	if err != nil {
		return fmt.Errorf("opening the build history: %w", errors.Join(err, cache.Close()))
	}
	gw, err := gateway.NewGatewayFrontend(wc.Infos(), nil)
	if err != nil {
		return fmt.Errorf("starting frontends: %w", errors.Join(err, history.Close(), cache.Close()))
	}
	frontends := map[string]frontend.Frontend{"gateway.v0": gw}
	if o.Frontend != nil {
		frontends["dockerfile.v0"] = forwarder.NewGatewayForwarder(wc.Infos(), o.Frontend)
	}
	controller, err := control.NewController(control.Opt{
		SessionManager: sessions, WorkerController: wc, Frontends: frontends,
		CacheManager: solver.NewCacheManager(context.WithoutCancel(ctx), "local", cache, worker.NewCacheResultStorage(wc)),
		ResolveCacheExporterFuncs: map[string]remotecache.ResolveCacheExporterFunc{
			"inline":   inline.ResolveCacheExporterFunc(),
			"local":    localcache.ResolveCacheExporterFunc(sessions),
			"registry": registrycache.ResolveCacheExporterFunc(sessions, hosts),
			"gha":      gha.ResolveCacheExporterFunc(nil, nil),
		},
		ResolveCacheImporterFuncs: map[string]remotecache.ResolveCacheImporterFunc{
			"local":    localcache.ResolveCacheImporterFunc(sessions),
			"registry": registrycache.ResolveCacheImporterFunc(sessions, w.ContentStore(), hosts),
			"gha":      gha.ResolveCacheImporterFunc(nil, nil),
		},
		Entitlements: o.Entitlements, CacheStore: cache, HistoryDB: history,
		LeaseManager: w.LeaseManager(), ContentStore: w.ContentStore(), GarbageCollect: w.GarbageCollect,
	})
	if err != nil {
		return fmt.Errorf("starting the solver: %w", errors.Join(err, history.Close(), cache.Close()))
	}
	e.before(controller.Close) // which closes the worker and the databases
	return e.serve(ctx, controller)
}

// bufferSize is the size of the pipe between client and solver, in bytes.
const bufferSize = 1 << 20

// maxMessage is the largest gRPC message, as buildkitd has it.
const maxMessage = 16 << 20

// stopTimeout is how long a build may take to end after it was interrupted.
const stopTimeout = 20 * time.Second

// serve connects a client to the controller through memory.
func (e *Engine) serve(ctx context.Context, controller *control.Controller) error {
	pipe := bufconn.Listen(bufferSize)
	server := grpc.NewServer(grpc.MaxRecvMsgSize(maxMessage), grpc.MaxSendMsgSize(maxMessage))
	controller.Register(server)
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = server.Serve(pipe) // ends with Stop
	}()
	e.before(func() error {
		// An interrupted RUN is still being ended: its process and mounts
		// must be gone before this process is.
		hard := time.AfterFunc(stopTimeout, server.Stop)
		server.GracefulStop()
		hard.Stop()
		<-done
		return nil
	})
	c, err := client.New(context.WithoutCancel(ctx), "", client.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) {
		return pipe.DialContext(ctx)
	}))
	if err != nil {
		return fmt.Errorf("connecting to the solver: %w", err)
	}
	e.Client = c
	return nil
}

// newWorker makes the OCI worker: overlayfs where the kernel allows it, RUN in
// the host's network as docker build --network=host.
func newWorker(ctx context.Context, o Options, hosts resolverHosts) (*base.Worker, error) {
	factory := runc.SnapshotterFactory{Name: "native", New: native.NewSnapshotter}
	if err := overlayutils.Supported(o.StateDir); err == nil {
		factory = runc.SnapshotterFactory{Name: "overlayfs", New: func(root string) (snapshots.Snapshotter, error) {
			return overlay.NewSnapshotter(root)
		}}
	} else {
		o.Log.Debugf("overlayfs cannot be used here, files are copied: %v", err)
	}
	binary, found := findRunc(), true
	if binary == "" {
		// BuildKit wants a program that is there before it starts.
		binary, found = "/proc/self/exe", false
	}
	opt, err := runc.NewWorkerOpt(o.StateDir, factory, userns.RunningInUserNS(), oci.ProcessSandbox, nil, nil, netproviders.Opt{Mode: "host"}, nil, binary, "", false, nil, "", "", nil)
	if err != nil {
		return nil, fmt.Errorf("setting up the worker: %w", err)
	}
	if !found {
		opt.Executor = withoutRunc{}
	}
	opt.RegistryHosts = hosts
	opt.Platforms = runnable()
	keep := o.KeepBytes
	opt.GCPolicy = []client.PruneInfo{
		{Filter: []string{"type==source.local", "type==source.git.checkout"}, KeepDuration: 48 * time.Hour, MaxUsedSpace: 512e6},
		{MaxUsedSpace: keep, MinFreeSpace: minFree},
		{All: true, MaxUsedSpace: keep, MinFreeSpace: minFree},
	}
	w, err := base.NewWorker(ctx, opt)
	if err != nil {
		return nil, fmt.Errorf("starting the worker: %w", err)
	}
	return w, nil
}

// runnable lists the platforms whose programs this machine executes, its own
// first.
func runnable() []platformSpec {
	var out []platformSpec
	for _, p := range archutil.SupportedPlatforms(true) {
		out = append(out, platforms.Normalize(p))
	}
	return out
}
