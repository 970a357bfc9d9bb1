package standin

import (
	"compress/gzip"
	"io"
	"mime"
	"net/http"
	"strings"
)

// maxBody is Graph's limit on a request, before and after decoding.
const maxBody = 4 << 20

// readBody reads a request's body whole and undoes gzip, which is what the Go Graph SDK sends.
func readBody(r *http.Request) ([]byte, *fault) {
	if r.Body == nil || r.Body == http.NoBody {
		return nil, nil
	}
	if r.ContentLength > maxBody {
		return nil, tooLarge()
	}
	var in io.Reader = io.LimitReader(r.Body, maxBody+1)
	size := r.ContentLength
	switch encoding := strings.ToLower(strings.Join(r.Header["Content-Encoding"], ",")); encoding {
	case "", "identity":
	case "gzip", "x-gzip":
		z, err := gzip.NewReader(in)
		if err != nil {
			return nil, badRequest("The request body is not valid gzip.")
		}
		in, size = io.LimitReader(z, maxBody+1), -1
	default:
		return nil, unsupported("The content encoding '" + encoding + "' is not supported.")
	}
	body, err := readAll(in, size)
	switch {
	case len(body) > maxBody:
		return nil, tooLarge()
	case err != nil:
		return nil, badRequest("The request body could not be read.")
	}
	return body, nil
}

// readAll reads to the end in one buffer when the size is known.
func readAll(in io.Reader, size int64) ([]byte, error) {
	if size <= 0 {
		return io.ReadAll(in)
	}
	body := make([]byte, size)
	n, err := io.ReadFull(in, body)
	return body[:n], err
}

// fields reads the body as one JSON object.
func (c *call) fields() ([]field, *fault) {
	if len(c.body) == 0 {
		return nil, badRequest("Empty Payload. JSON content expected.")
	}
	if kind := c.header.Get("Content-Type"); kind != "" && !isJSON(kind) {
		return nil, unsupported("The media type '" + kind + "' is not supported.")
	}
	b, ok := compact(c.body)
	if !ok {
		return nil, unreadable()
	}
	fields, ok := members(b)
	if !ok {
		return nil, unreadable()
	}
	return fields, nil
}

func unreadable() *fault {
	return badRequest("Unable to read JSON request payload. Please ensure Content-Type header is set and payload is of valid JSON format.")
}

func isJSON(mediaType string) bool {
	if mediaType == "application/json" {
		return true
	}
	t, _, err := mime.ParseMediaType(mediaType)
	return err == nil && (t == "application/json" || t == "text/json" || strings.HasSuffix(t, "+json"))
}
