package download

import (
	"io"
	"net/http"
)

// Request says what to fetch. All of it but Mirrors and MaxSize may come from the network.
type Request struct {
	// URL of the file: https, or http if the settings allow it; without user, password and fragment.
	URL string
	// Mirrors are base URLs of the local administrator, asked in order before URL. The path of URL is appended to theirs; neither
	// its query, which may be a credential, nor Header goes to them. They may redirect within their own host.
	Mirrors []string
	// Header goes with each request to the scheme, host and port of URL, and nowhere else. Its values never appear in errors.
	Header http.Header
	// Size is the size that is expected, in bytes; 0 means unknown.
	Size int64
	// MaxSize is the largest size to accept, in bytes. It is required.
	MaxSize int64
	// SHA256 of the file, 64 hex digits, or empty. It names the file in errors. It also is the caller's word that the content will be
	// compared with it, which makes it safe to go on with half a file from a server without a strong validator, or from another mirror.
	SHA256 string
}

// Partial is the file as far as it was got. The caller keeps it over restarts, one for each SHA-256. One Fetch uses it at a time.
type Partial interface {
	// Write appends. An error ends the fetch.
	io.Writer
	// Size is the number of bytes it holds.
	Size() int64
	// Validator is what Restart was given last, or empty.
	Validator() string
	// Restart empties it and remembers the validator, a line of text of at most 4 KiB. After a crash in between, old bytes must not be
	// found under the new validator.
	Restart(validator string) error
	// Sync makes what was written survive a power cut. It is called every 8 MiB, and at the end of each attempt that brought something.
	Sync() error
}

// Result describes a file that is complete.
type Result struct {
	// Size in bytes.
	Size int64
	// Source is the URL it came from, without query; that of the request if all was there before.
	Source string
	// Resumed says that not all of it came in one answer, so that it may be a mixture if the server changed the file.
	Resumed bool
	// Attempts is the number of times a source was asked.
	Attempts int
}
