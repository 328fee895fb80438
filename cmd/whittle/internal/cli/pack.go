package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
	dockerspec "github.com/moby/docker-image-spec/specs-go/v1"
	"github.com/spf13/cobra"

	"github.com/whittle-oci/whittle/builder/decide"
	"github.com/whittle-oci/whittle/builder/image"
	"github.com/whittle-oci/whittle/builder/oci"
	"github.com/whittle-oci/whittle/builder/pack"
	"github.com/whittle-oci/whittle/builder/report"
	ocisink "github.com/whittle-oci/whittle/builder/sink/oci"
	"github.com/whittle-oci/whittle/builder/tree"
	"github.com/whittle-oci/whittle/lint/command"
)

// packed are the flags of pack and slim.
type packed struct {
	destination
	options     decide.Options
	compression string
	dryRun      bool
	json        bool
	source      string // the place that slim has read
}

func (f *packed) flags(c *cobra.Command) {
	f.destination.flags(c)
	c.Flags().StringSliceVar(&f.options.Include, "include", nil, "further paths and globs to include")
	c.Flags().StringSliceVar(&f.options.Exclude, "exclude", nil, "paths and globs to exclude")
	c.Flags().StringSliceVar(&f.options.Writable, "writable", nil, "directories that the image's user may write to")
	c.Flags().StringVar(&f.options.User, "user", "", `user of the image: "keep", UID, UID:GID or a name`)
	c.Flags().BoolVar(&f.options.NoShell, "no-shell", false, "refuse an image that would need a shell")
	c.Flags().BoolVar(&f.options.NoLicences, "no-licences", false, "omit copyright files")
	c.Flags().BoolVar(&f.options.NoIdentity, "no-identity", false, "give the image's user no line in passwd and group and no HOME")
	c.Flags().StringVar(&f.compression, "compression", "gzip", "gzip or zstd")
	c.Flags().BoolVar(&f.dryRun, "dry-run", false, "print the plan and write nothing")
	c.Flags().BoolVar(&f.json, "json", false, "print the report as JSON")
}

func (a *app) packCommand() *cobra.Command {
	f := &packed{}
	var config dockerspec.DockerOCIImageConfig
	var entrypoint, cmd string
	var labels []string
	c := &cobra.Command{
		Use:   "pack [flags] PATH[:DEST]...",
		Short: "Make a minimal image from programs and directories, without BuildKit",
		Long: `Pack makes an image of programs and directories of this machine: the files
named, the libraries that the programs are linked with, and the few other files
that the programs show they need. The first executable becomes the ENTRYPOINT
unless one is named.`,
		Example: `  whittle pack ./server -t registry.example/server --push
  whittle pack ./server ./public:/srv/public --entrypoint "/server --root /srv/public" -o type=oci,tar=false,dest=./image`,
		Args: usageArgs(cobra.MinimumNArgs(1)),
		RunE: func(c *cobra.Command, args []string) error {
			var err error
			if config.Entrypoint, err = words("entrypoint", entrypoint); err != nil {
				return err
			}
			if config.Cmd, err = words("cmd", cmd); err != nil {
				return err
			}
			if config.Labels, err = keyValues("label", labels); err != nil {
				return err
			}
			return a.pack(c, f, args, config)
		},
	}
	f.flags(c)
	c.Flags().StringVar(&entrypoint, "entrypoint", "", "command line of the image, in shell quoting")
	c.Flags().StringVar(&cmd, "cmd", "", "default arguments of the image, in shell quoting")
	c.Flags().StringArrayVar(&config.Env, "env", nil, "variable of the image, NAME=VALUE; may be repeated")
	c.Flags().StringArrayVar(&labels, "label", nil, "label of the image, NAME=VALUE; may be repeated")
	c.Flags().StringVar(&config.WorkingDir, "workdir", "", "working directory of the image")
	return c
}

// prepare reads the flags that pack and slim share, and opens what the image
// goes to. The caller discards.
func (f *packed) prepare(ctx context.Context, a *app) error {
	if f.compression != "gzip" && f.compression != "zstd" {
		return usage{fmt.Errorf("--compression %s: want gzip or zstd", f.compression)}
	}
	outputs, compression, err := f.read()
	if err != nil {
		return err
	}
	if compression != "" {
		f.compression = compression
	}
	if f.dryRun {
		return nil
	}
	if err := f.open(ctx, a, outputs); err != nil {
		f.discard()
		return err
	}
	return nil
}

// words reads a command line in shell quoting.
func words(flag, s string) ([]string, error) {
	if s == "" {
		return nil, nil
	}
	argv, ok := command.Plain(s)
	if !ok {
		return nil, usage{fmt.Errorf("--%s %q: want a plain command; what a shell would do is not done here", flag, s)}
	}
	return command.Argv(argv), nil
}

