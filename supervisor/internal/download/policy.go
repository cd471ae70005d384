package download

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// maxURL is far above what servers take (8 KB in nginx and Apache), in bytes.
const maxURL = 8 << 10

// parseURL accepts what may be asked at all. Its errors do not repeat the URL, which may hold a secret.
func parseURL(raw string, allowHTTP bool) (*url.URL, error) {
	if len(raw) > maxURL {
		return nil, fmt.Errorf("it has more than %d bytes", maxURL)
	}
	u, err := url.Parse(raw)
	if err != nil {
		return nil, errors.New("it is not a URL")
	}
	switch {
	case u.Scheme == "http" && !allowHTTP:
		return nil, errors.New("it is http, which anybody on the way can change: use https, or allow http")
	case u.Scheme != "http" && u.Scheme != "https":
		return nil, errors.New("it is neither https nor http")
	case u.Opaque != "" || u.Hostname() == "":
		return nil, errors.New("it names no host")
	case u.User != nil:
		return nil, errors.New("it holds a user or password: put credentials into a header")
	case strings.Contains(raw, "#"):
		return nil, errors.New("it holds a fragment (#), which no server ever sees")
	}
	if err := checkHost(u); err != nil {
		return nil, err
	}
	return u, nil
}

// checkHost refuses hosts that two programs could read differently.
func checkHost(u *url.URL) error {
	const sound = "abcdefghijklmnopqrstuvwxyz0123456789.-_"
	host := hostname(u)
	if _, err := netip.ParseAddr(host); err != nil && strings.Trim(host, sound) != "" {
		return errors.New("its host is not written in letters, digits, dots and hyphens: write other names in punycode (xn--…)")
	}
	if port := u.Port(); port != "" {
		if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
			return errors.New("its port is not from 1 to 65535")
		}
	}
	return nil
}

// hostname is for comparing hosts with each other.
func hostname(u *url.URL) string {
	return strings.TrimSuffix(strings.ToLower(u.Hostname()), ".")
}

// origin is what credentials are bound to (RFC 6454 section 4).
func origin(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	return u.Scheme + "://" + strings.ToLower(u.Hostname()) + ":" + port
}

// describe is a URL without what may be secret, for people.
func describe(u *url.URL) string {
	return clip(u.Scheme + "://" + u.Host + u.EscapedPath())
}

// hostPatterns checks and normalises the allowed hosts.
func hostPatterns(given []string) ([]string, error) {
	var hosts []string
	for _, pattern := range given {
		host := strings.TrimSuffix(strings.ToLower(pattern), ".")
		name := strings.TrimPrefix(host, "*.")
		_, notAddress := netip.ParseAddr(name)
		if name == "" || notAddress != nil && strings.ContainsAny(name, "*:/[] ") {
			return nil, fmt.Errorf("%q cannot be an allowed host of downloads: give a name or address without scheme, port and path, or *.name", pattern)
		}
		hosts = append(hosts, host)
	}
	return hosts, nil
}

func hostAllowed(host string, patterns []string) bool {
	return slices.ContainsFunc(patterns, func(pattern string) bool {
		if below, ok := strings.CutPrefix(pattern, "*"); ok {
			return strings.HasSuffix(host, below)
		}
		return host == pattern
	})
}

// hasDots says whether a path climbs, so that appended to a mirror's it could leave it.
func hasDots(u *url.URL) bool {
	return slices.ContainsFunc(strings.FieldsFunc(u.Path, func(r rune) bool { return r == '/' || r == '\\' }),
		func(part string) bool { return part == "." || part == ".." })
}
