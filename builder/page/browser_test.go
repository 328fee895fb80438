package page

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"image/color"
	"image/png"
	"io"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// A browser is a headless Chromium that is spoken to over two pipes
// (--remote-debugging-pipe: messages of the Chrome DevTools Protocol, each ended
// by a zero byte).
type browser struct {
	t    *testing.T
	to   io.Writer
	from *bufio.Reader
	last int
	log  []string // what the page complained about
}

// startBrowser starts the program that WHITTLE_BROWSER names, with one page.
func startBrowser(t *testing.T) (b *browser, session string) {
	t.Helper()
	theirs, ours, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	answers, answer, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), os.Getenv("WHITTLE_BROWSER"), "--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run", "--remote-debugging-pipe", "--user-data-dir="+t.TempDir(), "about:blank") //nolint:gosec // the caller names it
	cmd.ExtraFiles = []*os.File{theirs, answer}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	_, _ = theirs.Close(), answer.Close() // the browser has its own
	b = &browser{t: t, to: ours, from: bufio.NewReaderSize(answers, 1<<20)}
	t.Cleanup(func() {
		_ = cmd.Wait() // the test's context has ended it
		_, _ = ours.Close(), answers.Close()
	})
	var made struct{ TargetID string }
	b.call("", "Target.createTarget", map[string]any{"url": "about:blank"}, &made)
	var attached struct{ SessionID string }
	b.call("", "Target.attachToTarget", map[string]any{"targetId": made.TargetID, "flatten": true}, &attached)
	for _, domain := range []string{"Page", "Runtime", "Log"} {
		b.call(attached.SessionID, domain+".enable", nil, nil)
	}
	return b, attached.SessionID
}

// message is one of the protocol.
type message struct {
	ID     int             `json:"id,omitempty"`
	Method string          `json:"method,omitempty"`
	Params json.RawMessage `json:"params,omitempty"`
	Result json.RawMessage `json:"result,omitempty"`
	Error  json.RawMessage `json:"error,omitempty"`
}

// call sends a command and waits for its result.
func (b *browser) call(session, method string, params, result any) {
	b.t.Helper()
	b.last++
	data, err := json.Marshal(map[string]any{"id": b.last, "method": method, "params": params, "sessionId": session})
	if session == "" {
		data, err = json.Marshal(map[string]any{"id": b.last, "method": method, "params": params})
	}
	if err != nil {
		b.t.Fatal(err)
	}
	if _, err := b.to.Write(append(data, 0)); err != nil {
		b.t.Fatal(err)
	}
	for {
		m := b.read()
		if m.ID != b.last {
			continue
		}
		if m.Error != nil {
			b.t.Fatalf("%s: %s", method, m.Error)
		}
		if result != nil {
			if err := json.Unmarshal(m.Result, result); err != nil {
				b.t.Fatal(err)
			}
		}
		return
	}
}

// read takes the next message, and keeps what the page complains about.
func (b *browser) read() message {
	b.t.Helper()
	data, err := b.from.ReadBytes(0)
	if err != nil {
		b.t.Fatal(err)
	}
	var m message
	if err := json.Unmarshal(bytes.TrimSuffix(data, []byte{0}), &m); err != nil {
		b.t.Fatal(err)
	}
	switch m.Method {
	case "Log.entryAdded", "Runtime.exceptionThrown", "Runtime.consoleAPICalled":
		b.log = append(b.log, string(m.Params))
	}
	return m
}

// open shows a file and waits until it is there.
func (b *browser) open(session, file string) {
	b.t.Helper()
	b.log = nil
	b.call(session, "Page.navigate", map[string]any{"url": (&url.URL{Scheme: "file", Path: file}).String()}, nil)
	var state string
	for state != "complete" {
		b.evaluate(session, `location.href === "about:blank" ? "" : document.readyState`, &state)
	}
}

// evaluate runs a script of ours beside the page, which has none.
func (b *browser) evaluate(session, script string, result any) {
	b.t.Helper()
	var out struct {
		Result           struct{ Value json.RawMessage }
		ExceptionDetails json.RawMessage
	}
	b.call(session, "Runtime.evaluate", map[string]any{"expression": script, "awaitPromise": true, "returnByValue": true}, &out)
	if out.ExceptionDetails != nil {
		b.t.Fatalf("%.60s: %s", script, out.ExceptionDetails)
	}
	if result != nil {
		if err := json.Unmarshal(out.Result.Value, result); err != nil {
			b.t.Fatal(err)
		}
	}
}

