package decide

import (
	"context"
	"slices"

	"github.com/whittle-oci/whittle/builder/need"
)

// closure is phase 3: everything that what is launched and what is kept needs.
func closure(ctx context.Context, env *need.Env, l launched, k kept, providers []need.Provider) (*need.Set, error) {
	seen := *env
	seen.Commands = l.commands
	roots := l.found
	roots.Needs = slices.Concat(l.found.Needs, k.needs)
	roots.Facts = slices.Concat(l.found.Facts, k.facts)
	if why := temporary(env); why != "" && !env.NoEvidence {
		roots.Facts = append(roots.Facts, need.Fact{Kind: need.Temp, Reason: why})
	}
	return need.Close(ctx, &seen, roots, providers)
}
