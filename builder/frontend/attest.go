package frontend

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/moby/buildkit/client/llb"
	"github.com/moby/buildkit/frontend/dockerui"
	gateway "github.com/moby/buildkit/frontend/gateway/client"
	gatewaypb "github.com/moby/buildkit/frontend/gateway/pb"
	"github.com/moby/buildkit/solver/result"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/whittle-oci/whittle/builder/image"
	"github.com/whittle-oci/whittle/builder/report"
)

// spdxPredicate is the predicate type of SPDX documents (in-toto attestation
// framework, predicate "spdx").
const spdxPredicate = "https://spdx.dev/Document"

// reportKey is the result metadata that carries a report to the client. Keys
// that begin with "frontend." are passed on.
const reportKey = "frontend.whittle.report/"

// attestations collects what is said about the images of one build.
type attestations struct {
	b  *build
	mu sync.Mutex
	by map[string]attested
	// stages are the built stages, which a scanner looks at too.
	stages map[string]llb.State
}

type attested struct {
	platform string
	report   *report.Report
	plan     *image.Plan
	created  time.Time
}

func newAttestations(b *build) *attestations {
	return &attestations{b: b, by: map[string]attested{}, stages: map[string]llb.State{}}
}

func (a *attestations) add(p *ocispecs.Platform, r *report.Report, made *image.Plan, built llb.State, created time.Time) {
	id := platformName(p)
	a.mu.Lock()
	defer a.mu.Unlock()
	a.by[id] = attested{id, r, made, created}
	a.stages[id] = built
}

// attach adds the report, the contents and the SBOM of every platform. All of
// them are written before any is attached, since they share one message.
func (a *attestations) attach(ctx context.Context, rb *dockerui.ResultBuilder) error {
	var mu sync.Mutex // AddAttestation and AddMeta are not safe for several at once
	err := rb.EachPlatform(ctx, func(ctx context.Context, id string, _ ocispecs.Platform) (err error) {
		defer recovered(&err)
		if _, ok := a.by[id]; a.b.ui.SBOM == nil || ok && !a.generator() {
			return nil
		}
		return a.scan(ctx, rb, &mu, id)
	})
	if err != nil {
		return err
	}
	docs, err := a.documents(ctx)
	if err != nil {
		return err
	}
	err = rb.EachPlatform(ctx, func(ctx context.Context, id string, _ ocispecs.Platform) (err error) {
		defer recovered(&err)
		d, ok := docs[id]
		if !ok {
			return nil
		}
		mu.Lock()
		rb.AddMeta(reportKey+id, d.report)
		mu.Unlock()
		if d.contents != nil {
			if err := a.addFile(ctx, rb, &mu, id, "contents.json", report.ContentsPredicate, d.contents, map[string][]byte{
				result.AttestationInlineOnlyKey: []byte(strconv.FormatBool(true)),
			}); err != nil {
				return err
			}
		}
		if d.sbom == nil {
			return nil
		}
		return a.addFile(ctx, rb, &mu, id, "sbom.spdx.json", spdxPredicate, d.sbom, map[string][]byte{
			result.AttestationReasonKey: []byte(result.AttestationReasonSBOM),
			result.AttestationSBOMCore:  []byte("sbom"),
		})
	})
	if err != nil {
		return err
	}
	return a.b.fits()
}

// wantsContents reports whether the contents attestation goes along: when it
// is asked for, or with any other attestation. An attestation turns a
// single-platform image into an index, so it does not come by itself.
func (a *attestations) wantsContents() bool {
	switch a.b.config.Contents {
	case "true":
		return true
	case "false":
		return false
	}
	for k, v := range a.b.client.BuildOpts().Opts {
		if strings.HasPrefix(k, "attest:") && !strings.Contains(v, "disabled=true") {
			return true
		}
	}
	return false
}

// generator reports whether the client names an SBOM scanner. Without one the
// plan answers and nothing is pulled.
func (a *attestations) generator() bool {
	opts := a.b.client.BuildOpts().Opts
	return strings.Contains(opts["attest:sbom"]+opts["build-arg:BUILDKIT_ATTEST_SBOM"], "generator=")
}

// addFile adds an in-toto attestation whose predicate is a file. Content that
// a function computes would not cross the gateway.
func (a *attestations) addFile(ctx context.Context, rb *dockerui.ResultBuilder, mu *sync.Mutex, id, name, predicate string, doc []byte, meta map[string][]byte) error {
	created := time.Unix(0, 0).UTC()
	st := llb.Scratch().File(llb.Mkfile("/"+name, 0o444, doc, llb.WithCreatedTime(created)), llb.WithCustomName("[whittle] "+name))
	def, err := st.Marshal(ctx)
	if err != nil {
		return fmt.Errorf("marshalling %s: %w", name, err)
	}
	ref, err := a.b.shipped(ctx, def.ToPB())
	if err != nil {
		return fmt.Errorf("attaching %s: %w", name, err)
	}
	mu.Lock()
	defer mu.Unlock()
	rb.AddAttestation(id, gateway.Attestation{
		Kind: gatewaypb.AttestationKind_InToto, Ref: ref, Path: "/" + name, Metadata: meta,
		InToto: result.InTotoAttestation{
			PredicateType: predicate,
			Subjects:      []result.InTotoSubject{{Kind: gatewaypb.InTotoSubjectKind_Self}},
		},
	})
	return nil
}