// shot is a picture of what is to be seen, kept where WHITTLE_SHOTS names a
// directory. It gives the number of colours.
func (b *browser) shot(session, name string) int {
	b.t.Helper()
	var out struct{ Data string }
	b.call(session, "Page.captureScreenshot", map[string]any{"format": "png"}, &out)
	data, err := base64.StdEncoding.DecodeString(out.Data)
	if err != nil {
		b.t.Fatal(err)
	}
	if dir := os.Getenv("WHITTLE_SHOTS"); dir != "" {
		if err := os.WriteFile(filepath.Join(dir, name+".png"), data, 0o600); err != nil {
			b.t.Fatal(err)
		}
	}
	img, err := png.Decode(bytes.NewReader(data))
	if err != nil {
		b.t.Fatal(err)
	}
	colours := map[color.Color]bool{}
	for y := img.Bounds().Min.Y; y < img.Bounds().Max.Y; y += 3 {
		for x := img.Bounds().Min.X; x < img.Bounds().Max.X; x += 3 {
			colours[img.At(x, y)] = true
		}
	}
	return len(colours)
}

// seen is what the boxes of a page measure on the screen.
const seen = `[...document.querySelectorAll("svg.map")].map(m => ({
	bytes: +m.dataset.bytes, area: +m.dataset.area,
	boxes: [...m.querySelectorAll("rect.b")].map(r => { const b = r.getBBox(), s = r.getBoundingClientRect(), o = m.getBoundingClientRect(); return {x: s.x - o.x, y: s.y - o.y, w: b.width, h: b.height, sw: s.width, sh: s.height, bytes: +r.dataset.bytes} })
}))`

// TestBrowser looks at pages of every kind in Chromium, light and dark: where
// boxes are on the screen, that nothing is refused by the page's own policy,
// that it fits into a narrow window, and what axe-core says of it. make browser
// runs it.
func TestBrowser(t *testing.T) {
	if os.Getenv("WHITTLE_BROWSER") == "" {
		t.Skip("make browser looks at pages in a browser")
	}
	axe, err := os.ReadFile(os.Getenv("WHITTLE_AXE"))
	if err != nil {
		t.Fatal(err)
	}
	b, session := startBrowser(t)
	for kind, of := range pages {
		for _, n := range []int{4, 3000} {
			file := filepath.Join(t.TempDir(), kind+".html")
			if err := os.WriteFile(file, written(t, of(many(n, n == 4))), 0o600); err != nil {
				t.Fatal(err)
			}
			for _, scheme := range []string{"light", "dark"} {
				name := fmt.Sprintf("%s-%d-%s", kind, n, scheme)
				b.call(session, "Emulation.setEmulatedMedia", map[string]any{"features": []map[string]string{{"name": "prefers-color-scheme", "value": scheme}}}, nil)
				b.call(session, "Emulation.setDeviceMetricsOverride", map[string]any{"width": 1100, "height": 1400, "deviceScaleFactor": 1, "mobile": false}, nil)
				b.open(session, file)
				b.looksRight(session, name, treemaps(kind))
				if got := b.shot(session, name); got < 8 {
					t.Errorf("%s has %d colours", name, got)
				}
				var paper string
				b.evaluate(session, "getComputedStyle(document.body).backgroundColor", &paper)
				if want := map[string]string{"light": "rgb(255, 255, 255)", "dark": "rgb(13, 17, 23)"}[scheme]; paper != want {
					t.Errorf("%s: the paper is %s, want %s", name, paper, want)
				}
				if len(b.log) > 0 {
					t.Errorf("%s: the browser says %s", name, b.log)
				}
				b.evaluate(session, string(axe)+"; 0", nil)
				var violations []struct {
					ID    string
					Help  string
					Nodes []struct{ HTML string }
				}
				b.evaluate(session, "axe.run().then(r => r.violations)", &violations)
				for _, v := range violations {
					t.Errorf("%s: axe-core: %s: %s: %.300s", name, v.ID, v.Help, v.Nodes[0].HTML)
				}
			}
			b.call(session, "Emulation.setDeviceMetricsOverride", map[string]any{"width": 360, "height": 700, "deviceScaleFactor": 1, "mobile": false}, nil)
			var wide int
			b.evaluate(session, "document.documentElement.scrollWidth", &wide)
			if wide > 360 {
				t.Errorf("%s is %d pixels wide in a window of 360", kind, wide)
			}
		}
	}
}

// looksRight compares what is on the screen with the bytes.
func (b *browser) looksRight(session, name string, want int) {
	b.t.Helper()
	var maps []struct {
		Bytes int64
		Area  float64
		Boxes []struct {
			X, Y, W, H, SW, SH float64
			Bytes              int64
		}
	}
	b.evaluate(session, seen, &maps)
	if len(maps) != want {
		b.t.Fatalf("%s has %d treemaps", name, len(maps))
	}
	for _, m := range maps {
		d := drawing{bytes: m.Bytes, area: m.Area}
		for _, x := range m.Boxes {
			d.boxes = append(d.boxes, drawn{rect{x.X, x.Y, x.W, x.H}, x.Bytes})
			if x.SW < x.W-0.01 || x.SH < x.H-0.01 {
				b.t.Errorf("%s: a box of %gx%g is %gx%g on the screen", name, x.W, x.H, x.SW, x.SH)
			}
		}
		d.holds(b.t)
	}
}
