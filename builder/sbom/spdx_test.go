package sbom_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/package-url/packageurl-go"
	spdxjson "github.com/spdx/tools-golang/json"
	"github.com/spdx/tools-golang/spdxlib"

	"github.com/whittle-oci/whittle/builder/image"
	"github.com/whittle-oci/whittle/builder/packages"
	"github.com/whittle-oci/whittle/builder/sbom"
)

var update = flag.Bool("update", false, "write the golden document anew")

// shop is a plan with a package of each kind and modules of two programs.
func shop() *image.Plan {
	return &image.Plan{
		Packages: []packages.Package{
			{Name: "libstdc++6", Version: "12.2.0-14+deb12u1", Arch: "amd64", Source: "gcc-12", Origin: "dpkg", Distro: "debian", PURL: "pkg:deb/debian/libstdc%2B%2B6@12.2.0-14%2Bdeb12u1?arch=amd64&distro=debian-12&upstream=gcc-12"},
			{Name: "libstdc-6", Version: "1", Arch: "amd64", Origin: "dpkg", Distro: "debian", PURL: "pkg:deb/debian/libstdc-6@1?arch=amd64"},
			{Name: "musl", Version: "1.2.5-r0", Arch: "x86_64", Origin: "apk", Distro: "alpine", Licenses: []string{"MIT"}, PURL: "pkg:apk/alpine/musl@1.2.5-r0?arch=x86_64"},
			{Name: "odd", Version: "1", Origin: "apk", Licenses: []string{"custom:none of the above"}},
		},
		Components: []image.Component{
			{Type: "golang", Name: "stdlib", Version: "1.26.8", Program: "/a"},
			{Type: "golang", Name: "example.test/shop", Version: "(devel)", Program: "/a"},
			{Type: "golang", Name: "github.com/BurntSushi/toml", Version: "v1.2.3+incompatible", Sum: "h1:x=", Program: "/a"},
			{Type: "golang", Name: "stdlib", Version: "1.26.8", Program: "/b"},
			{Type: "npm", Name: "@scope/left", Version: "1.0.0", Program: "/app/node_modules/@scope/left/package.json"},
			{Type: "npm", Name: "six", Version: "1.16.0", Program: "/app/node_modules/six/package.json"},
			{Type: "pypi", Name: "six", Version: "1.16.0", Program: "/usr/local/lib/python3.12/site-packages/six-1.16.0.dist-info/METADATA"},
		},
	}
}

func write(t *testing.T, p *image.Plan) []byte { return encode(t, p, false) }

func encode(t *testing.T, p *image.Plan, compact bool) []byte {
	t.Helper()
	dt, err := sbom.SPDX(p, sbom.Options{Name: "shop", Platform: "linux/amd64", Created: time.Unix(0, 0), Version: "1.2.3", Compact: compact})
	if err != nil {
		t.Fatal(err)
	}
	return dt
}

// TestGolden compares the document with one that was read by a person.
func TestGolden(t *testing.T) {
	var indented bytes.Buffer
	if err := json.Indent(&indented, write(t, shop()), "", "  "); err != nil {
		t.Fatal(err)
	}
	const golden = "testdata/shop.spdx.json"
	if *update {
		if err := os.WriteFile(golden, indented.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(want), indented.String()); d != "" {
		t.Errorf("document (-want +got):\n%s", d)
	}
}

// TestValid holds the document to SPDX 2.3: what it must have, what its
// identifiers may be, that its relations lead to what is in it.
func TestValid(t *testing.T) {
	for name, p := range map[string]*image.Plan{"full": shop(), "empty": {}, "compact": shop()} {
		t.Run(name, func(t *testing.T) {
			dt := encode(t, p, name == "compact")
			doc, err := spdxjson.Read(bytes.NewReader(dt))
			if err != nil {
				t.Fatal(err)
			}
			if err := spdxlib.ValidateDocument(doc); err != nil {
				t.Error(err)
			}
			described, err := spdxlib.GetDescribedPackageIDs(doc)
			if err != nil || len(described) != 1 {
				t.Errorf("the document describes %v, %v", described, err)
			}
			if doc.SPDXVersion != "SPDX-2.3" || doc.DataLicense != "CC0-1.0" || doc.SPDXIdentifier != "DOCUMENT" || doc.DocumentName == "" || !strings.HasPrefix(doc.DocumentNamespace, "https://") || strings.Contains(doc.DocumentNamespace, "#") {
				t.Errorf("the document begins %s", dt[:200])
			}
			if c := doc.CreationInfo; c == nil || c.Created != "1970-01-01T00:00:00Z" || len(c.Creators) != 1 {
				t.Errorf("creation %+v", c)
			}
			seen := map[string]bool{}
			for _, pkg := range doc.Packages {
				id := string(pkg.PackageSPDXIdentifier)
				if !regexp.MustCompile(`^[A-Za-z0-9.-]+$`).MatchString(id) || seen[id] {
					t.Errorf("identifier %q", id)
				}
				seen[id] = true
				if pkg.PackageName == "" || pkg.PackageDownloadLocation == "" || pkg.FilesAnalyzed {
					t.Errorf("%s: name %q, location %q, files analyzed %v", id, pkg.PackageName, pkg.PackageDownloadLocation, pkg.FilesAnalyzed)
				}
				for _, ref := range pkg.PackageExternalReferences {
					if _, err := packageurl.FromString(ref.Locator); err != nil || ref.Category != "PACKAGE-MANAGER" || ref.RefType != "purl" {
						t.Errorf("%s: reference %+v, %v", id, ref, err)
					}
				}
			}
			if want := 1 + len(p.Packages) + max(0, len(p.Components)-1); len(doc.Packages) != want {
				t.Errorf("%d packages, want %d", len(doc.Packages), want)
			}
		})
	}
}

// TestCompact names every package as the full document does, in fewer bytes.
func TestCompact(t *testing.T) {
	full, compact := encode(t, shop(), false), encode(t, shop(), true)
	locator := regexp.MustCompile(`"referenceLocator":"[^"]*"`)
	if a, b := locator.FindAll(full, -1), locator.FindAll(compact, -1); len(a) == 0 || !cmp.Equal(a, b) {
		t.Errorf("packages %s, want %s", b, a)
	}
	if len(compact) > len(full)*2/3 {
		t.Errorf("%d bytes of %d", len(compact), len(full))
	}
}

// TestFixed compares documents of equal and of different plans.
func TestFixed(t *testing.T) {
	if !bytes.Equal(write(t, shop()), write(t, shop())) {
		t.Error("equal plans gave different documents")
	}
	other := shop()
	other.Packages[0].Version = "13"
	namespace := regexp.MustCompile(`"documentNamespace":"[^"]*"`)
	if a, b := namespace.Find(write(t, shop())), namespace.Find(write(t, other)); bytes.Equal(a, b) {
		t.Errorf("different plans have the same %s", a)
	}
}
