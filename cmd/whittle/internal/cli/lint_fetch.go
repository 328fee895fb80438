package cli

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/whittle-oci/whittle/builder/oci/staging"
)

// The bounds of a configuration file from the network.
const (
	maxConfig    = 1 << 20 // bytes
	fetchTimeout = 30 * time.Second
)

// fetchConfig gets a configuration file that is pinned to the digest of its
// bytes, sha256:HEX. What was got once is kept in the user's cache, so that a
// pinned file is asked for once.
func fetchConfig(ctx context.Context, address, digest string) ([]byte, error) {
	if data, ok := keptConfig(digest); ok {
		return data, nil
	}
	ctx, cancel := context.WithTimeout(ctx, fetchTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, fmt.Errorf("fetching the configuration: %w", err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("fetching the configuration %s: the server answers %s", address, res.Status)
	}
	data, err := io.ReadAll(io.LimitReader(res.Body, maxConfig+1))
	if err != nil {
		return nil, fmt.Errorf("fetching the configuration %s: %w", address, err)
	}
	if len(data) > maxConfig {
		return nil, fmt.Errorf("fetching the configuration %s: more than %d bytes", address, maxConfig)
	}
	if got := digestOf(data); got != digest {
		return nil, usage{fmt.Errorf("the configuration %s is not what it is pinned to: its digest is %s, not %s", address, got, digest)}
	}
	if kept := keptName(digest); kept != "" {
		// A cache that cannot be written to costs another request, no more.
		if err := os.MkdirAll(filepath.Dir(kept), 0o755); err == nil {
			_ = staging.ReplaceFile(kept, data)
		}
	}
	return data, nil
}

// keptName is where a file with a digest is kept, "" where there is no place.
func keptName(digest string) string {
	dir, err := os.UserCacheDir()
	if err != nil {
		return ""
	}
	return filepath.Join(dir, "whittle", "config", strings.TrimPrefix(digest, "sha256:")+".yaml")
}

// keptConfig gives the file with a digest where it was got before.
func keptConfig(digest string) ([]byte, bool) {
	data, err := os.ReadFile(keptName(digest))
	return data, err == nil && digestOf(data) == digest
}

func digestOf(data []byte) string {
	sum := sha256.Sum256(data)
	return "sha256:" + hex.EncodeToString(sum[:])
}
