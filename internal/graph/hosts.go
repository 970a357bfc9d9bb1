package graph

import (
	"fmt"
	"slices"
	"strings"
)

// graphAppID is the application id of Graph itself, accepted as an audience in the older clouds.
const graphAppID = "00000003-0000-0000-c000-000000000000"

// CustomCloud is the cloud of hosts that were added by hand.
const CustomCloud = "custom"

type cloudHost struct {
	cloud, host string
	appAudience bool // tokens may name Graph by its application id
}

// cloudHosts are the Graph hosts of every national cloud. graph.microsoft.de is retired, yet a request to it is still a
// request to Graph and must not slip by as an unknown host.
var cloudHosts = [...]cloudHost{
	{"global", "graph.microsoft.com", true},
	{"usgov-l4", "graph.microsoft.us", true},
	{"usgov-l5-dod", "dod-graph.microsoft.us", true},
	{"china-21vianet", "microsoftgraph.chinacloudapi.cn", true},
	{"bleu-france", "graph.svc.sovcloud.fr", false},
	{"delos-germany", "graph.svc.sovcloud.de", false},
	{"govsg-singapore", "graph.svc.sovcloud.sg", false},
	{"usnat", "graph.eaglex.ic.gov", false},
	{"ussec", "graph.microsoft.scloud", false},
	{"germany-legacy", "graph.microsoft.de", false},
}

// Hosts is the set of host names that are Graph. Its zero value holds those of all clouds.
type Hosts struct {
	extra []string // folded, sorted
}

// NewHosts is the built-in hosts and extra ones, each a bare host name without scheme, port or path.
func NewHosts(extra ...string) (Hosts, error) {
	var h Hosts
	for _, name := range extra {
		folded := foldHost(name)
		if err := checkHost(folded); err != nil {
			return Hosts{}, fmt.Errorf("adding graph host %q: %w", name, err)
		}
		if _, known := h.Cloud(folded); !known {
			h.extra = append(h.extra, folded)
		}
	}
	slices.Sort(h.extra)
	return h, nil
}

// Cloud names the cloud a host belongs to; ok is false for a host that is not Graph. Names match as a whole, whatever
// their case and with or without one trailing dot.
func (h Hosts) Cloud(host string) (name string, ok bool) {
	host = foldHost(host)
	for i := range cloudHosts {
		if cloudHosts[i].host == host {
			return cloudHosts[i].cloud, true
		}
	}
	if _, found := slices.BinarySearch(h.extra, host); found {
		return CustomCloud, true
	}
	return "", false
}

// Names are all host names of the set, sorted.
func (h Hosts) Names() []string {
	names := make([]string, 0, len(cloudHosts)+len(h.extra))
	for i := range cloudHosts {
		names = append(names, cloudHosts[i].host)
	}
	names = append(names, h.extra...)
	slices.Sort(names)
	return names
}

// Audiences are the values a token's aud may have in a cloud; nil for a cloud whose audience is not known (CustomCloud).
// The slice is shared and must not be written to.
func Audiences(cloud string) []string {
	for i := range cloudHosts {
		if cloudHosts[i].cloud == cloud {
			return cloudAudiences[i]
		}
	}
	return nil
}

// cloudAudiences are those of cloudHosts, in their order.
var cloudAudiences = func() (audiences [len(cloudHosts)][]string) {
	for i, c := range cloudHosts {
		audiences[i] = []string{"https://" + c.host}
		if c.appAudience {
			audiences[i] = append(audiences[i], graphAppID)
		}
		audiences[i] = slices.Clip(audiences[i])
	}
	return audiences
}()

// foldHost drops one trailing dot and lowers ASCII letters; it allocates only when there is something to lower.
func foldHost(host string) string {
	return strings.ToLower(strings.TrimSuffix(host, "."))
}

func checkHost(host string) error {
	if host == "" || len(host) > 253 {
		return fmt.Errorf("want a host name of 1 to 253 characters")
	}
	for label := range strings.SplitSeq(host, ".") {
		if !isLabel(label) {
			return fmt.Errorf("want a bare host name, without scheme, port or path")
		}
	}
	return nil
}

// isLabel tells whether s may be one label of a host name: letters, digits and inner hyphens.
func isLabel(s string) bool {
	if s == "" || len(s) > 63 || s[0] == '-' || s[len(s)-1] == '-' {
		return false
	}
	for i := range len(s) {
		if c := s[i]; !isAlnum(c) && c != '-' {
			return false
		}
	}
	return true
}

func isAlnum(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
}
