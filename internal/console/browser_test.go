//go:build unix

package console_test

import (
	"bufio"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/graphwarden/graphwarden/internal/console"
)

// browser is a headless Chromium, driven by DevTools messages over a pipe.
type browser struct {
	t    *testing.T
	out  io.Writer
	mu   sync.Mutex
	next int
	wait map[int]chan reply
	// session is the page that messages go to.
	session string
	// requested are the URLs the page asked for, dialogs those it opened, faults what it complained of.
	requested, dialogs, faults []string
}

type reply struct {
	ID     int             `json:"id"`
	Method string          `json:"method"`
	Params json.RawMessage `json:"params"`
	Result json.RawMessage `json:"result"`
	Error  *struct {
		Message string `json:"message"`
	} `json:"error"`
}

// startBrowser skips the test, loudly, where there is no Chromium.
func startBrowser(t *testing.T) *browser {
	t.Helper()
	path := os.Getenv("CHROMIUM")
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path == "" {
			path, _ = exec.LookPath(name)
		}
	}
	if path == "" {
		t.Skip("SKIPPED: the console was not tried in a browser: install chromium, or name one with CHROMIUM")
	}
	toRead, toWrite, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	fromRead, fromWrite, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	profile, err := os.MkdirTemp("", "console-browser-")
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), path, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
		"--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage", "--no-proxy-server",
		"--user-data-dir="+profile, "--remote-debugging-pipe", "about:blank")
	cmd.ExtraFiles = []*os.File{toRead, fromWrite}
	cmd.WaitDelay = 5 * time.Second
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	_ = toRead.Close()
	_ = fromWrite.Close()
	b := &browser{t: t, out: toWrite, wait: map[int]chan reply{}}
	go b.read(fromRead)
	t.Cleanup(func() {
		b.session = ""
		_, _ = b.send("Browser.close", nil)
		_ = toWrite.Close()
		_ = cmd.Wait()
		_ = fromRead.Close()
		// A late child of the browser may still write there; what is left is the system's to clean.
		for range 20 {
			if os.RemoveAll(profile) == nil {
				return
			}
			time.Sleep(50 * time.Millisecond)
		}
	})
	b.openPage()
	return b
}

func (b *browser) read(from io.Reader) {
	r := bufio.NewReaderSize(from, 1<<20)
	for {
		text, err := r.ReadBytes(0)
		if err != nil {
			b.mu.Lock()
			defer b.mu.Unlock()
			for _, ch := range b.wait {
				ch <- reply{Error: &struct {
					Message string `json:"message"`
				}{"the browser is gone"}}
			}
			return
		}
		var m reply
		if json.Unmarshal(text[:len(text)-1], &m) != nil {
			continue
		}
		b.mu.Lock()
		if m.ID != 0 {
			if ch := b.wait[m.ID]; ch != nil {
				ch <- m
				delete(b.wait, m.ID)
			}
		} else {
			b.note(m)
		}
		b.mu.Unlock()
	}
}

// note remembers what the tests judge a page by.
func (b *browser) note(m reply) {
	var p struct {
		Request struct{ URL string }
		Message string
		Entry   struct{ Text, URL string }
		Details struct {
			Text      string `json:"text"`
			Exception struct{ Description string }
		} `json:"exceptionDetails"`
	}
	_ = json.Unmarshal(m.Params, &p)
	switch m.Method {
	case "Network.requestWillBeSent":
		b.requested = append(b.requested, p.Request.URL)
	case "Page.javascriptDialogOpening":
		b.dialogs = append(b.dialogs, p.Message)
	case "Log.entryAdded":
		b.faults = append(b.faults, p.Entry.Text+" "+p.Entry.URL)
	case "Runtime.exceptionThrown":
		b.faults = append(b.faults, p.Details.Text+" "+p.Details.Exception.Description)
	}
}

// send sends a message to the page and waits for its answer.
func (b *browser) send(method string, params any) (json.RawMessage, error) {
	b.mu.Lock()
	b.next++
	id, ch := b.next, make(chan reply, 1)
	b.wait[id] = ch
	message := map[string]any{"id": id, "method": method}
	if params != nil {
		message["params"] = params
	}
	if b.session != "" {
		message["sessionId"] = b.session
	}
	text, err := json.Marshal(message)
	if err == nil {
		_, err = b.out.Write(append(text, 0))
	}
	b.mu.Unlock()
	if err != nil {
		return nil, err
	}
	select {
	case m := <-ch:
		if m.Error != nil {
			return nil, errors.New(m.Error.Message)
		}
		return m.Result, nil
	case <-time.After(20 * time.Second):
		return nil, fmt.Errorf("%s: no answer", method)
	}
}

