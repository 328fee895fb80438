package engine

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// group is a buildx instance, as buildx stores it under instances/NAME
// (github.com/docker/buildx/store, NodeGroup).
type group struct {
	Name   string
	Driver string
	Nodes  []node
}

// node is one BuildKit of an instance.
type node struct {
	Name       string
	Endpoint   string // address, or of a docker engine also the name of a docker context
	DriverOpts map[string]string
}

// The drivers that can be built with, in buildx's words.
const (
	remoteDriver    = "remote"           // a BuildKit that someone else runs
	containerDriver = "docker-container" // one in a container that buildx made
	dockerDriver    = "docker"           // the one inside a docker engine
)

var errNoInstance = errors.New("buildx knows no such instance; docker buildx ls lists them")

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
	name, chosen := currentName(dir, dockerKey())
	if !chosen {
		return "", ""
	}
	if name == "" {
		return defaultContext, dockerDriver
	}
	g, err := readGroup(dir, name)
	if err != nil {
		return "", ""
	}
	return g.Name, g.Driver
}

// currentName reads which instance was chosen for a docker engine: the last
// choice of all, or the default of that engine (github.com/docker/buildx/store,
// Txn.Current). The name is "" where docker's own builder was.
func currentName(dir, key string) (name string, chosen bool) {
	var current struct {
		Key, Name string
		Global    bool
	}
	if data, err := os.ReadFile(filepath.Join(dir, "current")); err == nil && json.Unmarshal(data, &current) == nil {
		chosen = current.Global || current.Key == key
		if chosen && current.Name != "" {
			return current.Name, true
		}
	}
	sum := sha256.Sum256([]byte(key))
	data, err := os.ReadFile(filepath.Join(dir, "defaults", hex.EncodeToString(sum[:])[:20]))
	return string(data), chosen || err == nil
}

// dockerKey is what buildx files the choice of an instance under: the docker
// context in use, or the address of the engine where that is the default one.
func dockerKey() string {
	if name := currentContext(); name != "" && name != defaultContext {
		return name
	}
	if host := os.Getenv("DOCKER_HOST"); host != "" {
		return host
	}
	return "unix:///var/run/docker.sock"
}

func readGroup(dir, name string) (*group, error) {
	if filepath.Base(name) != name {
		return nil, fmt.Errorf("%q is not the name of a buildx instance", name)
	}
	data, err := os.ReadFile(filepath.Join(dir, "instances", strings.ToLower(name)))
	if errors.Is(err, os.ErrNotExist) {
		return nil, errNoInstance
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
