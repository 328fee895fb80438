package cli

import (
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/sirupsen/logrus"
)

func TestComposeCommands(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"Dockerfile": "FROM scratch\n",
		"compose.yaml": `services:
  web: {build: .}
  worker: {build: ., command: worker --queue "a b"}
  again: {build: {context: .}, command: [worker, --queue, a b]}
  migrate: {build: ., command: [migrate, "8080"]}
  other: {build: {context: ., dockerfile: Other}, command: other}
  plain: {image: x, command: no}
`,
		"Other": "FROM scratch\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	got := composeCommands(&app{log: logrus.New(), IO: IO{Err: io.Discard}}, filepath.Join(dir, "Dockerfile"))
	// Services are read in the order of their names.
	want := [][]string{{"worker", "--queue", "a b"}, {"migrate", "8080"}}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got)\n%s", d)
	}
}
