package pin

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/whittle-oci/whittle/builder/oci/staging"
)

// A Cache is a file of answers. Several processes may use it: the last to save
// wins, and what the others learned is asked again. A nil Cache is empty and
// keeps nothing.
type Cache struct {
	file  string
	once  sync.Once
	mu    sync.Mutex
	data  contents
	dirty bool
}

// contents is the file's text, JSON.
type contents struct {
	Tags      map[string]tag      `json:"tags"`                // by full reference
	Facts     map[string]facts    `json:"facts"`               // by full reference with digest, and platform
	Downloads map[string]download `json:"downloads,omitempty"` // by URL
}

type tag struct {
	Digest string    `json:"digest"`
	Seen   time.Time `json:"seen"`
}

type facts struct {
	User string    `json:"user"`
	Size int64     `json:"size"`
	Seen time.Time `json:"seen"`
	// Platforms are asked for where a file of an older release has none.
	Platforms []string `json:"platforms"`
}

const (
	maxCache = 16 << 20            // bytes of the file
	maxAge   = 90 * 24 * time.Hour // what is older is dropped on saving
)

// NewCache is a cache in a file, which need not exist.
func NewCache(file string) *Cache { return &Cache{file: file} }

// load reads the file when it is first needed. One that cannot be read is as
// good as none.
func (c *Cache) load() {
	c.once.Do(func() {
		if info, err := os.Stat(c.file); err == nil && info.Size() <= maxCache {
			if data, err := os.ReadFile(c.file); err == nil && json.Unmarshal(data, &c.data) != nil {
				c.data = contents{}
			}
		}
		if c.data.Tags == nil {
			c.data.Tags = map[string]tag{}
		}
		if c.data.Facts == nil {
			c.data.Facts = map[string]facts{}
		}
		if c.data.Downloads == nil {
			c.data.Downloads = map[string]download{}
		}
	})
}

func (c *Cache) tag(ref string, fresh time.Duration, any bool) (string, bool) {
	if c == nil {
		return "", false
	}
	c.load()
	c.mu.Lock()
	defer c.mu.Unlock()
	t, ok := c.data.Tags[ref]
	return t.Digest, ok && (any || time.Since(t.Seen) < fresh)
}

func (c *Cache) putTag(ref, digest string) {
	if c == nil {
		return
	}
	c.load()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.data.Tags[ref], c.dirty = tag{digest, time.Now().UTC()}, true
}

func (c *Cache) facts(key string) (facts, bool) {
	if c == nil {
		return facts{}, false
	}
	c.load()
	c.mu.Lock()
	defer c.mu.Unlock()
	f, ok := c.data.Facts[key]
	return f, ok && f.Platforms != nil
}

func (c *Cache) putFacts(key string, f facts) {
	if c == nil {
		return
	}
	c.load()
	c.mu.Lock()
	defer c.mu.Unlock()
	f.Seen = time.Now().UTC()
	c.data.Facts[key], c.dirty = f, true
}

func (c *Cache) download(address string) (download, bool) {
	if c == nil {
		return download{}, false
	}
	c.load()
	c.mu.Lock()
	defer c.mu.Unlock()
	d, ok := c.data.Downloads[address]
	return d, ok
}

func (c *Cache) putDownload(address string, d download) {
	if c == nil {
		return
	}
	c.load()
	c.mu.Lock()
	defer c.mu.Unlock()
	d.Seen = time.Now().UTC()
	c.data.Downloads[address], c.dirty = d, true
}

// Save writes what is new, whole or not at all.
func (c *Cache) Save() error {
	if c == nil {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.dirty {
		return nil
	}
	old := time.Now().Add(-maxAge)
	maps.DeleteFunc(c.data.Tags, func(_ string, t tag) bool { return t.Seen.Before(old) })
	maps.DeleteFunc(c.data.Facts, func(_ string, f facts) bool { return f.Seen.Before(old) })
	maps.DeleteFunc(c.data.Downloads, func(_ string, d download) bool { return d.Seen.Before(old) })
	data, err := json.Marshal(c.data)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(c.file), 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("keeping what registries said: %w", err)
	}
	if err := staging.ReplaceFile(c.file, data); err != nil {
		return fmt.Errorf("keeping what registries said: %w", err)
	}
	c.dirty = false
	return nil
}
