package engine

import (
	"context"
	"fmt"
	"regexp"
	"strings"

	mobyclient "github.com/moby/moby/client"
)

// A Container is one that runs in the docker engine.
type Container struct {
	ID    string // twelve digits, as docker ps prints it
	Name  string
	Image string // as it was named when the container was made
}

// Containers lists the running containers of an image, or the one of that name
// or ID.
func Containers(ctx context.Context, image string) ([]Container, error) {
	docker, err := DockerClient("")
	if err != nil {
		return nil, fmt.Errorf("finding the docker engine: %w", err)
	}
	defer docker.Close()
	var out []Container
	seen := map[string]bool{}
	for _, filter := range []string{"ancestor", "name", "id"} {
		value := image
		if filter == "name" {
			value = "^/?" + regexp.QuoteMeta(image) + "$"
		}
		list, err := docker.ContainerList(ctx, mobyclient.ContainerListOptions{Filters: mobyclient.Filters{}.Add(filter, value)})
		if err != nil && filter == "ancestor" && strings.Contains(err.Error(), "invalid") {
			continue // it is no name of an image
		}
		if err != nil {
			return nil, fmt.Errorf("asking the docker engine: %w", err)
		}
		for _, c := range list.Items {
			if seen[c.ID] {
				continue
			}
			seen[c.ID] = true
			x := Container{ID: c.ID[:min(12, len(c.ID))], Image: c.Image}
			if len(c.Names) > 0 {
				x.Name = strings.TrimPrefix(c.Names[0], "/")
			}
			out = append(out, x)
		}
	}
	return out, nil
}
