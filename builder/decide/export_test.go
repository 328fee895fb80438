package decide

import (
	"context"
	"math/rand/v2"

	"github.com/whittle-oci/whittle/builder/image"
	"github.com/whittle-oci/whittle/builder/need"
)

// Shuffled is Decide with needs looked at in an order of its own.
func Shuffled(ctx context.Context, in Input, seed uint64) (*image.Plan, error) {
	r := rand.New(rand.NewPCG(seed, seed))
	return decide(ctx, in, r.IntN)
}

// With is Decide with one more line in the list of runtimes.
func With(ctx context.Context, in Input, l need.Launcher, p need.Provider) (*image.Plan, error) {
	return decide(ctx, in, nil, runtime{launcher: l, provider: p})
}

// Once is how a plan lists its warnings.
var Once = once
