// Package inspect says what an image holds: what it runs and as whom, what its
// bytes are for, and what of it is of use to an attacker.
package inspect

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/whittle-oci/whittle/builder/need"
	"github.com/whittle-oci/whittle/builder/oci"
	"github.com/whittle-oci/whittle/builder/oci/layers"
	"github.com/whittle-oci/whittle/builder/packages"
	"github.com/whittle-oci/whittle/builder/report"
)

// Version is the version of the JSON that an Inspection marshals to. It grows
// when a field changes its meaning or goes away.
const Version = 1

// An Inspection is what is known of one image.
type Inspection struct {
	SchemaVersion int    `json:"schemaVersion"`
	Image         string `json:"image"` // the place that was read
	Digest        string `json:"digest"`
	Platform      string `json:"platform"`
	Size          Size   `json:"size"`
	// Before is the built stage that the image was made from, where its
	// contents are attached.
	Before          *report.Side       `json:"before,omitempty"`
	Config          Config             `json:"config"`
	Shells          []string           `json:"shells"`
	PackageManagers []string           `json:"packageManagers"`
	Packages        []packages.Package `json:"packages"`
	// Directories, Components and Reasons share the bytes of the files out,
	// the largest first. Components are packages, "" for files of none;
	// Reasons are there where the contents are attached.
	Directories []Part `json:"directories"`
	Components  []Part `json:"components"`
	Reasons     []Part `json:"reasons,omitempty"`
	// SetID, WorldWritable and Capable are files that give more rights than
	// those of who runs or writes them.
	SetID         []Special `json:"setID"`
	WorldWritable []Special `json:"worldWritable"`
	Capable       []Special `json:"capable"`
	Programs      []Program `json:"programs"` // ELF files
	Findings      []Finding `json:"findings"` // the worst first
	// Contents are the regular files, where they were asked for.
	Contents []report.File `json:"contents,omitempty"`
}

// Judged is an inspection that was held to a budget.
type Judged struct {
	*Inspection
	Over []string `json:"over"` // what the image exceeds, in words
}

// Size is how large an image is.
type Size struct {
	Pulled int64 `json:"pulled"` // bytes of the layers as they travel
	Layers int   `json:"layers"`
	Bytes  int64 `json:"bytes"` // of the regular files
	Files  int   `json:"files"`
	// Hidden are the bytes that layers bring and later ones replace or delete.
	Hidden int64 `json:"hidden"`
	Upper  int64 `json:"upper"` // bytes of the files of all layers but the first
}

// Config is what the image's configuration says.
type Config struct {
	User        string   `json:"user"` // "root" where it names none
	Entrypoint  []string `json:"entrypoint,omitempty"`
	Cmd         []string `json:"cmd,omitempty"`
	WorkingDir  string   `json:"workingDir,omitempty"`
	Ports       []string `json:"ports,omitempty"`
	Volumes     []string `json:"volumes,omitempty"`
	Environment []string `json:"environment,omitempty"` // names alone
	Healthcheck []string `json:"healthcheck,omitempty"`
}

// A Part is a share of an image's files.
type Part struct {
	Name  string `json:"name"`
	Bytes int64  `json:"bytes"`
	Files int    `json:"files"`
}

// A Special is a file with uncommon rights.
type Special struct {
	Path         string   `json:"path"`
	Mode         string   `json:"mode"` // in octal
	UID          int      `json:"uid"`
	GID          int      `json:"gid"`
	Capabilities []string `json:"capabilities,omitempty"`
}

// A Program is an ELF file and what its loader reads for it.
type Program struct {
	Path        string   `json:"path"`
	Interpreter string   `json:"interpreter,omitempty"`
	Needed      []string `json:"needed,omitempty"`
	Missing     []string `json:"missing,omitempty"` // of Needed, what no file of the image is called
}

// Options are what is known of an image beside itself.
type Options struct {
	// Contents is the report that is attached to it, nil for none.
	Contents *report.Report
	// List asks for every file.
	List bool
}

