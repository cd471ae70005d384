package archive

import (
	"errors"
	"fmt"
	"io"
)

// Check is what a package did not pass.
type Check string

// The checks.
const (
	CheckFormat    Check = "format"    // it is nothing that we unpack
	CheckMethod    Check = "method"    // it is packed in a way that we do not unpack: encrypted, zip64, a large window
	CheckTruncated Check = "truncated" // it ends too early
	CheckTrailing  Check = "trailing"  // there are bytes that belong to nothing
	CheckDamaged   Check = "damaged"   // it contradicts itself
	CheckUnpacked  Check = "unpacked"  // it unpacks to more than Limits.Unpacked
	CheckEntries   Check = "entries"   // it has more than Limits.Entries
	CheckName      Check = "name"      // an entry has a name that leads out, or deceives
	CheckType      Check = "type"      // an entry is neither a file nor a directory
	CheckMode      Check = "mode"      // an entry would run with the rights of another
	CheckDuplicate Check = "duplicate" // two entries would be the same file
	CheckAmbiguous Check = "ambiguous" // there are two programs of that name
	CheckMissing   Check = "missing"   // there is none
	CheckPlatform  Check = "platform"  // what is called that is no program for this host
	CheckBinary    Check = "binary"    // it is larger than Limits.Binary
)

// RefusedError says that a package is not fit to be used. Trying again does not help.
type RefusedError struct {
	Check  Check
	Reason string // what is wrong and what to do, for people; names out of the package are quoted and cut
	Err    error  // what a decoder had to say, or nil
}

// Error implements error.
func (e *RefusedError) Error() string {
	text := fmt.Sprintf("package refused (%s): %s", e.Check, e.Reason)
	if e.Err != nil {
		text += ": " + e.Err.Error()
	}
	return text
}

// Unwrap returns the decoder's error.
func (e *RefusedError) Unwrap() error { return e.Err }

func refuse(check Check, format string, args ...any) error {
	return &RefusedError{Check: check, Reason: fmt.Sprintf(format, args...)}
}

// broken puts the words to the error of a decoder.
func broken(err error) error {
	refused := (*RefusedError)(nil)
	switch {
	case errors.As(err, &refused):
		return err
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return refuse(CheckTruncated, "it ends in the middle: fetch or pack it again")
	default:
		return &RefusedError{Check: CheckDamaged, Reason: "it contradicts itself, pack it again", Err: err}
	}
}

// quote is a name out of a package, made fit for a line of text.
func quote(name string) string {
	const most = 80
	if len(name) > most {
		return fmt.Sprintf("%q...", name[:most])
	}
	return fmt.Sprintf("%q", name)
}
