package engine

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"strings"

	dockerconfig "github.com/docker/cli/cli/config"
	dockercontext "github.com/docker/cli/cli/context/docker"
	"github.com/docker/cli/cli/context/store"
	"github.com/moby/buildkit/client"
	mobyclient "github.com/moby/moby/client"
)

// A DockerStore is what the BuildKit inside a docker engine keeps images in.
type DockerStore struct {
	// Containerd says that it is containerd's, which holds image indexes and
	// can be pushed from. The older one holds single images for docker run.
	Containerd bool
}

// defaultContext is docker's own name for no context: DOCKER_HOST or the usual
// socket.
const defaultContext = "default"

// DockerClient connects to a docker engine as the docker command does:
// endpoint is an address, the name of a docker context or "" for DOCKER_HOST
// or else the current context.
func DockerClient(endpoint string) (*mobyclient.Client, error) {
	if endpoint == "" {
		endpoint = currentContext()
	}
	if endpoint == "" || endpoint == defaultContext {
		if host := os.Getenv("DOCKER_HOST"); strings.HasPrefix(host, "ssh://") {
			return dockerAt(dockercontext.Endpoint{EndpointMeta: dockercontext.EndpointMeta{Host: host}})
		}
		return mobyclient.New(mobyclient.FromEnv)
	}
	if strings.Contains(endpoint, "://") {
		if endpoint == os.Getenv("DOCKER_HOST") { // with its certificates
			return DockerClient(defaultContext)
		}
		return dockerAt(dockercontext.Endpoint{EndpointMeta: dockercontext.EndpointMeta{Host: endpoint}})
	}
	contexts := dockerContexts()
	meta, err := contexts.GetMetadata(endpoint)
	if err != nil {
		return nil, fmt.Errorf("reading the docker context %s: %w", endpoint, err)
	}
	at, err := dockercontext.EndpointFromContext(meta)
	if err != nil {
		return nil, fmt.Errorf("reading the docker context %s: %w", endpoint, err)
	}
	secured, err := dockercontext.WithTLSData(contexts, endpoint, at)
	if err != nil {
		return nil, fmt.Errorf("reading the docker context %s: %w", endpoint, err)
	}
	return dockerAt(secured)
}

func dockerAt(e dockercontext.Endpoint) (*mobyclient.Client, error) {
	opts, err := e.ClientOpts()
	if err != nil {
		return nil, err
	}
	return mobyclient.New(opts...)
}

func dockerContexts() *store.ContextStore {
	return store.New(dockerconfig.ContextStoreDir(), store.NewConfig(
		func() any { return &map[string]any{} },
		store.EndpointTypeGetter(dockercontext.DockerEndpoint, func() any { return &dockercontext.EndpointMeta{} })))
}

// currentContext is the docker context that is in use, "" for none. A
// configuration that cannot be read names none.
func currentContext() string {
	if os.Getenv("DOCKER_HOST") != "" {
		return ""
	}
	if name := os.Getenv("DOCKER_CONTEXT"); name != "" {
		return name
	}
	config, err := dockerconfig.Load(dockerconfig.Dir())
	if err != nil {
		return ""
	}
	return config.CurrentContext
}

// SaveImage exports an image of the docker engine, as docker save does.
func SaveImage(ctx context.Context, name string) (io.ReadCloser, error) {
	docker, err := DockerClient("")
	if err != nil {
		return nil, fmt.Errorf("finding the docker engine: %w", err)
	}
	saved, err := docker.ImageSave(ctx, []string{name})
	if err != nil {
		return nil, errors.Join(fmt.Errorf("asking the docker engine: %w", err), docker.Close())
	}
	return savedImage{saved, docker}, nil
}

// savedImage closes the connection with what comes through it.
type savedImage struct {
	io.ReadCloser
	docker io.Closer
}

// Close implements io.Closer.
func (s savedImage) Close() error { return errors.Join(s.ReadCloser.Close(), s.docker.Close()) }

// KeepsIndexes reports whether a docker engine keeps images in containerd's
// store, and so takes image indexes.
func KeepsIndexes(ctx context.Context, docker *mobyclient.Client) bool {
	res, err := docker.Info(ctx, mobyclient.InfoOptions{})
	return err == nil && slices.Contains(res.Info.DriverStatus, [2]string{"driver-type", "io.containerd.snapshotter.v1"})
}

// isDockerContext reports whether buildx has an instance by the name of a
// docker context, with the docker driver.
func isDockerContext(name string) bool {
	if name == defaultContext {
		return true
	}
	_, err := dockerContexts().GetMetadata(name)
	return err == nil
}

// inDocker connects to the BuildKit inside a docker engine.
func inDocker(ctx context.Context, name, endpoint, reason string) (*Engine, error) {
	docker, err := DockerClient(endpoint)
	if err != nil {
		return nil, &UnavailableError{name, err}
	}
	if _, err := docker.Ping(ctx, mobyclient.PingOptions{}); err != nil {
		return nil, &UnavailableError{name, errors.Join(err, docker.Close())}
	}
	e, err := dial(ctx, "", reason, []client.ClientOpt{
		client.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) {
			return docker.DialHijack(ctx, "/grpc", "h2c", nil)
		}),
		client.WithSessionDialer(func(ctx context.Context, proto string, meta map[string][]string) (net.Conn, error) {
			return docker.DialHijack(ctx, "/session", proto, meta)
		}),
	})
	if err != nil {
		return nil, errors.Join(renamed(err, name), docker.Close())
	}
	e.Docker = &DockerStore{Containerd: e.snapshotter}
	e.close = docker.Close
	return e, nil
}

// renamed gives an error of dial the name that the user knows.
func renamed(err error, name string) error {
	if u, ok := errors.AsType[*UnavailableError](err); ok {
		return &UnavailableError{name, u.Err}
	}
	return err
}
