package cosign

import (
	"context"
	"errors"
	"fmt"

	"github.com/sigstore/sigstore-go/pkg/tuf"
	"github.com/theupdateframework/go-tuf/v2/metadata"
)

// FetchTrust asks a TUF repository (theupdateframework.io) for its trusted root
// and, where it has one, its signing configuration. mirror and root are where it
// is and its first root.json; "" and nil are the public Sigstore's. cache is a
// directory that keeps what must not go back.
func FetchTrust(ctx context.Context, mirror string, root []byte, cache string) (trusted, config []byte, err error) {
	o := tuf.DefaultOptions().WithContext(ctx).WithCachePath(cache)
	if mirror != "" {
		if len(root) == 0 {
			return nil, nil, fmt.Errorf("the repository %s is believed only by its root.json", mirror)
		}
		o = o.WithRepositoryBaseURL(mirror).WithRoot(root)
	}
	c, err := tuf.New(o)
	if err != nil {
		return nil, nil, err
	}
	if trusted, err = c.GetTarget("trusted_root.json"); err != nil {
		return nil, nil, err
	}
	for _, name := range []string{"signing_config.v0.2.json", "signing_config.json"} {
		if config, err = c.GetTarget(name); err == nil {
			return trusted, config, nil
		}
		if none, ok := errors.AsType[*metadata.ErrRepository](err); ok && none != nil {
			return trusted, nil, err
		}
	}
	return trusted, nil, nil // a root alone is enough to verify
}