func (b *browser) must(method string, params any, into any) {
	b.t.Helper()
	result, err := b.send(method, params)
	if err != nil {
		b.t.Fatalf("%s: %v", method, err)
	}
	if into != nil {
		if err := json.Unmarshal(result, into); err != nil {
			b.t.Fatal(err)
		}
	}
}

// openPage opens a page of its own, whose storage is shared with no other.
func (b *browser) openPage() {
	b.t.Helper()
	b.session = ""
	var target struct{ TargetID string }
	b.must("Target.createTarget", map[string]any{"url": "about:blank"}, &target)
	var session struct{ SessionID string }
	b.must("Target.attachToTarget", map[string]any{"targetId": target.TargetID, "flatten": true}, &session)
	b.session = session.SessionID
	for _, domain := range []string{"Page", "Runtime", "Network", "Log"} {
		b.must(domain+".enable", nil, nil)
	}
}

// size sets the window, and whether the system likes it dark.
func (b *browser) size(width, height int, dark bool) {
	b.t.Helper()
	b.must("Emulation.setDeviceMetricsOverride", map[string]any{"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}, nil)
	scheme := "light"
	if dark {
		scheme = "dark"
	}
	b.must("Emulation.setEmulatedMedia", map[string]any{"features": []map[string]string{
		{"name": "prefers-color-scheme", "value": scheme}, {"name": "prefers-reduced-motion", "value": "reduce"}}}, nil)
}

func (b *browser) visit(url string) {
	b.t.Helper()
	b.must("Page.navigate", map[string]any{"url": url}, nil)
}

// eval is the value of an expression in the page, a promise awaited.
func (b *browser) eval(expression string) any {
	b.t.Helper()
	var r struct {
		Result           struct{ Value any }
		ExceptionDetails *struct {
			Exception struct{ Description string }
		}
	}
	b.must("Runtime.evaluate", map[string]any{"expression": expression, "awaitPromise": true, "returnByValue": true}, &r)
	if r.ExceptionDetails != nil {
		b.t.Fatalf("%s: %s", expression, r.ExceptionDetails.Exception.Description)
	}
	return r.Result.Value
}

// until waits for an expression to be true.
func (b *browser) until(expression string) {
	b.t.Helper()
	for deadline := time.Now().Add(15 * time.Second); time.Now().Before(deadline); time.Sleep(30 * time.Millisecond) {
		// Between two pages there may be nothing to look at yet.
		result, err := b.send("Runtime.evaluate", map[string]any{"expression": "(() => { try { return !!(" + expression + ") } catch { return false } })()", "returnByValue": true})
		var r struct{ Result struct{ Value any } }
		if err == nil && json.Unmarshal(result, &r) == nil && r.Result.Value == true {
			return
		}
	}
	b.t.Fatalf("never true: %s\npage says: %v\nfaults: %v", expression, b.eval("document.body.innerText.slice(0, 1500)"), b.faults)
}

// press presses and lets go of a key.
func (b *browser) press(key string) {
	b.t.Helper()
	down := map[string]any{"type": "keyDown", "key": key, "code": key}
	codes := map[string]int{"Enter": 13, "Escape": 27, "Tab": 9, "ArrowDown": 40}
	if code, ok := codes[key]; ok {
		down["windowsVirtualKeyCode"] = code
		if key == "Enter" {
			down["text"] = "\r"
		}
	} else {
		down["text"] = key
	}
	b.must("Input.dispatchKeyEvent", down, nil)
	b.must("Input.dispatchKeyEvent", map[string]any{"type": "keyUp", "key": key, "code": key}, nil)
}

// shoot writes what the page looks like to a folder, if one is named by SCREENSHOTS.
func (b *browser) shoot(name string) {
	b.t.Helper()
	dir := os.Getenv("SCREENSHOTS")
	if dir == "" {
		return
	}
	var shot struct{ Data string }
	b.must("Page.captureScreenshot", map[string]any{"format": "png"}, &shot)
	png, err := base64.StdEncoding.DecodeString(shot.Data)
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, name+".png"), png, 0o644)
	}
	if err != nil {
		b.t.Fatal(err)
	}
}

// open signs in by the link.
func (b *browser) open(s served) {
	b.t.Helper()
	b.visit(s.http.URL + "/#token=" + s.Token())
	b.until(`document.querySelectorAll(".row").length > 0`)
	b.until(`document.getElementById("live").className === "live on"`)
}

