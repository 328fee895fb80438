package pin

import (
	"context"
	"sync"

	"github.com/whittle-oci/whittle/lint/rule"
)

// An asking lets rules ask, which have no context of their own. It implements
// rule.Images and rule.Downloads.
type asking struct {
	*Resolver
	ctx    context.Context
	failed func(error)
	told   sync.Map // references of failures that were told
}

// Images makes a rule.Images of a resolver for the time that ctx lasts. failed
// is told once of every image that could not be asked about.
func (r *Resolver) Images(ctx context.Context, failed func(error)) rule.Images {
	return &asking{Resolver: r, ctx: ctx, failed: failed}
}

// Downloads makes a rule.Downloads of a resolver, as Images makes a rule.Images.
func (r *Resolver) Downloads(ctx context.Context, failed func(error)) rule.Downloads {
	return &asking{Resolver: r, ctx: ctx, failed: failed}
}

// Image implements rule.Images.
func (i *asking) Image(ref string) (rule.Image, bool) {
	img, err := i.Facts(i.ctx, ref)
	return img, i.said(ref, err)
}

// Checksum implements rule.Downloads.
func (i *asking) Checksum(address string) (string, bool) {
	checksum, err := i.Resolver.Checksum(i.ctx, address)
	return checksum, i.said(address, err)
}

// said tells of an error, once, and reports whether there is none.
func (i *asking) said(what string, err error) bool {
	if err == nil {
		return true
	}
	if _, told := i.told.LoadOrStore(what, true); !told && i.ctx.Err() == nil {
		i.failed(err)
	}
	return false
}
