package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	mobyclient "github.com/moby/moby/client"
)

// A Docker is a docker engine that images are handed to.
type Docker struct{ client *mobyclient.Client }

// OpenDocker connects to the docker engine that the docker command uses, and
// asks whether it answers. The caller closes it.
func OpenDocker(ctx context.Context) (*Docker, error) {
	client, err := DockerClient("")
	if err != nil {
		return nil, fmt.Errorf("finding the docker engine: %w", err)
	}
	if _, err := client.Ping(ctx, mobyclient.PingOptions{}); err != nil {
		return nil, fmt.Errorf("asking the docker engine: %w", errors.Join(err, client.Close()))
	}
	return &Docker{client}, nil
}

// Close lets go of the connection.
func (d *Docker) Close() error { return d.client.Close() }

// KeepsIndexes reports whether the engine takes image indexes.
func (d *Docker) KeepsIndexes(ctx context.Context) bool { return KeepsIndexes(ctx, d.client) }

// Load hands a tar over, as docker load does: one of docker's, or an OCI layout
// where the engine keeps indexes.
func (d *Docker) Load(ctx context.Context, tar io.Reader) error {
	res, err := d.client.ImageLoad(ctx, tar)
	if err != nil {
		return err
	}
	return loadResult(res)
}

// loadResult reads the engine's answer, which tells of failure in a stream of
// JSON.
func loadResult(body io.ReadCloser) error {
	defer body.Close()
	dec := json.NewDecoder(body)
	for {
		var line struct {
			Error string `json:"error"`
		}
		if err := dec.Decode(&line); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		if line.Error != "" {
			return errors.New(line.Error)
		}
	}
}
