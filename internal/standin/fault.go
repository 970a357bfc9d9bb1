package standin

import (
	"strconv"
	"strings"
)

// fault is an error answer in Graph's words. The facts each text rests on are reports of real answers.
type fault struct {
	status        int
	code, message string
	intune        bool   // the message is wrapped in JSON text, as Intune's own errors are
	header        string // name of one extra header field; empty for none
	value         string
}

func badRequest(message string) *fault {
	return &fault{status: 400, code: "BadRequest", message: message}
}

func notAllowed() *fault {
	return &fault{status: 405, code: "Request_BadRequest", message: "Specified HTTP method is not allowed for the request target."}
}

func unauthorised(message string) *fault {
	return &fault{status: 401, code: "InvalidAuthenticationToken", message: message, header: "Www-Authenticate",
		value: `Bearer realm="", authorization_uri="https://login.microsoftonline.com/common/oauth2/authorize", client_id="00000003-0000-0000-c000-000000000000"`}
}

// forbidden is what a token without the needed scope gets: Intune answers in its own way, everything else as the
// directory does.
func forbidden(family string, accepted []string) *fault {
	if !intuneFamily(family) {
		return &fault{status: 403, code: "Authorization_RequestDenied", message: "Insufficient privileges to complete the operation."}
	}
	return &fault{status: 403, code: "Forbidden", intune: true,
		message: "Application is not authorized to perform this operation. Application must have one of the following scopes: " + strings.Join(accepted, ", ")}
}

func notFound(family, id string) *fault {
	if intuneFamily(family) {
		return &fault{status: 404, code: "ResourceNotFound", intune: true, message: "An error has occurred"}
	}
	return &fault{status: 404, code: "Request_ResourceNotFound",
		message: "Resource '" + id + "' does not exist or one of its queried reference-property objects are not present."}
}

func tooLarge() *fault {
	return &fault{status: 413, code: "RequestEntityTooLarge", message: "The request is too large: at most 4 MB are accepted (413)."}
}

func unsupported(message string) *fault {
	return &fault{status: 415, code: "UnsupportedMediaType", message: message}
}

func throttled(seconds int) *fault {
	return &fault{status: 429, code: "TooManyRequests", message: "Please retry again later.",
		header: "Retry-After", value: strconv.Itoa(seconds)}
}

// noRoute is what Intune's router says of a route that its page documents and the service lacks.
func noRoute(method string, p place) *fault {
	var shape, path strings.Builder
	for i, s := range p.steps {
		switch {
		case s.node.name == "{id}":
			shape.WriteString("/key")
			path.WriteString("('" + s.text + "')")
		case i == 0:
			shape.WriteString("/singleton")
			path.WriteString("/" + s.node.name)
		default:
			shape.WriteString("/navigation")
			path.WriteString("/" + s.node.name)
		}
	}
	return &fault{status: 400, code: "No method match route template",
		message: "No OData route exists that match template ~" + shape.String() + " with http verb " + method +
			" for request /StandinFEService" + path.String() + "."}
}

func unknownType(name string) *fault {
	return &fault{status: 400, code: "ModelValidationFailure", message: "A type named '" + name +
		"' could not be resolved by the model. When a model is available, each type name must resolve to a valid type."}
}

func intuneFamily(family string) bool {
	return family == "intune" || family == "cloudPC" || family == "officeConfiguration"
}

// body renders the fault in Graph's shape.
func (f *fault) body(c *call) []byte {
	message := f.message
	if f.intune {
		message = intuneMessage(f.message, c)
	}
	b := append(make([]byte, 0, 256+len(message)), `{"error":{"code":`...)
	b = appendQuoted(b, f.code)
	b = append(b, `,"message":`...)
	b = appendQuoted(b, message)
	b = append(b, `,"innerError":{`...)
	if f.status == 429 {
		b = append(b, `"code":"429","status":"429",`...)
	}
	b = append(b, `"date":"`...)
	b = c.now.UTC().AppendFormat(b, "2006-01-02T15:04:05")
	b = append(b, `","request-id":`...)
	b = appendQuoted(b, c.requestID)
	b = append(b, `,"client-request-id":`...)
	b = appendQuoted(b, c.clientID)
	return append(b, "}}}"...)
}

// intuneMessage is the JSON text that Intune puts into the message of its errors.
func intuneMessage(message string, c *call) string {
	b := append(make([]byte, 0, 512), "{\r\n  \"_version\": 3,\r\n  \"Message\": "...)
	b = appendQuoted(b, message+" - Operation ID (for customer support): 00000000-0000-0000-0000-000000000000 - Activity ID: "+
		c.clientID+" - Url: https://fef.standin.manage.microsoft.com/StandinFEService"+c.path+"?api-version=5025-08-12")
	return string(append(b, ",\r\n  \"CustomApiErrorPhrase\": \"\",\r\n  \"RetryAfter\": null,\r\n  \"ErrorSourceService\": \"\",\r\n  \"HttpHeaders\": \"{}\"\r\n}"...))
}
