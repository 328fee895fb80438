package pin

import (
	"context"
	"sync"

	"github.com/whittle-oci/whittle/lint/rule"
)

// images lets rules ask, which have no context of their own.
type images struct {
	*Resolver
	ctx    context.Context
	failed func(error)
	told   sync.Map // references of failures that were told
}

// Images makes a rule.Images of a resolver for the time that ctx lasts. failed
// is told once of every image that could not be asked about.
func (r *Resolver) Images(ctx context.Context, failed func(error)) rule.Images {
	return &images{Resolver: r, ctx: ctx, failed: failed}
}

// Image implements rule.Images.
func (i *images) Image(ref string) (rule.Image, bool) {
	img, err := i.Facts(i.ctx, ref)
	if err != nil {
		if _, told := i.told.LoadOrStore(ref, true); !told && i.ctx.Err() == nil {
			i.failed(err)
		}
		return rule.Image{}, false
	}
	return img, true
}
