package oci_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/whittle-oci/whittle/builder/oci"
)

// TestReferrers lists what a registry answers, page by page.
func TestReferrers(t *testing.T) {
	one := fmt.Sprintf(`{"mediaType":%q,"size":1,"digest":%q}`, manifest, image)
	two := fmt.Sprintf(`{"mediaType":%q,"size":1,"digest":%q}`, manifest, other)
	page := func(link string, entries ...string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", list+"; charset=utf-8")
			if link != "" {
				w.Header().Set("Link", link)
			}
			fmt.Fprintf(w, `{"schemaVersion":2,"manifests":[%s]}`, strings.Join(entries, ","))
		}
	}
	status := func(code int) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) }
	}
	const api = "/v2/app/referrers/" + image
	fallback := "/v2/app/manifests/" + strings.Replace(image, ":", "-", 1)
	for label, c := range map[string]struct {
		answers map[string]http.HandlerFunc // by path and query
		want    int
		err     string
	}{
		"one page":             {map[string]http.HandlerFunc{api: page("", one, two)}, 2, ""},
		"two pages":            {map[string]http.HandlerFunc{api: page(`<`+api+`?n=1>; rel="next"`, one), api + "?n=1": page("", two)}, 2, ""},
		"a relative link":      {map[string]http.HandlerFunc{api: page(`<?n=1>;rel=next`, one), api + "?n=1": page("", two)}, 2, ""},
		"links to other pages": {map[string]http.HandlerFunc{api: page(`<?n=0>; rel="first", <?n=1>; title="a,b"; rel="next"`, one), api + "?n=1": page(`<?n=0>; rel="prev"`, two)}, 2, ""},
		"another host":         {map[string]http.HandlerFunc{api: page(`<http://example.test/>; rel="next"`, one)}, 1, "goes on at another host"},
		"round and round":      {map[string]http.HandlerFunc{api: page(`<?n=1>; rel="next"`, one), api + "?n=1": page(`<?n=1>; rel="next"`)}, 1, "more than 1000 pages"},
		"the second is gone":   {map[string]http.HandlerFunc{api: page(`<?n=1>; rel="next"`, one)}, 1, "does not list referrers"},
		"entries of any kind":  {map[string]http.HandlerFunc{api: page("", `{"digest":"sha256:x"}`, `7`, one, `{"digest":"md5:`+strings.Repeat("a", 32)+`"}`, two)}, 2, ""},
		"no list": {map[string]http.HandlerFunc{api: func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", list)
			fmt.Fprint(w, `{"manifests":{}}`)
		}}, 0, "reading the list of referrers"},
		"too long": {map[string]http.HandlerFunc{api: func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", list)
			fmt.Fprint(w, `{"manifests":[`+strings.Repeat(" ", oci.MaxManifest)+`]}`)
		}}, 0, "more than the limit"},
		"no API":          {map[string]http.HandlerFunc{fallback: page("", one)}, 1, ""},
		"a page of a web": {map[string]http.HandlerFunc{api: func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "<html>") }, fallback: page("", one)}, 1, ""},
		"neither":         {nil, 0, ""},
		"refused":         {map[string]http.HandlerFunc{api: status(http.StatusForbidden)}, 0, "403"},
		"no tag":          {map[string]http.HandlerFunc{fallback: status(http.StatusForbidden)}, 0, "403"},
	} {
		t.Run(label, func(t *testing.T) {
			s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if h, ok := c.answers[r.URL.RequestURI()]; ok {
					h(w, r)
				} else if r.URL.Path != "/v2/" {
					w.WriteHeader(http.StatusNotFound)
				}
			}))
			defer s.Close()
			d, err := oci.ParseDigest(strings.TrimPrefix(s.URL, "http://") + "/app@" + image)
			if err != nil {
				t.Fatal(err)
			}
			var got []v1.Descriptor
			err = oci.Client{}.Referrers(t.Context(), d, func(d v1.Descriptor) bool { got = append(got, d); return true })
			if (err == nil) != (c.err == "") || err != nil && !strings.Contains(err.Error(), c.err) || len(got) != c.want {
				t.Errorf("got %d, %v, want %d, %q", len(got), err, c.want, c.err)
			}
			n := 0
			if err := (oci.Client{}).Referrers(t.Context(), d, func(v1.Descriptor) bool { n++; return false }); c.want > 0 && (err != nil || n != 1) {
				t.Errorf("no more than one is wanted: %d, %v", n, err)
			}
		})
	}
}

// TestRedirects goes round without end.
func TestRedirects(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/v2/" {
			http.Redirect(w, r, r.URL.Path, http.StatusTemporaryRedirect)
		}
	}))
	defer s.Close()
	ref, err := oci.ParseRef(strings.TrimPrefix(s.URL, "http://") + "/app:1")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := oci.Open(t.Context(), ref, oci.OpenOptions{}); err == nil || !strings.Contains(err.Error(), "more than 10 times") {
		t.Errorf("got %v", err)
	}
}
