package standin

import (
	"compress/gzip"
	"net/http"
	"strings"
	"sync"
)

// gzipFrom is the size from which an answer is worth compressing.
const gzipFrom = 1024

// Header values are shared between answers: net/http does not change what it is given.
var (
	jsonType  = []string{"application/json;odata.metadata=minimal;odata.streaming=true;IEEE754Compatible=false;charset=utf-8"}
	errorType = []string{"application/json"}
	xmlType   = []string{"application/xml"}
	odata     = []string{"4.0"}
	noCache   = []string{"no-cache"}
	vary      = []string{"Accept-Encoding"}
	sts       = []string{"max-age=31536000"}
	gzipped   = []string{"gzip"}
	anyOrigin = []string{"*"}
	exposed   = []string{"ETag, Location, Preference-Applied, Content-Range, request-id, client-request-id, ReadWriteConsistencyToken, SdkVersion, WWW-Authenticate, x-ms-client-gcc-tenant, X-Msft-Approval-Code, Retry-After"}
	methods   = []string{"GET, POST, PATCH, PUT, DELETE"}
	server    = []string{`{"ServerInfo":{"DataCenter":"Stand-in","Slice":"E","Ring":"0","ScaleUnit":"000","RoleInstance":"GRAPHWARDEN00"}}`}
)

var gzipWriters = sync.Pool{New: func() any { return gzip.NewWriter(nil) }}

// write sends an answer with the headers that are seen on Graph's.
func (h *handler) write(w http.ResponseWriter, r *http.Request, c *call, a answer) {
	head := w.Header()
	ids := []string{c.requestID, c.clientID}
	head["Request-Id"], head["Client-Request-Id"] = ids[:1:1], ids[1:]
	head["X-Ms-Ags-Diagnostic"] = server
	head["Strict-Transport-Security"] = sts
	head["Vary"] = vary
	head["Cache-Control"] = noCache
	if h.opts.Now != nil {
		head["Date"] = []string{c.now.UTC().Format(http.TimeFormat)}
	}
	if a.header != "" {
		head[a.header] = []string{a.value}
	}
	if r.Header["Origin"] != nil {
		head["Access-Control-Allow-Origin"], head["Access-Control-Expose-Headers"] = anyOrigin, exposed
		if r.Method == http.MethodOptions {
			head["Access-Control-Allow-Methods"] = methods
			head["Access-Control-Allow-Headers"] = r.Header["Access-Control-Request-Headers"]
		}
	}
	if len(a.body) == 0 {
		w.WriteHeader(a.status)
		return
	}
	switch {
	case a.mediaType != nil:
		head["Content-Type"] = a.mediaType
	case a.status >= 400:
		head["Content-Type"] = errorType
	default:
		head["Content-Type"], head["Odata-Version"] = jsonType, odata
	}
	if len(a.body) < gzipFrom || !acceptsGzip(r.Header["Accept-Encoding"]) {
		w.WriteHeader(a.status)
		_, _ = w.Write(a.body) // a client that is gone has nobody to be told
		return
	}
	head["Content-Encoding"] = gzipped
	w.WriteHeader(a.status)
	z := gzipWriters.Get().(*gzip.Writer)
	defer gzipWriters.Put(z)
	z.Reset(w)
	_, _ = z.Write(a.body)
	// Flushed before the end, so that no length is known and HTTP/1.1 sends chunks, as Graph does.
	_ = z.Flush()
	_ = http.NewResponseController(w).Flush()
	_ = z.Close()
}

func acceptsGzip(values []string) bool {
	for _, v := range values {
		for part := range strings.SplitSeq(v, ",") {
			name, weight, _ := strings.Cut(strings.TrimSpace(part), ";")
			if strings.EqualFold(name, "gzip") && strings.ReplaceAll(weight, " ", "") != "q=0" {
				return true
			}
		}
	}
	return false
}
