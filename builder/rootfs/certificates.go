package rootfs

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"slices"

	"golang.org/x/crypto/x509roots/fallback/bundle"
)

// bundleSource is the module version that Mozilla's roots come from. A test
// holds it to go.mod: asking the running program would make the bytes depend on
// how it was built.
const bundleSource = "golang.org/x/crypto/x509roots/fallback v0.0.0-20261030153154-30a33513ff6d"

// Certificates returns the root certificates that Mozilla trusts for TLS
// servers, as PEM blocks with their subjects above them.
//
// Some roots are trusted with a constraint, such as only for certificates
// issued before a date. PEM has no word for that, so they are not in it; their
// subjects are returned in left.
func Certificates() (bundlePEM []byte, left []string) {
	var blocks bytes.Buffer
	for root := range bundle.Roots() {
		cert, err := x509.ParseCertificate(root.Certificate)
		if err != nil {
			// The bundle is part of this program and its own tests parse it.
			panic(fmt.Sprintf("parsing an embedded root certificate: %v", err))
		}
		if root.Constraint != nil {
			left = append(left, cert.Subject.String())
			continue
		}
		fmt.Fprintf(&blocks, "\n# %s\n", cert.Subject)
		blocks.Write(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: root.Certificate}))
	}
	slices.Sort(left)
	var out bytes.Buffer
	fmt.Fprintf(&out, "# Root certificates of Mozilla's NSS trust store, from %s\n", bundleSource)
	for _, subject := range left {
		fmt.Fprintf(&out, "# Left out, since a constraint on it cannot be written here: %s\n", subject)
	}
	out.Write(blocks.Bytes())
	return out.Bytes(), left
}
