package trust

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
)

// Formats of a signature, as in Verified.
const (
	FormatNone     = "none"
	FormatEnvelope = "envelope"
	FormatMinisign = "minisign"
	FormatSigstore = "sigstore"
)

// sniff tells the format from the content, and nothing else than it is looked at by what
// reads that format.
func sniff(data []byte) (string, error) {
	switch {
	case len(data) == 0:
		return FormatNone, nil
	case bytes.HasPrefix(data, []byte("untrusted comment: ")):
		return FormatMinisign, nil
	case !bytes.HasPrefix(bytes.TrimLeft(data, " \t\r\n"), []byte("{")):
		return "", errors.New("it begins like none of a DSSE envelope, a minisign signature and a Sigstore bundle")
	}
	found, err := members(data)
	if err != nil {
		return "", err
	}
	if found["payloadType"] != nil {
		return FormatEnvelope, nil
	}
	var media string
	if json.Unmarshal(found["mediaType"], &media) == nil && strings.HasPrefix(media, "application/vnd.dev.sigstore.bundle") {
		return FormatSigstore, nil
	}
	return "", errors.New("it is JSON, but neither a DSSE envelope nor a Sigstore bundle")
}
