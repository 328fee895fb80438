package cli

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"

	"github.com/whittle-oci/whittle/builder/frontend"
	"github.com/whittle-oci/whittle/builder/oci/staging"
)

// measureCache remembers the sizes of base images below the cache directory of
// the user. What cannot be read or written is measured again.
type measureCache struct{ dir string }

func measures() frontend.Measures {
	dir, err := os.UserCacheDir()
	if err != nil {
		return nil
	}
	return measureCache{filepath.Join(dir, "whittle", "bases")}
}

func (m measureCache) file(digest string) string {
	return filepath.Join(m.dir, strings.ReplaceAll(filepath.Base(digest), ":", "-")+".json")
}

// Get implements frontend.Measures.
func (m measureCache) Get(digest string) (frontend.Measure, bool) {
	var x frontend.Measure
	data, err := os.ReadFile(m.file(digest))
	if err != nil || json.Unmarshal(data, &x) != nil {
		return x, false
	}
	return x, true
}

// Put implements frontend.Measures.
func (m measureCache) Put(digest string, x frontend.Measure) {
	data, err := json.Marshal(x)
	if err != nil || os.MkdirAll(m.dir, 0o755) != nil {
		return
	}
	_ = staging.ReplaceFile(m.file(digest), data)
}
