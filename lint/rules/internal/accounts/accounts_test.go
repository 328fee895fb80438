package accounts_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/whittle-oci/whittle/lint/dockerfile"
	"github.com/whittle-oci/whittle/lint/rules/internal/accounts"
	"github.com/whittle-oci/whittle/lint/source"
)

func TestCreated(t *testing.T) {
	for _, c := range []struct {
		text string
		want []string // name and number
	}{
		{"RUN useradd app\n", []string{"app "}},
		{"RUN useradd -r -u 1001 -g app -s /sbin/nologin app\n", []string{"app 1001"}},
		{"RUN useradd app --uid=0010 --create-home\n", []string{"app 10"}},
		{"RUN useradd -rmu 1001 app && useradd -lms /bin/sh other\n", []string{"app 1001", "other "}},
		{"RUN groupadd -g 5 x && useradd -u 7 -c 'The App' app\n", []string{"app 7"}},
		{"RUN adduser -D -H -u 1000 -G app app && addgroup x\n", []string{"app 1000"}},
		{"RUN adduser --disabled-password --gecos '' --uid 1000 app\n", []string{"app 1000"}},
		{"RUN adduser app wheel\n", nil},
		{"ARG UID=1234\nARG NAME=app\nRUN useradd -u $UID \"${NAME}\"\n", []string{"app 1234"}},
		{"ARG UID\nRUN useradd -u $UID app\n", []string{"app "}},
		{"RUN useradd -u $(id -u) app\n", []string{"app "}},
		{"RUN useradd $NAME\n", nil},
		{"RUN useradd\nRUN adduser -D\n", nil},
		{"ONBUILD RUN useradd app\n", nil},
		{"RUN sudo useradd -u 5 app\n", []string{"app 5"}},
		{"RUN useradd a\nFROM base\nRUN useradd b\nFROM scratch\n", nil},
	} {
		f, err := dockerfile.Parse(source.NewFile("Dockerfile", []byte("FROM debian AS base\n"+c.text)))
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, a := range accounts.Created(f, f.Final().Index) {
			got = append(got, a.Name+" "+a.UID)
		}
		if d := cmp.Diff(c.want, got); d != "" {
			t.Errorf("%s: -want +got\n%s", c.text, d)
		}
	}
}

func TestRuns(t *testing.T) {
	for ref, want := range map[string]string{
		"gcr.io/distroless/static:nonroot": "65532", "gcr.io/distroless/static-debian12:nonroot@sha256:abc": "65532", "gcr.io/distroless/static": "",
		"cgr.dev/chainguard/static": "65532", "cgr.dev/chainguard/wolfi-base:latest": "", "mcr.microsoft.com/dotnet/aspnet:9.0-noble-chiseled": "1654", "mcr.microsoft.com/dotnet/aspnet:9.0": "",
		"docker.io/library/memcached:1": "memcache", "memcached": "memcache", "someone/memcached": "", "localhost:5000/memcached": "", "jenkins/jenkins:lts": "jenkins",
		"registry.access.redhat.com/ubi9/nodejs-22": "1001", "registry.access.redhat.com/ubi9/ubi-minimal:9.4": "", "registry.access.redhat.com/ubi9": "", "debian:12": "", "dhi.io/python:3.13": "65532", "dhi.io/python:3.13-dev": "",
		"docker:27-rootless": "a user of its own", "bitnami/redis": "1001", "bitnami/minideb": "",
	} {
		user, ok := accounts.Runs(ref)
		if !ok {
			user = ""
		}
		if user != want || ok && accounts.Root(user) {
			t.Errorf("%s: got %q (%v), want %q", ref, user, ok, want)
		}
	}
}

func TestRoot(t *testing.T) {
	for user, want := range map[string]bool{"": true, "root": true, "0": true, "00:5": true, "root:app": true, ":5": true, "app": false, "10": false, "1000:0": false, "rootless": false} {
		if accounts.Root(user) != want {
			t.Errorf("%q: got %v", user, !want)
		}
	}
}

func TestNumber(t *testing.T) {
	for _, c := range []struct{ ref, user, want string }{
		{"node:24-alpine", "node", "1000"}, {"debian", "node", ""}, {"gcr.io/distroless/base", "nonroot", "65532"}, {"debian:12", "nobody", "65534"}, {"centos:7", "nobody", ""},
		{"php:8-fpm-alpine", "www-data", "82"}, {"php:8-apache", "www-data", "33"}, {"nginx", "nginx", "101"}, {"jenkins/jenkins:lts", "jenkins", "1000"}, {"debian", "jenkins", ""}, {"mcr.microsoft.com/dotnet/aspnet:8.0", "app", "1654"},
	} {
		if got := accounts.Number(c.ref, c.user); got != c.want {
			t.Errorf("%s of %s: got %q, want %q", c.user, c.ref, got, c.want)
		}
	}
}
