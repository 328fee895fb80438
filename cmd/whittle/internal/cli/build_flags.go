package cli

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	gateway "github.com/moby/buildkit/frontend/gateway/client"
	"github.com/spf13/pflag"

	"github.com/whittle-oci/whittle/builder/engine"
	"github.com/whittle-oci/whittle/builder/frontend"
	"github.com/whittle-oci/whittle/signing"
)

// buildFlags are the flags of build. The first group has buildx's names and
// meanings.
type buildFlags struct {
	file, target, progress, metadataFile, iidFile, network, shmSize string
	tags, buildArgs, contexts, secrets, ssh, labels, annotations    []string
	platforms, cacheFrom, cacheTo, noCacheFilter, outputs           []string
	addHosts, ulimits, allow, attest                                []string
	provenance, sbom, builder, cgroupParent                         string
	noCache, pull, push, load                                       bool

	dryRun, json, sign      bool
	signing                 signerFlags
	basePolicy              string
	signFormat              string
	compression, configFile string
	buildkitdConfig         string
	lockTimeout             time.Duration
	stateSize               string
	report                  pageFlag
	debug                   string

	ifStale bool
	what    []string // that has moved, with ifStale

	signer signing.Options // opened before the build
}

func (f *buildFlags) register(fl *pflag.FlagSet) {
	fl.SortFlags = false
	fl.StringVarP(&f.file, "file", "f", "", "name of the Dockerfile (default CONTEXT/Dockerfile)")
	fl.StringArrayVarP(&f.tags, "tag", "t", nil, "name of the image, NAME[:TAG]; may be repeated")
	fl.StringArrayVar(&f.buildArgs, "build-arg", nil, "build-time variable, NAME[=VALUE]")
	fl.StringArrayVar(&f.contexts, "build-context", nil, "further context, NAME=PATH")
	fl.StringArrayVar(&f.secrets, "secret", nil, "secret for RUN --mount=type=secret, id=ID[,src=PATH|env=NAME]")
	fl.StringArrayVar(&f.ssh, "ssh", nil, "SSH agent for RUN --mount=type=ssh, default or ID=SOCKET|KEY")
	fl.StringVar(&f.target, "target", "", "stage to build")
	fl.StringSliceVar(&f.platforms, "platform", nil, "platforms to build for")
	fl.StringArrayVar(&f.labels, "label", nil, "label of the image, NAME=VALUE")
	fl.StringArrayVar(&f.annotations, "annotation", nil, "annotation, [TYPE:]NAME=VALUE")
	fl.StringArrayVar(&f.cacheFrom, "cache-from", nil, "cache to read, such as type=registry,ref=NAME")
	fl.StringArrayVar(&f.cacheTo, "cache-to", nil, "cache to write, such as type=registry,ref=NAME")
	fl.BoolVar(&f.noCache, "no-cache", false, "do not use the cache")
	fl.StringSliceVar(&f.noCacheFilter, "no-cache-filter", nil, "do not use the cache for these stages")
	fl.BoolVar(&f.pull, "pull", false, "always look for newer base images")
	fl.BoolVar(&f.push, "push", false, "push the image, short for -o type=registry")
	fl.BoolVar(&f.load, "load", false, "load the image into the docker engine")
	fl.StringArrayVarP(&f.outputs, "output", "o", nil, "where the result goes, such as type=oci,dest=FILE or type=oci,tar=false,dest=DIR")
	fl.StringVar(&f.metadataFile, "metadata-file", "", "write the build's metadata to this file")
	fl.StringVar(&f.progress, "progress", "auto", "auto, plain, tty, quiet or rawjson")
	fl.StringVar(&f.iidFile, "iidfile", "", "write the image's ID to this file")
	fl.StringSliceVar(&f.addHosts, "add-host", nil, "host for RUN, NAME:IP")
	fl.StringVar(&f.network, "network", "", "network for RUN: default, none or host")
	fl.StringVar(&f.shmSize, "shm-size", "", "size of /dev/shm for RUN")
	fl.StringSliceVar(&f.ulimits, "ulimit", nil, "limit for RUN, NAME=SOFT[:HARD]")
	fl.StringVar(&f.cgroupParent, "cgroup-parent", "", "parent cgroup for RUN")
	fl.StringSliceVar(&f.allow, "allow", nil, "entitlement: network.host, security.insecure")
	fl.StringArrayVar(&f.attest, "attest", nil, "attestation, type=sbom or type=provenance with their parameters")
	fl.StringVar(&f.provenance, "provenance", "", "short for --attest type=provenance")
	fl.StringVar(&f.sbom, "sbom", "", "short for --attest type=sbom; without a generator the plan answers")
	fl.Lookup("provenance").NoOptDefVal = "true"
	fl.Lookup("sbom").NoOptDefVal = "true"
	fl.StringVar(&f.builder, "builder", "", "buildx instance to build with (default BUILDX_BUILDER)")

	fl.BoolVar(&f.ifStale, "if-stale", false, "build only when the image of the first -t was built from something that has moved since: base images, the context, the Dockerfile, settings; what RUN downloads is not looked at")
	fl.BoolVar(&f.dryRun, "dry-run", false, "build the stages, print the plan, export nothing")
	fl.BoolVar(&f.json, "json", false, "print the result as JSON")
	f.report.register(fl)
	for _, s := range frontend.Settings() {
		switch s.Kind {
		case frontend.Bool:
			fl.Bool(s.Name, false, s.Help)
		case frontend.Commands:
			fl.StringArray(s.Name, nil, s.Help+"; may be repeated")
		case frontend.List:
			fl.Var(&listFlag{}, s.Name, s.Help)
		default:
			fl.String(s.Name, "", s.Help)
		}
	}
	fl.Lookup("verify-base").NoOptDefVal = "**"
	fl.StringVar(&f.basePolicy, "base-policy", "", "policy `FILE` for --verify-base (default the section verify of .whittle.yaml)")
	fl.StringVar(&f.debug, "debug", "", "also make the image with a shell and tools in a layer on top, under this `TAG`")
	fl.StringVar(&f.compression, "compression", "gzip", "compression of the layer: gzip or zstd")
	fl.StringVar(&f.configFile, "config", "", "configuration file (default .whittle.yaml beside the Dockerfile or in CONTEXT)")
	fl.BoolVar(&f.sign, "sign", false, "sign and attest the pushed image; its tags are put only then")
	fl.StringVar(&f.signing.key, "key", "", "for --sign: "+keyHelp)
	fl.StringVar(&f.signing.passwordFile, "key-password-file", "", passwordHelp)
	fl.StringVar(&f.signing.root, "trusted-root", "", "trusted_root.json: whose certificates, log entries and timestamps count")
	f.signing.registerSigner(fl)
	fl.StringVar(&f.signFormat, "sign-format", "", "bundle or legacy (default bundle)")
	fl.DurationVar(&f.lockTimeout, "lock-timeout", 10*time.Minute, "how long to wait for another whittle that builds")
	fl.StringVar(&f.buildkitdConfig, "buildkitd-config", os.Getenv("BUILDKITD_CONFIG"), "buildkitd.toml whose registries the embedded engine uses")
	fl.StringVar(&f.stateSize, "state-size", "10GB", "the embedded engine prunes its state down to this")
}

