package cli

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/whittle-oci/whittle/lint/buildcontext"
	"github.com/whittle-oci/whittle/lint/pin"
	"github.com/whittle-oci/whittle/lint/rule"
)

// A contexts remembers the build contexts of a run: Dockerfiles of one
// repository share theirs, and it is looked through once.
type contexts struct {
	mu    sync.Mutex
	known map[string]*buildcontext.Directory // by directory and ignore file
}

// of is the context of a Dockerfile, nil where it has none. Nothing is read of
// it before a rule asks.
func (c *contexts) of(dir string, ignore []byte) rule.Context {
	if dir == "" {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	key := dir + "\x00" + string(ignore)
	if c.known == nil {
		c.known = map[string]*buildcontext.Directory{}
	}
	if c.known[key] == nil {
		c.known[key] = buildcontext.Open(dir, ignore)
	}
	return c.known[key]
}

// online is what --online asks registries with.
type online struct {
	rule.Images
	downloads rule.Downloads
	cache     *pin.Cache
	mu        sync.Mutex
	// failed says that an image could not be asked about.
	failed bool
}

// freshImages is how old an answer about a tag may be. A linter runs often, and
// registries count who asks.
const freshImages = time.Hour

func (a *app) online(ctx context.Context) *online {
	o := &online{cache: pinCache()}
	r := &pin.Resolver{Cache: o.cache, Fresh: freshImages}
	failed := func(err error) {
		o.mu.Lock()
		defer o.mu.Unlock()
		o.failed = true
		fmt.Fprintf(a.Err, "whittle: --online: %v\n", err)
	}
	o.Images, o.downloads = r.Images(ctx, failed), r.Downloads(ctx, failed)
	return o
}

// done keeps what was learned and reports whether all could be asked.
func (o *online) done(a *app) bool {
	if o == nil {
		return true
	}
	if err := o.cache.Save(); err != nil {
		a.log.Debug(err)
	}
	return !o.failed
}
