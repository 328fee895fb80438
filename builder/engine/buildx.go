package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/moby/buildkit/client"
	_ "github.com/moby/buildkit/client/connhelper/dockercontainer" // docker-container://
	_ "github.com/moby/buildkit/client/connhelper/kubepod"         // kube-pod://
	_ "github.com/moby/buildkit/client/connhelper/podmancontainer" // podman-container://
	_ "github.com/moby/buildkit/client/connhelper/ssh"             // ssh://
)

// group is a buildx instance, as buildx stores it under instances/NAME
// (github.com/docker/buildx/store, NodeGroup).
type group struct {
	Name   string
	Driver string
	Nodes  []struct {
		Name       string
		Endpoint   string
		DriverOpts map[string]string
	}
}

// BuildxDir is where buildx keeps its instances: $BUILDX_CONFIG, else buildx
// below docker's configuration directory.
func BuildxDir() string {
	if dir := os.Getenv("BUILDX_CONFIG"); dir != "" {
		return dir
	}
	dir := os.Getenv("DOCKER_CONFIG")
	if dir == "" {
		home, err := os.UserHomeDir()
		if err != nil {
			return ""
		}
		dir = filepath.Join(home, ".docker")
	}
	return filepath.Join(dir, "buildx")
}

// currentInstance names the instance that buildx would use, and its driver.
// Anything that cannot be read counts as none: nothing was asked for.
func currentInstance(dir string) (name, driver string) {
	data, err := os.ReadFile(filepath.Join(dir, "current"))
	if err != nil {
		return "", ""
	}
	var current struct{ Key, Name string }
	if json.Unmarshal(data, &current) != nil {
		return "", ""
	}
	if current.Name == "" {
		return "default", "docker"
	}
	g, err := readGroup(dir, current.Name)
	if err != nil {
		return "", ""
	}
	return g.Name, g.Driver
}

func readGroup(dir, name string) (*group, error) {
	if filepath.Base(name) != name {
		return nil, fmt.Errorf("%q is not the name of a buildx instance", name)
	}
	data, err := os.ReadFile(filepath.Join(dir, "instances", name))
	if errors.Is(err, os.ErrNotExist) {
		return nil, errors.New("buildx knows no such instance; docker buildx ls lists them")
	}
	if err != nil {
		return nil, err
	}
	var g group
	if err := json.Unmarshal(data, &g); err != nil {
		return nil, fmt.Errorf("reading the instance: %w", err)
	}
	if len(g.Nodes) == 0 {
		return nil, errors.New("the instance has no node")
	}
	return &g, nil
}

// instance connects to the first node of a buildx instance.
func instance(ctx context.Context, o Options, name, reason string) (*Engine, error) {
	g, err := readGroup(o.BuildxDir, name)
	if err != nil {
		return nil, &UnavailableError{name, err}
	}
	node := g.Nodes[0]
	address, opts := "", []client.ClientOpt(nil)
	switch g.Driver {
	case "remote":
		address, opts = node.Endpoint, tlsOptions(node.DriverOpts)
	case "docker-container":
		address = "docker-container://buildx_buildkit_" + node.Name
	case "kubernetes":
		return nil, &UnavailableError{name, errors.New("buildx starts its pods; point --builder at a remote instance, or BUILDKIT_HOST at kube-pod://POD")}
	case "docker":
		return nil, &UnavailableError{name, errors.New("Docker's own builder keeps no image index and cannot be pushed through; leave --builder out to use the engine in this program, and --load to hand the image to docker")}
	default:
		return nil, &UnavailableError{name, fmt.Errorf("the driver %q is not known", g.Driver)}
	}
	e, err := dial(ctx, address, reason, opts)
	if err != nil {
		return nil, err
	}
	e.Name = name + " (" + g.Driver + ")"
	return e, nil
}

// tlsOptions are the certificates of a remote instance.
func tlsOptions(opts map[string]string) []client.ClientOpt {
	var out []client.ClientOpt
	if ca := opts["cacert"]; ca != "" {
		out = append(out, client.WithServerConfig(opts["servername"], ca))
	}
	if opts["cert"] != "" || opts["key"] != "" {
		out = append(out, client.WithCredentials(opts["cert"], opts["key"]))
	}
	return out
}
