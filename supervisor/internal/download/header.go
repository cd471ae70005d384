package download

import (
	"fmt"
	"net/http"
	"strings"
)

// maxHeader is what servers take in all (8 to 64 KB), in bytes.
const maxHeader = 64 << 10

// checkHeader refuses what is no header, what belongs to the connection or the download itself, and what could make two servers
// read one request as two (RFC 9110 sections 5.1, 5.5 and 7.6.1, RFC 9112 section 11.2). Values do not appear in its errors.
func checkHeader(given http.Header) (http.Header, error) {
	header, size := http.Header{}, 0
	for name, values := range given {
		if !isToken(name) {
			return nil, fmt.Errorf("the name of a header, %q, is not a token", clip(name))
		}
		canonical := http.CanonicalHeaderKey(name)
		if isOurs(canonical) {
			return nil, fmt.Errorf("the header %s belongs to the connection or the download itself and cannot be offered", clip(canonical))
		}
		for _, value := range values {
			if strings.ContainsFunc(value, isControl) {
				return nil, fmt.Errorf("the value of the header %s has a line break or another control character in it", clip(canonical))
			}
			size += len(name) + len(value)
			header.Add(canonical, value)
		}
	}
	if size > maxHeader {
		return nil, fmt.Errorf("the headers have more than %d bytes", maxHeader)
	}
	return header, nil
}

func isToken(name string) bool {
	const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
	return name != "" && strings.Trim(name, letters+"0123456789!#$%&'*+-.^_`|~") == ""
}

func isControl(r rune) bool {
	return r < ' ' && r != '\t' || r == 0x7f
}

func isOurs(canonical string) bool {
	switch canonical {
	case "Host", "Connection", "Keep-Alive", "Te", "Trailer", "Transfer-Encoding", "Content-Length", "Upgrade", "Http2-Settings",
		"Expect", "Range", "Accept-Encoding":
		return true
	}
	return strings.HasPrefix(canonical, "If-") || strings.HasPrefix(canonical, "Proxy-")
}
