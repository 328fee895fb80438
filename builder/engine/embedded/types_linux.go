package embedded

import (
	"github.com/containerd/containerd/v2/core/remotes/docker"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
)

type (
	resolverHosts = docker.RegistryHosts
	platformSpec  = ocispecs.Platform
)