// check refuses flags that do not go together before any work is done.
func (f *buildFlags) check(fl *pflag.FlagSet) error {
	switch {
	case f.push && len(f.tags) == 0:
		return usage{errors.New("--push needs a name: -t NAME")}
	case f.sign && !f.push:
		return usage{errors.New("--sign needs --push: what is signed is what the registry holds")}
	case f.compression != "gzip" && f.compression != "zstd":
		return usage{fmt.Errorf("--compression %s: want gzip or zstd", f.compression)}
	case !slices.Contains([]string{"auto", "plain", "tty", "quiet", "rawjson"}, f.progress):
		return usage{fmt.Errorf("--progress %s: want auto, plain, tty, quiet or rawjson", f.progress)}
	}
	if _, err := frontend.ParseSize(f.stateSize); err != nil {
		return usage{fmt.Errorf("--state-size: %w", err)}
	}
	if smoke := fl.Lookup("smoke"); smoke.Changed {
		if _, err := frontend.ParseCheck(smoke.Value.String()); err != nil {
			return usage{fmt.Errorf("--smoke: %w", err)}
		}
	}
	return nil
}

// settings gives the flags that are settings of the build section, where they
// were set.
func (f *buildFlags) settings(fl *pflag.FlagSet) map[string][]string {
	out := map[string][]string{}
	for _, s := range frontend.Settings() {
		flag := fl.Lookup(s.Name)
		if flag == nil || !flag.Changed {
			continue
		}
		if s.Kind == frontend.List {
			if list, ok := flag.Value.(*listFlag); ok {
				out[s.Name] = list.items
			}
			continue
		}
		if s.Kind == frontend.Commands {
			out[s.Name], _ = fl.GetStringArray(s.Name) // registered as one
			continue
		}
		out[s.Name] = []string{flag.Value.String()}
	}
	return out
}

func (f *buildFlags) engine(a *app, build gateway.BuildFunc) engine.Options {
	keep, _ := frontend.ParseSize(f.stateSize) // looked at in check
	return engine.Options{
		Builder: f.builder, EnvBuilder: os.Getenv("BUILDX_BUILDER"), Host: os.Getenv("BUILDKIT_HOST"), BuildxDir: engine.BuildxDir(),
		LockTimeout: f.lockTimeout, ConfigFile: f.buildkitdConfig, KeepBytes: keep,
		Entitlements: f.allow, Frontend: build, Log: a.log,
		// Not through the log, which says nothing of this with -q: a build that
		// stands still for minutes is to say why.
		Waiting: func(why string) { fmt.Fprintf(a.Err, "whittle: %s\n", why) },
	}
}

// listFlag is a list that is cut as the build argument of the same setting is.
// The flag may be repeated.
type listFlag struct{ items []string }

// Set implements pflag.Value.
func (l *listFlag) Set(s string) error {
	l.items = append(l.items, frontend.SplitList(s)...)
	return nil
}

// String implements pflag.Value.
func (l *listFlag) String() string { return strings.Join(l.items, ",") }

// Type implements pflag.Value; help pages show it.
func (*listFlag) Type() string { return "strings" }

// nameValue cuts NAME=VALUE; a bare NAME takes its value from the environment.
func nameValue(s string) (name, value string, ok bool) {
	name, value, found := strings.Cut(s, "=")
	if found {
		return name, value, true
	}
	value, ok = os.LookupEnv(name)
	return name, value, ok
}
