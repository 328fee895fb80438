package frontend

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/moby/buildkit/solver/pb"
	"google.golang.org/protobuf/proto"

	"github.com/whittle-oci/whittle/builder/sbom"
)

// The bounds of what is sent to BuildKit, in bytes. A gRPC message may have
// 16 MiB (moby/buildkit, util/grpcutil/defaults), and the one that ends a build
// carries the definition of every image and attestation of all platforms,
// beside the reports. What is generated for it stays well below, as the
// definitions of the user's own build have to fit too.
const (
	maxMessage   = 16 << 20
	maxGenerated = 12 << 20
	maxReport    = 900 << 10 // of one platform; it passes through further hands
	envelope     = 64 << 10  // what a message holds besides
)

// sendable refuses a definition that BuildKit would not take, before gRPC does.
func (b *build) sendable(def *pb.Definition) error {
	size := proto.Size(def)
	if size <= maxMessage-envelope {
		return nil
	}
	largest, what := 0, ""
	for _, raw := range def.Def {
		if len(raw) <= largest {
			continue
		}
		var op pb.Op
		if proto.Unmarshal(raw, &op) != nil {
			continue
		}
		largest = len(raw)
		switch f := op.GetFile(); {
		case f != nil:
			what = fmt.Sprintf("; most of it are %d files and directories that are copied or written one by one: copy whole directories with one owner and mode, leave some out with exclude, or put large heredocs into files of the context", len(f.Actions))
		default:
			what = "; put large scripts and heredocs into files of the context"
		}
	}
	return b.refuse(fmt.Errorf("the definition of the build has %s, and BuildKit takes %s in one message%s", mebibytes(int64(size)), mebibytes(maxMessage), what), nil)
}

// fits refuses a result whose definitions, of all platforms together, BuildKit
// would not take.
func (b *build) fits() error {
	if size := b.weight.Load(); size > maxMessage-envelope {
		return b.refuse(fmt.Errorf("the definitions of all images and attestations have %s, and BuildKit takes %s in one message; build fewer platforms at a time, or set contents: false", mebibytes(size), mebibytes(maxMessage)), nil)
	}
	return nil
}

func mebibytes(n int64) string { return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20)) }

// documents are what is said about one image. Those that nobody asked for are
// nil.
type documents struct{ report, contents, sbom []byte }

// documents writes what is said about the images, together within the bounds.
// SBOMs come first, since they are worth nothing when they are incomplete.
// Reports and contents share what is left, and say less where they must.
func (a *attestations) documents(ctx context.Context) (map[string]documents, error) {
	ids := slices.Sorted(maps.Keys(a.by))
	out := make(map[string]documents, len(ids))
	if len(ids) == 0 {
		return out, nil
	}
	room, err := a.room(len(ids))
	if err != nil {
		return nil, err
	}
	sboms, used, err := a.sboms(ids, room)
	if err != nil {
		return nil, err
	}
	room -= used
	contents := a.wantsContents()
	share := room / len(ids)
	if contents {
		share /= 4
	}
	for _, id := range ids {
		d := documents{sbom: sboms[id]}
		if d.report, err = a.by[id].report.Marshal(min(maxReport, share)); err != nil {
			return nil, fmt.Errorf("writing the report: %w", err)
		}
		room -= len(d.report)
		a.b.weight.Add(int64(len(d.report)))
		out[id] = d
	}
	if contents {
		return out, a.contents(ctx, ids, room, out)
	}
	return out, nil
}

// leastDocuments is the room that the documents of one image need at the least.
const leastDocuments = 16 << 10

// room is how many bytes there are for the documents of n images.
func (a *attestations) room(n int) (int, error) {
	generated := 0
	for _, x := range a.by {
		for _, e := range x.plan.Entries {
			generated += len(e.Data)
		}
	}
	room := min(maxGenerated-generated, maxMessage-envelope-int(a.b.weight.Load())) - n*opSize
	if room < n*leastDocuments {
		return 0, a.b.refuse(fmt.Errorf("the definitions of the images for %d platforms have %s, which leaves no room for their reports in the %s that BuildKit takes in one message; build fewer platforms at a time", n, mebibytes(a.b.weight.Load()), mebibytes(maxMessage)), nil)
	}
	return room, nil
}

// opSize bounds what the definitions of an image's documents hold besides them.
const opSize = 8 << 10

// sboms writes the SBOMs that are answered from the plan, compact ones where
// full ones take more than half of the room.
func (a *attestations) sboms(ids []string, room int) (docs map[string][]byte, size int, err error) {
	if a.b.ui.SBOM == nil || a.generator() {
		return nil, 0, nil
	}
	for _, compact := range []bool{false, true} {
		docs, size = map[string][]byte{}, 0
		for _, id := range ids {
			x := a.by[id]
			doc, err := sbom.SPDX(x.plan, sbom.Options{Platform: id, Created: x.created, Version: a.b.Version, Compact: compact})
			if err != nil {
				return nil, 0, err
			}
			docs[id] = doc
			size += len(doc)
		}
		if size <= room/2 {
			break
		}
	}
	if size > room-len(ids)*leastDocuments {
		return nil, 0, a.b.refuse(fmt.Errorf("the SBOMs of %d platforms have %s, and there is room for %s in the message that BuildKit takes; build fewer platforms at a time, or name a generator, as --sbom=generator=docker/buildkit-syft-scanner does", len(ids), mebibytes(int64(size)), mebibytes(int64(room))), nil)
	}
	return docs, size, nil
}

// contents writes the reasons of all files, by directory where they would not
// fit otherwise.
func (a *attestations) contents(ctx context.Context, ids []string, room int, out map[string]documents) error {
	need := make([]int, len(ids))
	whole := make([][]byte, len(ids))
	for i, id := range ids {
		dt, byDirectory, err := a.by[id].report.Contents(maxMessage)
		if err != nil {
			return fmt.Errorf("writing the contents attestation: %w", err)
		}
		if need[i] = len(dt); byDirectory {
			need[i] = maxMessage
		}
		whole[i] = dt
	}
	var grouped []string
	for i, limit := range shares(need, room) {
		d := out[ids[i]]
		d.contents = whole[i]
		if need[i] > limit {
			dt, byDirectory, err := a.by[ids[i]].report.Contents(limit)
			if err != nil {
				return fmt.Errorf("writing the contents attestation: %w", err)
			}
			if d.contents = dt; byDirectory {
				grouped = append(grouped, ids[i])
			}
		}
		out[ids[i]] = d
	}
	if len(grouped) > 0 {
		a.b.warn(ctx, fmt.Sprintf("the contents attestation says why directories are in the image, not files: with all files of %s it would not fit into a message to BuildKit", strings.Join(grouped, ", ")), nil, "",
			"build fewer platforms at a time to have every file in it, or set contents: false")
	}
	return nil
}

// shares divides room among what is needed: what needs less than an equal
// share leaves the rest to the others.
func shares(need []int, room int) []int {
	order := make([]int, len(need))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return need[a] - need[b] })
	out := make([]int, len(need))
	for n, i := range order {
		out[i] = min(need[i], room/(len(order)-n))
		room -= out[i]
	}
	return out
}
