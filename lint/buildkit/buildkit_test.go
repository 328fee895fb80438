package buildkit_test

import (
	"strings"
	"testing"

	"github.com/whittle-oci/whittle/lint"
	"github.com/whittle-oci/whittle/lint/buildkit"
	"github.com/whittle-oci/whittle/lint/dockerfile"
	"github.com/whittle-oci/whittle/lint/source"
)

// TestEveryCheck sets off each of BuildKit's checks but InvalidBaseImagePlatform,
// which hangs on a registry. The list is the one of
// frontend/dockerfile/linter/ruleset.go in the linked release.
func TestEveryCheck(t *testing.T) {
	for name, text := range map[string]string{
		"StageNameCasing":                 "FROM scratch AS Build\n",
		"FromAsCasing":                    "FROM scratch as build\n",
		"NoEmptyContinuation":             "FROM debian:12\nRUN a \\\n\n b\n",
		"ConsistentInstructionCasing":     "FROM debian:12\nRUN a\nrun b\nCOPY c /c\n",
		"DuplicateStageName":              "FROM debian:12 AS a\nFROM debian:12 AS a\n",
		"ReservedStageName":               "FROM debian:12 AS context\n",
		"JSONArgsRecommended":             "FROM debian:12\nCMD a b\n",
		"MaintainerDeprecated":            "FROM debian:12\nMAINTAINER a\n",
		"UndefinedArgInFrom":              "FROM debian:$VERSION\n",
		"WorkdirRelativePath":             "FROM debian:12\nWORKDIR a\n",
		"UndefinedVar":                    "FROM debian:12\nCOPY $a /\n",
		"MultipleInstructionsDisallowed":  "FROM debian:12\nCMD [\"a\"]\nCMD [\"b\"]\n",
		"LegacyKeyValueFormat":            "FROM debian:12\nENV a b\n",
		"RedundantTargetPlatform":         "FROM --platform=$TARGETPLATFORM debian:12\n",
		"SecretsUsedInArgOrEnv":           "FROM debian:12\nENV DB_PASSWORD=a\n",
		"InvalidDefaultArgInFrom":         "ARG TAG\nFROM debian:${TAG}\n",
		"FromPlatformFlagConstDisallowed": "FROM --platform=linux/amd64 debian:12\n",
		"CopyIgnoredFile":                 "FROM debian:12\nCOPY secret.txt /\n",
		"InvalidDefinitionDescription":    "# nothing to do with it\nARG foo=1\nFROM debian:12\n",
		"ExposeProtoCasing":               "FROM debian:12\nEXPOSE 80/TCP\n",
		"ExposeInvalidFormat":             "FROM debian:12\nEXPOSE 127.0.0.1:80:80\n",
	} {
		t.Run(name, func(t *testing.T) {
			c := &buildkit.Checker{Ignore: []byte("secret.txt\n"), Experimental: []string{"InvalidDefinitionDescription"}}
			diags, err := lint.Run(t.Context(), source.NewFile("Dockerfile", []byte(text)), lint.Options{Checkers: []lint.Checker{c}})
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, d := range diags {
				got = append(got, d.Rule.Name)
				if d.Rule.Is(name) {
					return
				}
			}
			t.Errorf("reported %v", got)
		})
	}
}

// TestBuilds holds the checks to the target and the arguments of a build.
func TestBuilds(t *testing.T) {
	text := "ARG TAG\nFROM debian:${TAG} AS a\nFROM a AS b\nWORKDIR x\nFROM a AS c\n"
	for want, builds := range map[string][]dockerfile.Build{
		// Without a base BuildKit looks no further.
		"invalid-default-base":                   nil,
		"invalid-default-base relative-workdir":  {{Args: map[string]string{"TAG": "12"}}},
		"invalid-default-base relative-workdir ": {{Target: "b", Args: map[string]string{"TAG": "12"}}, {Target: "nowhere"}},
	} {
		diags, err := lint.Run(t.Context(), source.NewFile("Dockerfile", []byte(text)), lint.Options{Checkers: []lint.Checker{&buildkit.Checker{}}, Builds: builds})
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, d := range diags {
			got = append(got, d.Rule.Name)
		}
		if strings.Join(got, " ") != strings.TrimSpace(want) {
			t.Errorf("%+v: %v, want %s", builds, got, want)
		}
	}
}

// TestOrder holds findings of one line to one order.
func TestOrder(t *testing.T) {
	text := "FROM debian:12\nENV A=$F$E$D$C$B\n"
	for range 20 {
		diags, err := lint.Run(t.Context(), source.NewFile("Dockerfile", []byte(text)), lint.Options{Checkers: []lint.Checker{&buildkit.Checker{}}})
		if err != nil {
			t.Fatal(err)
		}
		for i := 1; i < len(diags); i++ {
			if diags[i-1].Message > diags[i].Message {
				t.Fatalf("%s before %s", diags[i-1].Message, diags[i].Message)
			}
		}
		if len(diags) < 5 {
			t.Fatalf("%d findings", len(diags))
		}
	}
}

// TestQuiet holds that a clean file is clean, and that images the registry was
// not asked about are not guessed at.
func TestQuiet(t *testing.T) {
	text := "FROM --platform=$BUILDPLATFORM debian:12 AS build\nRUN make\n\nFROM debian:12\nCOPY --from=build /a /a\nUSER 10001\nCMD [\"/a\"]\n"
	diags, err := lint.Run(t.Context(), source.NewFile("Dockerfile", []byte(text)), lint.Options{Checkers: []lint.Checker{&buildkit.Checker{}}})
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range diags {
		t.Errorf("%s: %s", d.Rule.Name, d.Message)
	}
}

// TestNoSecrets holds the check of secrets to what users complain about: names
// that are known to hold none.
func TestNoSecrets(t *testing.T) {
	for text, want := range map[string]int{
		"ENV SSH_AUTH_SOCK=/x GPG_KEY=C874011F0AB405110D02105534365D9472D7468F\nARG TOKEN_URL\n": 0,
		"ENV GOOGLE_APPLICATION_CREDENTIALS=/run/secrets/key.json\n":                             0,
		"ENV KEY=k8Fh3mQz91Lp \\\n  SSH_AUTH_SOCK=/x\nARG auth\n":                                2,
		"ENV \"git_key\"=x\n": 1,
	} {
		src := source.NewFile("Dockerfile", []byte("FROM scratch\n"+text))
		diags, err := lint.Run(t.Context(), src, lint.Options{Checkers: []lint.Checker{&buildkit.Checker{}}})
		if err != nil {
			t.Fatal(err)
		}
		if len(diags) != want {
			t.Errorf("%s: %d findings, want %d", text, len(diags), want)
		}
	}
}
