// Package download gets one file over HTTP(S) so that a lost connection, a restart, a slow link or a server that lies neither
// loses what was got, nor hangs, nor fills the host.
//
// A [Client] fetches a [Request] into a [Partial], which the caller keeps on disk and gives again after a restart. What the
// client promises:
//
//   - It asks only hosts that the settings allow, and gives the headers of the request to the origin of its URL alone.
//   - Nothing is written before the announced size was compared with the limit, the expected size and the free space.
//   - It goes on where it stopped (S-185, W27): in the next attempt, in the next call, and at another source of the same file.
//   - No attempt is silent for longer than the stall timeout, or crawls; there is no limit on the whole, which would strand
//     hosts behind slow links.
//   - When Fetch has returned, every connection is closed and no goroutine of it waits for anything.
//
// What it does not promise is the right content: the caller compares the SHA-256 of what is on disk. That must be done there in any
// case, and a download that was resumed by another process cannot be hashed on its way. A server that changes the file between two
// requests without saying so makes a mixture; then [Result.Resumed] is true, and the caller calls [Partial.Restart] and
// [Client.Fetch] once more, without the mirrors, one of which may hold another file. A wrong hash without Resumed, or the second
// one, is the server's content.
//
// HTTP/1.1 only, one connection per request: one file needs no multiplexing, and HTTP/2 would buffer up to 4 MiB that a rate limit
// does not want yet.
package download
