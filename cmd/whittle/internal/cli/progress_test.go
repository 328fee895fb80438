package cli

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/moby/buildkit/client"
)

// TestWarnings shows the worst ten, and all with -v.
func TestWarnings(t *testing.T) {
	var warnings []client.VertexWarning
	for i := range 11 {
		warnings = append(warnings, client.VertexWarning{Short: fmt.Appendf(nil, "lint %02d", i), URL: "https://example.test"})
	}
	warnings = append(warnings, client.VertexWarning{Short: []byte("unsure")}, client.VertexWarning{Short: []byte("zlib is not in the image")}, client.VertexWarning{Short: []byte("zz could not run: it needs y, which is not in the built image")}, client.VertexWarning{Short: []byte("unsure")})
	for verbose, want := range []string{"14 warnings:\n  - zlib is not in the image\n  - unsure\n  - zz could not run: it needs y, which is not in the built image\n  - lint 00\n", "and 4 more, which -v shows"} {
		var b bytes.Buffer
		a := &app{IO: IO{Err: &b}, verbose: verbose}
		a.printWarnings(warnings)
		lines := strings.Count(b.String(), "\n  - ")
		if has := strings.Contains(b.String(), want); verbose == 0 && (!has || lines != 10) || verbose == 1 && (has || lines != 14) {
			t.Errorf("verbose %d: %d warnings in\n%s", verbose, lines, b.String())
		}
	}
}
