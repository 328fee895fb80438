// Package smoke tries a finished image before it is shipped: a command that
// must end well, or an HTTP request to the image's own command.
//
// The frontend asks BuildKit for one step on the image's file system, in which
// [Supervise] of this very program starts the command, watches it and writes
// down what became of it. What failed is then explained in terms of the plan.
package smoke

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// A Check is what is tried: a command of the image or a request to it.
type Check struct {
	Argv []string // must end with exit code 0
	HTTP *Request // asked while the image's own command runs
}

// A Request is an HTTP request to a port of the loopback interface. Any status
// from 200 to 399 is a good answer.
type Request struct {
	Method string        `json:"method"` // GET or HEAD
	Path   string        `json:"path"`   // with its query
	Port   int           `json:"port"`
	Within time.Duration `json:"within"` // from the start of the command
}

const (
	// CommandLimit is how long a command may take.
	CommandLimit = 2 * time.Minute
	// DefaultWithin is how long an answer may take when nothing is said.
	DefaultWithin = 30 * time.Second
	// MaxWithin is the longest time that can be asked for.
	MaxWithin = 10 * time.Minute
)

// IsZero reports whether nothing is tried.
func (c Check) IsZero() bool { return len(c.Argv) == 0 && c.HTTP == nil }

// String writes the check as the setting takes it.
func (c Check) String() string {
	if c.HTTP != nil {
		return "http: " + c.HTTP.String()
	}
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(c.Argv) // a list of texts is always written
	return strings.TrimSuffix(b.String(), "\n")
}

// String writes the request as ParseRequest reads it.
func (r Request) String() string {
	return fmt.Sprintf("%s %s on %d within %s", r.Method, r.Path, r.Port, r.Within)
}

// form is what ParseRequest reads, for messages.
const form = "write GET /path on PORT within 10s"

// ParseRequest reads "GET /path on PORT within N s". HEAD may stand for GET,
// the time may be written as 10s, 10 s or 1m30s, and it may be left out.
func ParseRequest(s string) (Request, error) {
	r := Request{Within: DefaultWithin}
	s = strings.TrimSpace(s)
	words := strings.Fields(s)
	if len(words) < 4 || words[2] != "on" || len(words) > 4 && (words[4] != "within" || len(words) == 5 || len(words) > 7) {
		return r, fmt.Errorf("%q is no request; %s", s, form)
	}
	r.Method, r.Path = words[0], words[1]
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		return r, fmt.Errorf("%q is neither GET nor HEAD; %s", r.Method, form)
	}
	if _, err := url.ParseRequestURI(r.Path); err != nil || !strings.HasPrefix(r.Path, "/") {
		return r, fmt.Errorf("%q is not a path; %s", r.Path, form)
	}
	var err error
	if r.Port, err = strconv.Atoi(words[3]); err != nil || r.Port < 1 || r.Port > 65535 {
		return r, fmt.Errorf("%q is not a port; %s", words[3], form)
	}
	if len(words) > 4 {
		r.Within, err = within(words[5:])
	}
	return r, err
}

// within reads a time limit.
func within(words []string) (time.Duration, error) {
	d, err := time.ParseDuration(strings.Join(words, ""))
	switch {
	case err != nil || d <= 0:
		return 0, fmt.Errorf("%q is not a time; write 10s or 1m", strings.Join(words, " "))
	case d > MaxWithin:
		return 0, fmt.Errorf("%s is more than the %s that a request may wait", d, MaxWithin)
	}
	return d, nil
}

// A Result is what became of a trial.
type Result struct {
	OK       bool      `json:"ok"`
	Ended    bool      `json:"ended"` // the command ended by itself
	Code     int       `json:"code"`  // its exit code
	Signal   string    `json:"signal,omitempty"`
	Status   int       `json:"status,omitempty"`   // of the last answer
	Error    string    `json:"error,omitempty"`    // why there was none, or why nothing was started
	TimedOut bool      `json:"timedOut,omitempty"` // the time went by
	Output   string    `json:"output,omitempty"`   // the end of what was printed
	At       time.Time `json:"at"`                 // when the trial began
}

// Says tells in a few words what became of the check.
func (r Result) Says(c Check) string {
	switch {
	case c.HTTP != nil && r.OK:
		return fmt.Sprintf("answered with status %d", r.Status)
	case !r.Ended && !r.TimedOut:
		return "could not be started: " + r.Error
	case r.Ended && c.HTTP == nil:
		return r.end()
	case r.Ended:
		return fmt.Sprintf("the image's command %s before it answered", r.end())
	case c.HTTP == nil:
		return fmt.Sprintf("did not end within %s", CommandLimit)
	case r.Status != 0:
		return fmt.Sprintf("the last answer within %s had status %d", c.HTTP.Within, r.Status)
	}
	return fmt.Sprintf("no answer within %s: %s", c.HTTP.Within, r.Error)
}

func (r Result) end() string {
	if r.Signal != "" {
		return "was ended by the signal " + r.Signal
	}
	return fmt.Sprintf("ended with exit code %d", r.Code)
}

// ErrNothingToStart says that an image has no command that could be asked.
var ErrNothingToStart = errors.New("the image has neither ENTRYPOINT nor CMD, so nothing can be asked over HTTP")
