package trust

import (
	"fmt"
	"unicode/utf8"
)

// Refusal says that a release may not be installed or run. Check is one of the codes
// below, in the order in which they are asked; Reason is for people. Any other error of
// this package means that the question could not be answered, and may be asked again.
//
//	Check           refused because
//	size            the signature is larger than 64 KiB
//	digest          the archive is not what was offered: its SHA-256 is not content_hash
//	unsigned        there is no signature, and hash-only-insecure is not set
//	format          the signature is damaged or of no format that is known
//	root            no trust root of the signature's kind is configured
//	keylist         the key list that came along cannot be believed
//	keylist-number  the key list is older than one seen before, or another one of its number
//	key             no trusted key made this signature
//	threshold       fewer trusted keys signed than are needed
//	statement       what was signed is no statement about a release
//	archive         the statement is about other bytes
//	package         the statement is about another package
//	version         the statement is about another version than the offer
//	os              the release is for another operating system
//	arch            the release is for another architecture
//	revoked-key     a key that signed was revoked
//	revoked-hash    this very archive was revoked
//	floor           the index is below the security floor
//	expired         the offer is too old
//	index           the release is older than the installed one, and nothing permits that
//	permit          there is a permit to go back, but not for this host or its index
//	permit-expired  there is a permit to go back, but it is too old
type Refusal struct { //nolint:errname // it is a verdict first, and reads so where it is used
	Check  string
	Reason string
}

const (
	checkSize          = "size"
	checkDigest        = "digest"
	checkUnsigned      = "unsigned"
	checkFormat        = "format"
	checkRoot          = "root"
	checkKeyList       = "keylist"
	checkKeyListNumber = "keylist-number"
	checkKey           = "key"
	checkThreshold     = "threshold"
	checkStatement     = "statement"
	checkArchive       = "archive"
	checkPackage       = "package"
	checkVersion       = "version"
	checkOS            = "os"
	checkArch          = "arch"
	checkRevokedKey    = "revoked-key"
	checkRevokedHash   = "revoked-hash"
	checkFloor         = "floor"
	checkExpired       = "expired"
	checkIndex         = "index"
	checkPermit        = "permit"
	checkPermitExpired = "permit-expired"
)

// Error implements error.
func (r *Refusal) Error() string { return "the release is refused: " + r.Reason + " (" + r.Check + ")" }

func refuse(check, format string, args ...any) error {
	return &Refusal{Check: check, Reason: fmt.Sprintf(format, args...)}
}

// quote makes what a stranger wrote fit to be shown: escaped, and not too long.
func quote(s string) string {
	const most = 80
	if len(s) <= most {
		return fmt.Sprintf("%q", s)
	}
	cut := most
	for cut > 0 && !utf8.RuneStart(s[cut]) {
		cut--
	}
	return fmt.Sprintf("%q…", s[:cut])
}
