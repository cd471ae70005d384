package archive

import (
	"context"
	"fmt"
	"io"
	"strings"
)

// Format is how a package is packed.
type Format string

// The formats.
const (
	Raw     Format = "program" // the package is the program
	TarGzip Format = "tar.gz"  // RFC 1952
	TarZstd Format = "tar.zst" // RFC 8878
	Zip     Format = "zip"     // PKWARE's APPNOTE.TXT, without its 64 bit extensions
)

// Program is what is looked for.
type Program struct {
	Name string // its name in an archive, in whatever directory; what a raw program is called does not matter
	OS   string // what it has to run on, as runtime.GOOS
	Arch string // as runtime.GOARCH
}

// Limits are the most that is accepted. Zero is a limit, too: nothing passes it.
type Limits struct {
	Entries  int   // entries in an archive, directories among them
	Unpacked int64 // bytes of everything unpacked, the headers and the padding of a tar among them; counted, not believed
	Binary   int64 // bytes of the program
}

// Info is what was found.
type Info struct {
	Format   Format
	Name     string // the program's name in the archive, as it stands there: not to be used as a path
	Size     int64  // bytes of the program: as many were written
	Entries  int    // entries in the archive; 1 for a raw program
	Unpacked int64  // bytes unpacked, counted as for Limits.Unpacked
}

// Extract finds the program in the package src and writes it to dst.
//
// An error that wraps [RefusedError] is the package's fault. Other errors wrap that of src, of dst (syscall.ENOSPC, say) or of ctx,
// which is looked at before every read; a dst that blocks is waited for. After an error what is in dst is worthless.
func Extract(ctx context.Context, src *io.SectionReader, want Program, dst io.Writer, limits Limits) (Info, error) {
	if want.Name == "" || strings.Contains(want.Name, "/") {
		return Info{}, fmt.Errorf("cannot look for a program called %q in a package: a name without directories is needed", want.Name)
	}
	x := &extraction{
		ended: ctx.Err, src: src, dst: dst, want: want, limits: limits,
		contents: contents{program: want.Name, limit: limits.Entries, keys: map[string]bool{}},
		buf:      make([]byte, chunk),
	}
	if err := x.run(); err != nil {
		return Info{}, x.explain(err)
	}
	return x.info, nil
}