// legible fails the test if text has too little contrast with what is behind it (WCAG AA), or a control has no name.
func (b *browser) legible(where string) {
	b.t.Helper()
	found := b.eval(`(() => {
	const light = (c) => { const [r, g, b] = c.match(/[\d.]+/g).map(Number).map((v) => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4); return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
	const behind = (n) => { for (; n; n = n.parentElement) { const c = getComputedStyle(n).backgroundColor; if (!/, 0\)$|transparent/.test(c)) return c; } return "rgb(255, 255, 255)"; };
	const faults = [];
	for (const n of document.querySelectorAll("body *")) {
		if (!n.checkVisibility() || n.closest(".unseen, .skip")) continue;
		if ([...n.childNodes].some((c) => c.nodeType === 3 && c.data.trim())) {
			const [a, z] = [light(getComputedStyle(n).color), light(behind(n))].sort((x, y) => x - y);
			if ((z + 0.05) / (a + 0.05) < 4.5) faults.push(n.textContent.trim().slice(0, 30) + " " + ((z + 0.05) / (a + 0.05)).toFixed(2));
		}
		if (/^(BUTTON|INPUT|SELECT)$/.test(n.tagName) && !(n.labels && n.labels.length && [...n.labels].some((l) => l.textContent.trim())) && !n.textContent.trim()) faults.push(n.tagName + " without a name");
	}
	return faults;
	})()`)
	if list, ok := found.([]any); !ok || len(list) > 0 {
		b.t.Errorf("%s: %v", where, found)
	}
}

// clean fails the test if the page asked anybody else, opened a dialog or complained.
func (b *browser) clean(s served) {
	b.t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, url := range b.requested {
		if !strings.HasPrefix(url, s.http.URL+"/") && url != "about:blank" {
			b.t.Errorf("the page asked for %s", url)
		}
	}
	if len(b.dialogs) > 0 {
		b.t.Errorf("dialogs: %q", b.dialogs)
	}
	if len(b.faults) > 0 {
		b.t.Errorf("faults: %q", b.faults)
	}
}

func TestPage(t *testing.T) {
	s := serve(t, console.Options{})
	fill(s)
	b := startBrowser(t)
	b.size(1360, 820, false)
	b.open(s)
	if at := b.eval("location.href"); at != s.http.URL+"/#/exchanges" {
		t.Errorf("the token stays in the address: %v", at)
	}
	b.shoot("list-light")
	b.legible("list-light")

	// What happens now appears at once, without a reload.
	s.Observe(exchange(99, func(e *console.Exchange) { e.Path = "/beta/live-one" }))
	b.until(`document.querySelector(".row .path").textContent.includes("live-one")`)

	// Search narrows, by keys alone.
	b.press("/")
	for _, c := range "target.broad" {
		b.press(string(c))
	}
	b.until(`document.querySelectorAll(".row").length === 1`)
	b.press("Escape")
	b.until(`document.querySelectorAll(".row").length === 25`)
	b.press("Escape")
	b.eval(`document.activeElement.blur()`)

	// One exchange in full: the rule, its place, and the place in the input document it looked at.
	b.press("j")
	b.press("j")
	b.press("j")
	b.press("Enter")
	b.until(`document.getElementById("detail").innerText.includes("policies/rules/target.rego:31")`)
	b.until(`document.getElementById("detail").innerText.includes("DeviceManagementConfiguration.ReadWrite.All")`)
	b.shoot("detail-light")
	b.legible("detail-light")
	b.eval(`document.querySelector("#detail .why button").click()`)
	b.until(`document.querySelector("#detail .hit.deny")`)
	if hit := b.eval(`document.querySelector("#detail .hit.deny").dataset.pointer`); hit != "/graph/targets/0" {
		t.Errorf("marked %v", hit)
	}
	if shown := b.eval(`document.getElementById("detail").innerText.includes("1772616600123456789") && document.getElementById("detail").innerText.includes("12345678901234567890")`); shown != true {
		t.Error("a large number was rounded")
	}
	b.shoot("input-light")
	b.legible("input-light")
	b.press("Escape")
	b.until(`document.getElementById("detail").hidden`)

	// The nearest recording on a miss.
	b.eval(`location.hash = "#/exchanges/00000020-1111-4111-8111-111111111111"`)
	b.until(`document.querySelector("#detail .diff")`)
	b.size(1360, 820, true)
	b.shoot("miss-dark")
	b.legible("miss-dark")

	for key, view := range map[string]string{"2": "cassette", "3": "policies", "4": "health"} {
		b.eval(`document.activeElement.blur()`)
		b.press(key)
		b.until(`!document.getElementById("view-` + view + `").hidden && document.getElementById("view-` + view + `").children.length`)
		if view == "cassette" && b.eval(`document.querySelectorAll("#view-cassette .acts").length`) != 0.0 {
			t.Error("a page that only reads offers to write")
		}
		if view == "policies" {
			b.until(`document.getElementById("tests").innerText.includes("33–35, 51") && document.querySelector("#view-policies td p.fault").textContent === "1 of 2 failed"`)
		}
		b.shoot(view + "-dark")
		b.legible(view + "-dark")
		b.size(1360, 820, false)
		b.shoot(view + "-light")
		b.legible(view + "-light")
		b.size(390, 800, false)
		b.shoot(view + "-phone")
		if wide := b.eval(`document.documentElement.scrollWidth > innerWidth`); wide == true {
			t.Errorf("%s is wider than a phone", view)
		}
		b.size(1360, 820, true)
	}
	b.press("1")
	b.until(`!document.getElementById("view-exchanges").hidden`)
	b.shoot("list-dark")
	b.legible("list-dark")
	b.size(390, 800, true)
	b.shoot("list-phone-dark")
	b.size(390, 800, false)
	b.shoot("list-phone")
	b.legible("list-phone")
	if wide := b.eval(`document.documentElement.scrollWidth > innerWidth`); wide == true {
		t.Error("the list is wider than a phone")
	}
	b.eval(`location.hash = "#/exchanges/00000023-1111-4111-8111-111111111111"`)
	b.until(`document.getElementById("detail").innerText.includes("Token claims")`)
	b.shoot("detail-phone")
	if wide := b.eval(`document.documentElement.scrollWidth > innerWidth`); wide == true {
		t.Error("an exchange is wider than a phone")
	}
	b.clean(s)
}

