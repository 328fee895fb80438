package secrets

import "testing"

// TestSuspicious holds the filter to what it lets through: the detector costs
// more than all rules together.
func TestSuspicious(t *testing.T) {
	for line, want := range map[string]bool{
		"ENV A=k8Fh3mQz91LpXw7Tb2Vn":                                                                true,
		"ENV A=ghp_1a2B3c4D5e6F7g8H9i0JkLmNoPqRsTuVwXyZ":                                            true,
		"ENV A=AKIAQYLPMN5HHHFPZ7M2":                                                                true,
		"ENV A=\"eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIi.x\"":                                 true,
		"ENV API_KEY=9b1c0a7de35f42488a6f0e1d2c3b4a59":                                              true,
		"ENV HEROKU_API=9b1c0a7d-e35f-4248-8a6f-0e1d2c3b4a59":                                       true,
		"ENV SUM=9b1c0a7de35f42488a6f0e1d2c3b4a59":                                                  false,
		"FROM a@sha256:c5b1261d6d3e43071626931fc004f70149baeba2c8ec6":                               true, // cut off, so no digest
		"FROM a@sha256:c5b1261d6d3e43071626931fc004f70149baeba2c8ec672bd4f27761f8e1ad6b":            false,
		"RUN apt-get install -y libgstreamer-plugins-base1.0-0 linux-headers-5.10.0-8-amd64":        false,
		"RUN curl -fsSL https://example.test/releases/download/v1.2.3/tool-x86_64-linux.tar.gz | x": false,
		"RUN git checkout 3f786850e387550fdab836ed7e6dc881de23001b":                                 false,
		"COPY --from=build /a /b":                                                                   false,
		"":                                                                                          false,
	} {
		if got := suspicious([]byte(line)); got != want {
			t.Errorf("%q: got %v", line, got)
		}
	}
}
