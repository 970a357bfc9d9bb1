package tape_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"github.com/graphwarden/graphwarden/internal/tape"
)

// moody answers like a Graph of which each run is another one: its ids, dates, ETags and tokens differ. The name of
// what it answers with is given.
func moody(name string) originFunc {
	id, etag, skip := uuid.NewString(), `W/"`+uuid.NewString()+`"`, strings.ReplaceAll(uuid.NewString(), "-", "")
	return func(r *http.Request) (*http.Response, error) {
		now := time.Now()
		body := ""
		switch {
		case r.Method == "POST":
			body = fmt.Sprintf(`{"@odata.etag":%q,"id":%q,"displayName":%q,"createdDateTime":%q}`, etag, id, name, now.Format(time.RFC3339Nano))
		case strings.Contains(r.URL.RawQuery, skip):
			body = `{"value":[]}`
		case strings.HasSuffix(r.URL.Path, "/things"):
			body = fmt.Sprintf(`{"value":[{"id":%q,"name":"a"}],"@odata.nextLink":"https://graph.microsoft.com/v1.0/things?$skiptoken=%s"}`, id, skip)
		case r.Method == "PATCH" && r.Header.Get("If-Match") != etag:
			return answer(r, 412, `{"error":{"code":"preconditionFailed"}}`), nil
		default:
			body = fmt.Sprintf(`{"id":%q,"displayName":%q,"lastModifiedDateTime":%q}`, id, name, now.Format(time.RFC3339Nano))
		}
		resp := answer(r, 200, body)
		resp.Header.Set("Date", now.Format(http.TimeFormat)+uuid.NewString()[:1])
		resp.Header.Set("Request-Id", uuid.NewString())
		resp.Header.Set("Client-Request-Id", r.Header.Get("Client-Request-Id"))
		resp.Header.Set("X-Ms-Ags-Diagnostic", `{"ServerInfo":{"Slice":"`+uuid.NewString()+`"}}`)
		resp.Header.Set("Etag", etag)
		return resp, nil
	}
}

// script is a client that makes a thing and goes by what it is told: by its id, its ETag and its next page.
func script(t *testing.T, tp http.RoundTripper, more ...string) {
	t.Helper()
	call := func(method, target, body string, header ...string) map[string]any {
		header = append(header, "Client-Request-Id", uuid.NewString())
		resp, text := send(t, tp, request(t, method, target, body, header...))
		if resp.StatusCode != 200 {
			t.Fatalf("%s %s: %s %s", method, target, resp.Status, text)
		}
		var v map[string]any
		if err := json.Unmarshal([]byte(text), &v); err != nil {
			t.Fatal(err)
		}
		return v
	}
	for _, target := range more {
		call("GET", target, "")
	}
	made := call("POST", "/v1.0/things", `{"displayName":"x"}`)
	id, etag := made["id"].(string), made["@odata.etag"].(string)
	call("GET", "/v1.0/things/"+id, "")
	call("PATCH", "/v1.0/things/"+id, `{"ref":"`+id+`"}`, "If-Match", etag)
	page := call("GET", "/v1.0/things", "")
	call("GET", strings.TrimPrefix(page["@odata.nextLink"].(string), host), "")
}

func recordOver(t *testing.T, path, name string, more ...string) string {
	t.Helper()
	rec := open(t, tape.Options{Mode: tape.Record, Cassette: path, Origin: moody(name)})
	script(t, rec, more...)
	closeTape(t, rec)
	file, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(tape.PartialPath(path)); !os.IsNotExist(err) {
		t.Errorf("a partial file was left: %v", err)
	}
	return string(file)
}

func TestRerecordedUnchanged(t *testing.T) {
	t.Parallel()
	path := cassette(t)
	first := recordOver(t, path, "same")
	for range 3 {
		if diff := cmp.Diff(first, recordOver(t, path, "same")); diff != "" {
			t.Fatalf("recording the same again changed the file (-was +is):\n%s", diff)
		}
	}
	script(t, open(t, tape.Options{Mode: tape.Replay, Cassette: path}))
}

func TestRerecordedChanged(t *testing.T) {
	t.Parallel()
	path := cassette(t)
	first := recordOver(t, path, "before")
	second := recordOver(t, path, "after")
	if first == second || strings.Contains(second, "before") {
		t.Fatalf("another name is not on the cassette:\n%s", second)
	}
	// The new ids are the old ones, so what did not change is the same and what did goes by the same ids.
	items := func(s string) []string {
		body, _, _ := strings.Cut(s, "\n...")
		return strings.Split(body, "\n    - ")[1:]
	}
	var changed []int
	for i, item := range items(second) {
		if item != items(first)[i] {
			changed = append(changed, i)
		}
	}
	if diff := cmp.Diff([]int{0, 1, 2}, changed); diff != "" {
		t.Errorf("changed (-want +got):\n%s", diff)
	}
	script(t, open(t, tape.Options{Mode: tape.Replay, Cassette: path}))
	// A call in front moves the others; they keep all but their places.
	third := recordOver(t, path, "after", "/v1.0/more")
	for i, item := range items(second) {
		got := strings.Replace(items(third)[i+1], fmt.Sprintf("sequence: %d\n", i+2), fmt.Sprintf("sequence: %d\n", i+1), 1)
		if diff := cmp.Diff(item, got); diff != "" {
			t.Errorf("interaction %d behind a new one (-was +is):\n%s", i, diff)
		}
	}
	script(t, open(t, tape.Options{Mode: tape.Replay, Cassette: path}), "/v1.0/more")
}

// TestRerecordedOtherThing has lists that name another thing than before: no id made up by a POST, so a change.
func TestRerecordedOtherThing(t *testing.T) {
	t.Parallel()
	path := cassette(t)
	record := func(id string) string {
		rec := open(t, tape.Options{Mode: tape.Record, Cassette: path, Origin: originFunc(func(r *http.Request) (*http.Response, error) {
			return answer(r, 200, `{"value":[{"id":"`+id+`"}]}`), nil
		})})
		send(t, rec, request(t, "GET", "/v1.0/groups", ""))
		closeTape(t, rec)
		file, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		return string(file)
	}
	a, b := uuid.NewString(), uuid.NewString()
	record(a)
	if got := record(b); !strings.Contains(got, b) || strings.Contains(got, a) {
		t.Errorf("the other group is not on the cassette:\n%s", got)
	}
}