// TestPageWrites switches a session and stops it, which a page that may only read does not offer.
func TestPageWrites(t *testing.T) {
	s := serve(t, console.Options{Write: true})
	fill(s)
	b := startBrowser(t)
	b.size(1360, 820, false)
	b.open(s)
	b.eval(`location.hash = "#/cassette"`)
	b.until(`document.querySelectorAll("#view-cassette .acts").length === 2`)
	b.shoot("sessions-light")
	b.legible("sessions-light")
	b.size(390, 800, true)
	b.eval(`document.querySelector("#view-cassette .acts").scrollIntoView()`)
	b.shoot("sessions-phone-dark")
	b.legible("sessions-phone-dark")
	if wide := b.eval(`document.documentElement.scrollWidth > innerWidth`); wide == true {
		t.Error("the sessions are wider than a phone")
	}
	b.size(1360, 820, false)

	// What was opened stays open when something happens.
	b.eval(`document.querySelector("#view-cassette details").open = true; document.querySelector("#view-cassette table").id = "old"`)
	s.Observe(exchange(99, nil))
	b.until(`!document.getElementById("old")`)
	if open := b.eval(`document.querySelectorAll("#view-cassette details[open]").length`); open != 1.0 {
		t.Errorf("%v details are open, want 1", open)
	}
	b.eval(`(() => { const acts = document.querySelectorAll("#view-cassette .acts")[1]; acts.querySelector("select").value = "live"; acts.querySelector("button").click(); })()`)
	b.until(`document.querySelector("#view-cassette [role=status]").textContent === "checkout-test goes on in mode live"`)
	if got := s.fake.Sessions()[1].Mode; got != "live" {
		t.Errorf("mode %q", got)
	}
	stop := `document.querySelectorAll("#view-cassette .acts")[1].querySelectorAll("button")[1]`
	b.eval(stop + `.focus()`)
	b.eval(stop + `.click()`)
	b.until(stop + `.textContent === "Really stop"`)
	if s.fake.Sessions()[1].Ended {
		t.Error("one press stopped the session")
	}
	b.eval(stop + `.click()`)
	b.until(`document.querySelector("#view-cassette [role=status]").textContent === "checkout-test was stopped: ok"`)
	if !s.fake.Sessions()[1].Ended {
		t.Error("the session goes on")
	}
	s.fake.broken.Store(true)
	b.eval(`document.querySelector("#view-cassette .acts button").click()`)
	b.until(`document.querySelector("#view-cassette .fault").textContent === "no way out"`)
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.dialogs) > 0 {
		t.Errorf("dialogs: %q", b.dialogs)
	}
}
