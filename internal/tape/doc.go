// Package tape records what Graph answered and answers from the recording.
//
// A request goes in as an http.Request whose context carries its graph.Request; a response comes out, from the
// origin (and onto the cassette) or from the cassette. In replay there is no origin: nothing in this package dials.
//
// # The file
//
// A cassette is go-vcr v2's YAML (cassettes/README.md describes it). It is written the way yaml.v3 writes it, so a
// file that go-vcr wrote saves byte for byte as it was, and go-vcr's own recorder replays ours. Our extra keys (id,
// sequence, recorded_at, verdict, encoding) come before request and response, so that the last line of a whole
// interaction is always its duration: a tail that was torn off is recognised, cut and reported.
//
// # Durability
//
// Each interaction reaches the file in one write(2), already redacted, before the client sees the end of its answer.
// A first recording is written under its final name. Recording over an existing cassette writes NAME.partial beside
// it and renames it at Close; if the recorder is killed, the old cassette stands untouched and NAME.partial holds
// every acknowledged interaction: Load reads it like any cassette, Open warns about it, Recover puts it in place, and
// the next recording moves it to NAME.partial.old rather than write over it. A recording that recorded nothing leaves
// the old cassette as it was. A disk that is full or fails does not change the client's answer, for Graph has made the
// change by then: the interaction is counted as dropped and logged, nothing is recorded behind it, Close returns the
// failure and leaves an old cassette in its place. While a cassette is recorded its file is locked against a second recorder.
//
// # Memory
//
// A recording may go on for as long as it likes: what it keeps of each interaction is a bit more than one byte, for the
// numbers in the ids. Past some twenty thousand different requests those are counted in files beside the cassette that have
// no name where the system allows it (.graphwarden-tally.* elsewhere), hold hashes and nothing else, and go at Close. The
// order of sending is put right, and the digest computed, at Close, from the file.
//
// # Secrets
//
// Redaction happens at one point, before any byte reaches a file. The same redaction is applied to a request before it
// is looked up, so a body whose password was taken out of the recording still matches. What is served to the client
// while recording is what the origin sent, untouched.
package tape
