# Every target needs Go alone; the race detector also needs a C compiler, and staticcheck the module proxy once.

GO          ?= go
STATICCHECK ?= honnef.co/go/tools/cmd/staticcheck@v0.8.2
GOVULNCHECK ?= golang.org/x/vuln/cmd/govulncheck@v1.9.0
# The race detector is used where it can be: it needs cgo.
RACE        ?= $(shell CGO_ENABLED=1 sh -c 'command -v $$($(GO) env CC) >/dev/null 2>&1' && echo -race)
CGO         := $(if $(RACE),CGO_ENABLED=1,)

.PHONY: build test lint bench bench-large bench-cassette bench-go fuzz soak vuln licences demo cover release clean

build:
	$(GO) build -trimpath -o graphwarden ./cmd/graphwarden

# The Rego tests of the policy library run inside go test.
test:
	$(GO) vet ./...
	@unformatted=$$(gofmt -l .); \
	if [ -n "$$unformatted" ]; then echo "not formatted by gofmt:"; echo "$$unformatted"; exit 1; fi
	@$(if $(RACE),,echo "NO C COMPILER: testing without the race detector")
	$(CGO) $(GO) test $(RACE) ./...

lint:
	$(GO) run $(STATICCHECK) ./...

# graphwarden beside its limits and peers, on loopback, about 15 minutes; BENCH takes flags, such as BENCH="-rounds 3 -only pinned".
bench:
	$(GO) run ./internal/bench $(BENCH)

# The same with a million recordings.
bench-large:
	$(GO) run ./internal/bench -large $(BENCH)

# Loading cassettes and looking requests up, beside go-vcr v2 and v4; PEERS=1000000 goes up to a million.
PEERS ?= 1
bench-cassette:
	TAPE_TEST_PEERS=$(PEERS) $(GO) test -run '^TestPeers$$' -count 1 -timeout 30m -v ./internal/tape

# The Go benchmarks of the hot paths, in a file for benchstat.
bench-go:
	@mkdir -p dist/bench
	$(GO) test -run '^$$' -bench . -benchmem -count 10 ./... > dist/bench/go-new.txt
	@echo "written to dist/bench/go-new.txt; CONTRIBUTING.md says how to compare"

# Every fuzz target in turn, each for FUZZTIME. That Go's fuzzer was stopped by its own clock, with no input found, is no failure.
FUZZTIME ?= 1m
fuzz:
	@for file in $$(grep -rl --include='*_test.go' '^func Fuzz' . | sort); do \
	  for target in $$(sed -n 's/^func \(Fuzz[A-Za-z0-9]*\).*/\1/p' $$file); do \
	    echo "$$target, $(FUZZTIME), $$(dirname $$file)"; \
	    $(GO) test ./$$(dirname $$file) -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 20x >.fuzz.out 2>&1 || \
	      { grep -q '^    context deadline exceeded' .fuzz.out && ! grep -q 'Failing input' .fuzz.out; } || \
	      { cat .fuzz.out; rm -f .fuzz.out; exit 1; }; \
	  done; \
	done; rm -f .fuzz.out

# Many clients through every mode at once; nothing may grow. A million exchanges take about two minutes on a quiet machine.
SOAK_EXCHANGES ?= 1000000
SOAK_CLIENTS   ?= 200
soak:
	SOAK_EXCHANGES=$(SOAK_EXCHANGES) SOAK_CLIENTS=$(SOAK_CLIENTS) $(GO) test ./proxy -run '^TestSoak$$' -count 1 -timeout 6h -v

# Known faults in what is linked; it asks the vulnerability database at vuln.go.dev.
vuln:
	$(GO) run $(GOVULNCHECK) ./...

# Rewrites docs/licences.md; a test compares it with what is linked.
licences:
	$(GO) test ./internal -run '^TestLicences$$' -count 1 -update

demo: build
	./graphwarden demo

cover:
	$(GO) test -coverpkg ./... -coverprofile cover.out ./...
	$(GO) tool cover -func cover.out | tail -1

# Static binaries for every system, completions, manual page, bill of materials and checksums, the same bytes from the
# same commit. The bill needs the module proxy.
release:
	.ci/release

clean:
	rm -f graphwarden graphwarden.exe cover.out
	rm -rf dist
