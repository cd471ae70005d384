// Package release keeps verified releases of the Collector on disk, and says by two links which of them is to run. It knows
// nothing of OpAMP, signatures or archives: who fills a slot has verified what he fills it with.
//
//	<sha256>/              one release under the SHA-256 of its archive, mode 0500: its program (0500) and release.json (0400)
//	current                link to the slot that is to run; absent: the factory release, agent.executable, which is not in here
//	previous               link to the slot to go back to; absent: the factory release
//	partial/<sha256>       a download on its way, beside it <sha256>.json: how much of it is durable, and its validator
//	failed/<sha256>.log    the last words of a release that failed
//	trust.json             a document of the caller
//	*.corrupt-<time>       what could not be believed, kept as evidence
//	.*                     what a crash interrupted; the next act disposes of it
//
// The state is what is on disk and nothing else: nothing is remembered that a crash, a second start or a hand could make
// untrue (peers.md 2.3: #14699, #13505). What is promised, with a test that crashes at every operation:
//
//   - A slot under its final name is whole: it is built elsewhere, synced and renamed. Nothing writes into it afterwards.
//   - current is the old or the new one, never a slot that is not there, and the slot to go back to is linked at each instant.
//   - When a method has returned nil, what it did is there after a power cut. After a crash or an error it can be called again.
//   - What is damaged, torn or foreign is reported and taken for absent; it never stops opampd.
//
// Only 64 lower case hex digits ever become a path, and a checked file name below them.
package release
