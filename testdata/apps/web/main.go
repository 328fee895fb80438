// Web is a small service as many teams have it: pages from templates, a call
// to another service over TLS, a router from a library.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"html/template"
	"io"
	"log"
	"net/http"
	"os"
	"time"

	"github.com/go-chi/chi/v5"
)

func main() {
	check := flag.Bool("check", false, "ask a running server whether it is well")
	addr := flag.String("addr", ":8080", "address to listen on")
	flag.Parse()
	if *check {
		res, err := http.Get("http://127.0.0.1" + *addr + "/healthz")
		if err != nil || res.StatusCode != http.StatusOK {
			os.Exit(1)
		}
		return
	}
	pages := template.Must(template.ParseGlob("templates/*.html"))
	r := chi.NewRouter()
	r.Get("/healthz", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") })
	r.Get("/", func(w http.ResponseWriter, _ *http.Request) {
		if err := pages.ExecuteTemplate(w, "index.html", map[string]any{"Time": time.Now().Format(time.RFC3339)}); err != nil {
			log.Print(err)
		}
	})
	r.Get("/whoami", func(w http.ResponseWriter, _ *http.Request) {
		_ = json.NewEncoder(w).Encode(map[string]int{"uid": os.Getuid(), "gid": os.Getgid()})
	})
	r.Get("/fetch", func(w http.ResponseWriter, req *http.Request) {
		res, err := http.Get(req.URL.Query().Get("url"))
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadGateway)
			return
		}
		defer res.Body.Close()
		w.WriteHeader(res.StatusCode)
		_, _ = io.Copy(w, io.LimitReader(res.Body, 1<<20))
	})
	log.Printf("listening on %s", *addr)
	log.Fatal(http.ListenAndServe(*addr, r))
}
