package shellcheck

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"

	"github.com/whittle-oci/whittle/builder/oci/staging"
)

// A cache keeps what the program said, in up to 256 files that results are
// appended to, each a line: the key and the findings as JSON. A line that was cut
// short is one that is not there. Nothing here is an error: what cannot be kept
// is asked again.
type cache struct {
	dir    string
	shards map[byte]map[string]json.RawMessage // read so far, by first byte of the key
	fresh  map[byte]*bytes.Buffer              // not yet written
}

const (
	// maxShard is from where on the older half of a file is forgotten, in
	// bytes; 32 MiB in all.
	maxShard = 128 << 10
	// maxEntry is the longest result that is kept, in bytes.
	maxEntry = 16 << 10
)

func (c *cache) file(shard byte) string {
	return filepath.Join(c.dir, hex.EncodeToString([]byte{shard}))
}

// get is false for what is not there.
func (c *cache) get(k key) (comments []comment, ok bool) {
	if c.dir == "" {
		return nil, false
	}
	shard, read := c.shards[k[0]]
	if !read {
		if c.shards == nil {
			c.shards = map[byte]map[string]json.RawMessage{}
		}
		shard = parseShard(readShard(c.file(k[0])))
		c.shards[k[0]] = shard
	}
	data, ok := shard[hex.EncodeToString(k[:])]
	return comments, ok && json.Unmarshal(data, &comments) == nil
}

func readShard(name string) []byte {
	if info, err := os.Stat(name); err != nil || info.Size() > 4*maxShard {
		return nil
	}
	data, err := os.ReadFile(name)
	if err != nil {
		return nil
	}
	return data
}

func parseShard(data []byte) map[string]json.RawMessage {
	out := map[string]json.RawMessage{}
	for line := range bytes.Lines(data) {
		if k, v, ok := strings.Cut(string(bytes.TrimSpace(line)), " "); ok {
			out[k] = json.RawMessage(v)
		}
	}
	return out
}

// put takes a result that flush writes.
func (c *cache) put(k key, comments []comment) {
	if comments == nil {
		comments = []comment{}
	}
	data, err := json.Marshal(comments)
	if c.dir == "" || err != nil || len(data) > maxEntry {
		return
	}
	if shard := c.shards[k[0]]; shard != nil {
		shard[hex.EncodeToString(k[:])] = data
	}
	if c.fresh == nil {
		c.fresh = map[byte]*bytes.Buffer{}
	}
	if c.fresh[k[0]] == nil {
		c.fresh[k[0]] = &bytes.Buffer{}
	}
	// A line break first, in case that the last line was cut short.
	c.fresh[k[0]].WriteString("\n" + hex.EncodeToString(k[:]) + " " + string(data))
}

// flush writes what was put, each file in one append, so that programs at the
// same time do not mix their lines.
func (c *cache) flush() {
	if len(c.fresh) == 0 || os.MkdirAll(c.dir, 0o700) != nil {
		return
	}
	for shard, data := range c.fresh {
		name := c.file(shard)
		f, err := os.OpenFile(name, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
		if err != nil {
			continue
		}
		_, _ = f.Write(data.Bytes())
		info, err := f.Stat()
		f.Close()
		if err == nil && info.Size() > maxShard {
			forget(name)
		}
	}
	clear(c.fresh)
}

// forget writes the newer half of a file in its place.
func forget(name string) {
	data := readShard(name)
	_, newer, _ := bytes.Cut(data[max(0, len(data)-maxShard/2):], []byte("\n"))
	_ = staging.ReplaceFile(name, newer)
}
