package engine

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"time"

	"github.com/containerd/errdefs"
	"github.com/moby/buildkit/client"
	"github.com/moby/moby/api/pkg/stdcopy"
	mobyclient "github.com/moby/moby/client"
)

// containerPrefix begins the names of the containers that buildx makes
// (github.com/docker/buildx/driver, BuilderName).
const containerPrefix = "buildx_buildkit_"

// inContainer connects to the BuildKit in a container that buildx made. One
// that was stopped is started, as buildx does.
func inContainer(ctx context.Context, instance, reason string, n node) (*Engine, error) {
	docker, err := DockerClient(n.Endpoint)
	if err != nil {
		return nil, &UnavailableError{instance, err}
	}
	e, err := dialContainer(ctx, docker, reason, containerPrefix+n.Name)
	if err != nil {
		_ = docker.Close()
		if errdefs.IsNotFound(err) {
			err = fmt.Errorf("the container %s is not there; docker buildx inspect --bootstrap %s makes it", containerPrefix+n.Name, instance)
		}
		return nil, &UnavailableError{instance, err}
	}
	e.close = docker.Close
	return e, nil
}

func dialContainer(ctx context.Context, docker *mobyclient.Client, reason, name string) (*Engine, error) {
	there, err := docker.ContainerInspect(ctx, name, mobyclient.ContainerInspectOptions{})
	if err != nil {
		return nil, err
	}
	deadline := time.Now()
	if s := there.Container.State; s == nil || !s.Running {
		if _, err := docker.ContainerStart(ctx, name, mobyclient.ContainerStartOptions{}); err != nil {
			return nil, fmt.Errorf("starting the container %s: %w", name, err)
		}
		deadline = deadline.Add(dialTimeout)
	}
	opts := []client.ClientOpt{client.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) {
		return execDial(ctx, docker, name, "buildctl", "dial-stdio")
	})}
	for {
		e, err := dial(ctx, "", reason, opts)
		if err == nil || time.Now().After(deadline) {
			return e, unwrapped(err)
		}
		select {
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		case <-time.After(startPoll):
		}
	}
}

// startPoll is how often a container that was started is asked whether its
// BuildKit answers.
const startPoll = 200 * time.Millisecond

func unwrapped(err error) error {
	if u, ok := errors.AsType[*UnavailableError](err); ok {
		return u.Err
	}
	return err
}

// execDial runs a command in a container and gives its standard input and
// output as a connection. What it says on standard error ends the connection
// as an error.
func execDial(ctx context.Context, docker *mobyclient.Client, container string, command ...string) (net.Conn, error) {
	made, err := docker.ExecCreate(ctx, container, mobyclient.ExecCreateOptions{
		Cmd: command, AttachStdin: true, AttachStdout: true, AttachStderr: true,
	})
	if err != nil {
		return nil, err
	}
	attached, err := docker.ExecAttach(ctx, made.ID, mobyclient.ExecAttachOptions{})
	if err != nil {
		return nil, err
	}
	pr, pw := io.Pipe()
	go func() {
		var said bytes.Buffer
		_, err := stdcopy.StdCopy(pw, &limited{&said, maxSaid}, attached.Reader)
		if text := strings.TrimSpace(said.String()); err == nil && text != "" {
			err = fmt.Errorf("%s in %s: %s", strings.Join(command, " "), container, text)
		}
		pw.CloseWithError(err) // nil reads as the end
	}()
	return &execConn{attached.Conn, pr}, nil
}

// execConn writes to a command's standard input and reads its standard output.
type execConn struct {
	net.Conn
	out *io.PipeReader
}

// Read implements net.Conn.
func (c *execConn) Read(p []byte) (int, error) { return c.out.Read(p) }

// Close implements net.Conn.
func (c *execConn) Close() error { return errors.Join(c.out.Close(), c.Conn.Close()) }

// maxSaid is how much of a command's standard error is kept, in bytes.
const maxSaid = 4 << 10

// limited keeps the beginning of what is written to it.
type limited struct {
	to   *bytes.Buffer
	left int
}

// Write implements io.Writer.
func (l *limited) Write(p []byte) (int, error) {
	n := min(len(p), l.left)
	l.left -= n
	l.to.Write(p[:n])
	return len(p), nil
}