// Image looks at an image, all of its layers included. Errors are those of
// reading it.
func Image(ctx context.Context, src *oci.Source, o Options) (_ *Inspection, err error) {
	in := &Inspection{SchemaVersion: Version, Image: src.Place(), Platform: oci.FormatPlatform(src.Platform), Config: config(src.Config)}
	if digest, err := src.Digest(); err == nil {
		in.Digest = digest.String() // a docker archive has none
	}
	s := newSecrets()
	t, err := layers.OpenSeen(ctx, src, layers.Limits{}, s.see)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, t.Close()) }()
	if err := in.measure(src); err != nil {
		return nil, err
	}
	env := &need.Env{Tree: t, Vars: src.Config.Config.Env, Dir: src.Config.Config.WorkingDir}
	w, err := newWalk(ctx, in, env, o.Contents)
	if err != nil {
		return nil, err
	}
	w.listed = o.List
	if err := w.run(ctx); err != nil {
		return nil, fmt.Errorf("looking at the files: %w", err)
	}
	in.Size.Hidden, in.Size.Upper = s.bytes-in.Size.Bytes, s.bytes-s.first
	if in.Packages, err = w.db.Installed(ctx); err != nil {
		return nil, fmt.Errorf("reading the packages: %w", err)
	}
	if o.Contents != nil && o.Contents.Before.Unknown == "" && o.Contents.Before.Files > 0 {
		in.Before = &o.Contents.Before
	}
	if err := in.find(ctx, src, t, w, s); err != nil {
		return nil, err
	}
	in.tidy()
	return in, nil
}

// Side is what a report says of the image.
func (in *Inspection) Side() report.Side {
	s := report.Side{Bytes: in.Size.Bytes, Files: in.Size.Files, Packages: len(in.Packages), User: in.Config.User}
	if len(in.Shells) > 0 {
		s.Shell = in.Shells[0]
	}
	return s
}

// measure adds what the manifest says of sizes.
func (in *Inspection) measure(src *oci.Source) error {
	list, err := src.Layers()
	if err != nil {
		return fmt.Errorf("reading the image manifest: %w", err)
	}
	in.Size.Layers = len(list)
	for _, l := range list {
		if n, err := l.Size(); err == nil { // of a docker archive it is not known
			in.Size.Pulled += n
		}
	}
	return nil
}

// tidy makes empty lists of missing ones and puts all in order.
func (in *Inspection) tidy() {
	slices.SortStableFunc(in.Findings, func(a, b Finding) int { return compareFindings(a, b) })
	for _, list := range []*[]string{&in.Shells, &in.PackageManagers} {
		slices.Sort(*list)
		if *list = slices.Compact(*list); *list == nil {
			*list = []string{}
		}
	}
	for _, list := range []*[]Special{&in.SetID, &in.WorldWritable, &in.Capable} {
		if *list == nil {
			*list = []Special{}
		}
	}
	if in.Packages == nil {
		in.Packages = []packages.Package{}
	}
	if in.Programs == nil {
		in.Programs = []Program{}
	}
	if in.Findings == nil {
		in.Findings = []Finding{}
	}
}

func config(file *v1.ConfigFile) Config {
	c := file.Config
	out := Config{User: report.UserText(c.User), Entrypoint: c.Entrypoint, Cmd: c.Cmd, WorkingDir: c.WorkingDir}
	for p := range c.ExposedPorts {
		out.Ports = append(out.Ports, p)
	}
	for v := range c.Volumes {
		out.Volumes = append(out.Volumes, v)
	}
	for _, kv := range c.Env {
		name, _, _ := strings.Cut(kv, "=")
		out.Environment = append(out.Environment, name)
	}
	if c.Healthcheck != nil && len(c.Healthcheck.Test) > 0 && c.Healthcheck.Test[0] != "NONE" {
		out.Healthcheck = c.Healthcheck.Test
	}
	slices.Sort(out.Ports)
	slices.Sort(out.Volumes)
	return out
}
