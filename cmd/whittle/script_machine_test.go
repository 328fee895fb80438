package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
)

// onlyPath leaves no programs but whittle and those in the directories.
func onlyPath(ts *testscript.TestScript, neg bool, args []string) {
	if neg {
		ts.Fatalf("usage: only [DIR...]")
	}
	own := ""
	for _, dir := range filepath.SplitList(ts.Getenv("PATH")) {
		if _, err := os.Stat(filepath.Join(dir, "whittle")); err == nil {
			own = dir
			break
		}
	}
	path := []string{own}
	for _, dir := range args {
		path = append(path, ts.MkAbs(dir))
	}
	ts.Setenv("PATH", strings.Join(path, string(filepath.ListSeparator)))
}

// fakeDocker starts somebody who answers what doctor asks a docker engine.
func fakeDocker(ts *testscript.TestScript, _ bool, _ []string) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Api-Version", "1.47")
		w.Header().Set("Content-Type", "application/json")
		switch {
		case strings.HasSuffix(r.URL.Path, "/_ping"):
			fmt.Fprint(w, "OK")
		case strings.HasSuffix(r.URL.Path, "/version"):
			fmt.Fprint(w, `{"Version":"28.5.2","ApiVersion":"1.47","MinAPIVersion":"1.24","Os":"linux","Arch":"amd64"}`)
		case strings.HasSuffix(r.URL.Path, "/info"):
			fmt.Fprint(w, `{"DriverStatus":[["driver-type","io.containerd.snapshotter.v1"]]}`)
		default:
			http.NotFound(w, r)
		}
	}))
	ts.Defer(s.Close)
	ts.Setenv("DOCKER_HOST", "tcp://"+s.Listener.Addr().String())
}