func keyValues(flag string, items []string) (map[string]string, error) {
	out := map[string]string{}
	for _, i := range items {
		k, v, ok := strings.Cut(i, "=")
		if !ok {
			return nil, usage{fmt.Errorf("--%s %s: want NAME=VALUE", flag, i)}
		}
		out[k] = v
	}
	if len(out) == 0 {
		return nil, nil
	}
	return out, nil
}

func (a *app) pack(c *cobra.Command, f *packed, args []string, config dockerspec.DockerOCIImageConfig) error {
	if err := f.prepare(c.Context(), a); err != nil {
		return err
	}
	defer f.discard()
	var sources []pack.Source
	for _, arg := range args {
		s, err := pack.ParseSource(arg)
		if err != nil {
			return usage{err}
		}
		sources = append(sources, s)
	}
	p, err := pack.Files(c.Context(), sources, config, f.options)
	if err != nil {
		return planError(err)
	}
	defer p.Close()
	return a.finishPack(c, f, p.Plan, p.Tree, ocisink.Options{Architecture: p.Architecture})
}

// epoch is the time that SOURCE_DATE_EPOCH gives images
// (reproducible-builds.org/specs/source-date-epoch), zero when it is not set.
func epoch() (time.Time, error) {
	text := os.Getenv("SOURCE_DATE_EPOCH")
	if text == "" {
		return time.Time{}, nil
	}
	seconds, err := strconv.ParseInt(text, 10, 64)
	if err != nil || seconds < 0 {
		return time.Time{}, usage{fmt.Errorf("SOURCE_DATE_EPOCH=%s: want seconds since 1970", text)}
	}
	return time.Unix(seconds, 0).UTC(), nil
}

// finishPack writes the image of a plan and prints what became of it.
func (a *app) finishPack(c *cobra.Command, f *packed, p *image.Plan, t tree.Tree, o ocisink.Options) error {
	o.Zstd = f.compression == "zstd"
	if o.Architecture == "" {
		o.Architecture = "amd64"
	}
	var err error
	if o.Created, err = epoch(); err != nil {
		return err
	}
	for _, w := range p.Warnings {
		a.log.Warn(w.Message)
	}
	if f.dryRun {
		return a.printPlan(f, p, o)
	}
	img, err := ocisink.New(c.Context(), p, t, o)
	if err != nil {
		return err
	}
	defer img.Close()
	if err := f.write(c.Context(), img); err != nil {
		return err
	}
	return a.printPacked(f, p, img, o)
}

// platformOf is what an image is written for.
func platformOf(o ocisink.Options) string {
	return oci.FormatPlatform(v1.Platform{OS: "linux", Architecture: o.Architecture, Variant: o.Variant})
}

func (a *app) printPlan(f *packed, p *image.Plan, o ocisink.Options) error {
	if f.json {
		enc := json.NewEncoder(a.Out)
		enc.SetIndent("", "  ")
		return enc.Encode(struct {
			Source string `json:"source,omitempty"`
			*image.Plan
		}{f.source, p})
	}
	for _, file := range report.New(platformOf(o), p).Files {
		if _, err := fmt.Fprintf(a.Out, "%s  %s  %s  %s\n", file.Mode, report.Size(file.Bytes), image.Printable(file.Path), image.Printable(file.Reason)); err != nil {
			return err
		}
	}
	return nil
}

// packResult is what pack and slim print with --json.
type packResult struct {
	Digest    string         `json:"digest"`
	MediaType string         `json:"mediaType"`
	Source    string         `json:"source,omitempty"` // the place that slim read
	Tags      []string       `json:"tags,omitempty"`
	Bytes     int64          `json:"compressedBytes"`
	Report    *report.Report `json:"report"`
}

func (a *app) printPacked(f *packed, p *image.Plan, img v1.Image, o ocisink.Options) error {
	digest, err := img.Digest()
	if err != nil {
		return err
	}
	layers, err := img.Layers()
	if err != nil {
		return err
	}
	res := packResult{Digest: digest.String(), MediaType: string(types.OCIManifestSchema1), Source: f.source, Tags: f.tags, Report: report.New(platformOf(o), p)}
	for _, l := range layers {
		n, err := l.Size()
		if err != nil {
			return err
		}
		res.Bytes += n
	}
	if f.json {
		enc := json.NewEncoder(a.Out)
		enc.SetIndent("", "  ")
		return enc.Encode(res)
	}
	a.log.Infof("%s in %d files, %s compressed, user %s", report.Size(res.Report.After.Bytes), res.Report.After.Files, report.Size(res.Bytes), res.Report.After.User)
	_, err = fmt.Fprintln(a.Out, res.Digest)
	return err
}
