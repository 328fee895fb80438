package embedded

import (
	"net/http"
	"time"

	"github.com/containerd/containerd/v2/core/remotes/docker"
	"github.com/sirupsen/logrus"

	"github.com/whittle-oci/whittle/builder/oci"
)

// How a registry that is busy or broken is asked again: less often than by
// others, because BuildKit tries pushes again itself.
const (
	registryAttempts = 3
	registryWait     = 500 * time.Millisecond
)

// retryingHosts makes registry clients wait for registries that ask for it or
// fail for the moment. BuildKit tries again only what it pushes, and containerd
// asks a registry that is busy five times at once.
func retryingHosts(hosts docker.RegistryHosts, log logrus.FieldLogger) docker.RegistryHosts {
	return func(host string) ([]docker.RegistryHost, error) {
		list, err := hosts(host)
		for i := range list {
			c := http.Client{}
			if list[i].Client != nil {
				c = *list[i].Client
			}
			c.Transport = &oci.Retry{Next: c.Transport, Wait: registryWait, Attempts: registryAttempts, Log: func(msg string) { log.Debug(msg) }}
			list[i].Client = &c
		}
		return list, err
	}
}
