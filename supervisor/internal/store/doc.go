// Package store keeps what must outlive a crash of opampd in one directory, atomically.
//
//	lock              held by flock(2) for the life of the process; holds the pid
//	state.json        the durable part of the core's state, checksummed
//	run.json          the child that was started last, checksummed
//	ledger.jsonl      one verdict per line, checksummed per line, only ever appended to or rewritten whole
//	blobs/<sha256>    configuration bodies as they were received; the name is the checksum
//	effective.yaml    what the Collector runs; the hash to check it by is in the ledger and in run.json
//	candidates/       what it will run if it passes validation
//	collector.json    what the Collector's binary said of itself, checksummed
//	remote/<name>     the named files of the remote configuration
//	logs/             the Collector's output
//	*.corrupt-<time>  files that could not be believed, kept as evidence
//
// Three promises, each with a test that crashes at every single operation:
//
//   - When a method that writes has returned nil, what it wrote is there after a power cut.
//   - When it has not returned, or returned an error, either the old content is there or the new, never neither and never a mixture.
//   - A file that is torn, empty, foreign or has a wrong checksum never stops opampd (W13 of the reference supervisor,
//     which panics on a state file of length zero): it is moved aside, reported as an [Incident] and taken for absent.
//
// The order that makes this true is the usual one: write a temporary file in the same directory, fsync(2) it, rename(2) it
// over the old one, fsync the directory. Every operation goes through [disk.Files], below which a test puts a
// disk that fails or loses what was not synced.
package store
