package engine

import (
	"context"
	"errors"
	"fmt"

	"github.com/moby/buildkit/client"
	_ "github.com/moby/buildkit/client/connhelper/dockercontainer" // docker-container://, of BUILDKIT_HOST
	_ "github.com/moby/buildkit/client/connhelper/kubepod"         // kube-pod://
	_ "github.com/moby/buildkit/client/connhelper/podmancontainer" // podman-container://
	_ "github.com/moby/buildkit/client/connhelper/ssh"             // ssh://
)

// instance connects to the first node of a buildx instance.
func instance(ctx context.Context, o Options, name, reason string) (*Engine, error) {
	g, err := readGroup(o.BuildxDir, name)
	if errors.Is(err, errNoInstance) && isDockerContext(name) {
		// buildx keeps no file of these.
		g, err = &group{Name: name, Driver: dockerDriver, Nodes: []node{{Name: name, Endpoint: name}}}, nil
	}
	if err != nil {
		return nil, &UnavailableError{name, err}
	}
	if len(g.Nodes) > 1 && o.Log != nil {
		o.Log.Warnf("the builder %s has %d nodes; all is built by the first, %s", name, len(g.Nodes), g.Nodes[0].Name)
	}
	e, err := g.connect(ctx, g.Nodes[0], name, reason)
	if err != nil {
		return nil, err
	}
	e.Name = name + " (" + g.Driver + ")"
	return e, nil
}

func (g *group) connect(ctx context.Context, n node, name, reason string) (*Engine, error) {
	switch g.Driver {
	case remoteDriver:
		e, err := dial(ctx, n.Endpoint, reason, tlsOptions(n.DriverOpts))
		return e, renamed(err, name+" at "+n.Endpoint)
	case containerDriver:
		return inContainer(ctx, name, reason, n)
	case dockerDriver:
		return inDocker(ctx, name, n.Endpoint, reason)
	case "kubernetes":
		return nil, &UnavailableError{name, errors.New("buildx starts its pods; point --builder at a remote instance, or BUILDKIT_HOST at kube-pod://POD")}
	}
	return nil, &UnavailableError{name, fmt.Errorf("the driver %q is not known", g.Driver)}
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
