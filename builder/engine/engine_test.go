package engine_test

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/whittle-oci/whittle/builder/engine"
)

const address = "unix:///somewhere/docker.sock"

// buildxDir writes what buildx keeps: instances by name and driver, and the
// other files by name.
func buildxDir(t *testing.T, instances, files map[string]string) string {
	t.Helper()
	t.Setenv("DOCKER_HOST", address)
	dir := t.TempDir()
	write := func(name, text string) {
		name = filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for name, driver := range instances {
		write("instances/"+name, fmt.Sprintf(`{"Name":%q,"Driver":%q,"Nodes":[{"Name":"%[1]s0","Endpoint":"unix:///nowhere/bk.sock"}]}`, name, driver))
	}
	for name, text := range files {
		write(name, text)
	}
	return dir
}

// byDefault is the file in which buildx keeps the default of an engine.
func byDefault(key string) string {
	sum := sha256.Sum256([]byte(key))
	return "defaults/" + hex.EncodeToString(sum[:])[:20]
}

var drivers = map[string]string{"far": "remote", "box": "docker-container", "plain": "docker", "pods": "kubernetes", "odd": "oddity"}

func TestIntended(t *testing.T) {
	current := func(key, name string, global bool) map[string]string {
		return map[string]string{"current": fmt.Sprintf(`{"Key":%q,"Name":%q,"Global":%v}`, key, name, global)}
	}
	for _, tc := range []struct {
		name  string
		o     engine.Options
		files map[string]string
		want  string
	}{
		{"nothing", engine.Options{}, nil, "embedded, as no builder is configured"},
		{"flag before all", engine.Options{Builder: "far", EnvBuilder: "box", Host: "tcp://h:1"}, current(address, "box", false), "far, as --builder names it"},
		{"variable of buildx", engine.Options{EnvBuilder: "far", Host: "tcp://h:1"}, current(address, "box", false), "far, as BUILDX_BUILDER names it"},
		{"host", engine.Options{Host: "tcp://h:1"}, current(address, "box", false), "tcp://h:1, as BUILDKIT_HOST is set"},
		{"current", engine.Options{}, current(address, "box", false), "box, as it is the current buildx instance"},
		{"current of all", engine.Options{}, current("elsewhere", "far", true), "far, as it is the current buildx instance"},
		{"current of another engine", engine.Options{}, current("elsewhere", "far", false), "embedded, as no builder is configured"},
		{"default of the engine", engine.Options{}, map[string]string{byDefault(address): "far"}, "far, as it is the current buildx instance"},
		{"default of another engine", engine.Options{}, map[string]string{byDefault("elsewhere"): "far"}, "embedded, as no builder is configured"},
		{"docker's own, by name", engine.Options{}, current(address, "plain", false), "embedded, as the current buildx instance is Docker's own, which keeps no image index"},
		{"docker's own", engine.Options{}, current(address, "", false), "embedded, as the current buildx instance is Docker's own, which keeps no image index"},
		{"removed", engine.Options{}, current(address, "gone", false), "embedded, as no builder is configured"},
		{"not JSON", engine.Options{}, map[string]string{"current": "{"}, "embedded, as no builder is configured"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			tc.o.BuildxDir = buildxDir(t, drivers, tc.files)
			name, reason := engine.Intended(tc.o)
			if got := name + ", as " + reason; got != tc.want {
				t.Errorf("%s\nwant %s", got, tc.want)
			}
		})
	}
}

// TestUnavailable asks for engines that do not answer. None of them is
// exchanged for another one.
func TestUnavailable(t *testing.T) {
	for _, tc := range []struct {
		name string
		o    engine.Options
		want string
	}{
		{"host", engine.Options{Host: "unix:///nowhere/bk.sock"}, "the builder unix:///nowhere/bk.sock: "},
		{"host of no kind", engine.Options{Host: "gopher://h"}, "the builder gopher://h: "},
		{"instance", engine.Options{Builder: "far"}, "the builder far at unix:///nowhere/bk.sock: "},
		{"instance in capitals", engine.Options{Builder: "FAR"}, "the builder FAR at unix:///nowhere/bk.sock: "},
		{"container", engine.Options{Builder: "box"}, "the builder box: "},
		{"docker", engine.Options{Builder: "default"}, "the builder default: "},
		{"docker by another name", engine.Options{Builder: "plain"}, "the builder plain: "},
		{"kubernetes", engine.Options{Builder: "pods"}, "point --builder at a remote instance"},
		{"unknown driver", engine.Options{Builder: "odd"}, `the driver "oddity" is not known`},
		{"unknown instance", engine.Options{Builder: "nobody"}, "the builder nobody: buildx knows no such instance"},
		{"no name", engine.Options{Builder: "../far"}, `"../far" is not the name of a buildx instance`},
		{"empty instance", engine.Options{Builder: "empty"}, "the instance has no node"},
		{"broken instance", engine.Options{Builder: "broken"}, "the builder broken: reading the instance"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			tc.o.BuildxDir = buildxDir(t, drivers, map[string]string{"instances/empty": `{"Name":"empty","Driver":"remote"}`, "instances/broken": "{"})
			e, err := engine.Choose(t.Context(), tc.o)
			if err == nil {
				e.Close()
				t.Fatal("it answers")
			}
			if _, ok := errors.AsType[*engine.UnavailableError](err); !ok || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("%T %v\nwant %q", err, err, tc.want)
			}
		})
	}
}
