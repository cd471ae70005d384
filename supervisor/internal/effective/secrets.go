package effective

import (
	"regexp"
	"slices"
	"strings"
	"unicode"
)

// isSecretWord finds words of a key, or two of them read as one, whose value is a secret.
func isSecretWord(word string) bool {
	word = strings.TrimSuffix(word, "s")
	for _, end := range [...]string{
		"password", "passwd", "passphrase", "passcode", "pwd", "secret", "token", "credential", "authorization", "bearer", "cookie",
		"dsn", "jwt", "apikey", "accesskey", "privatekey", "secretkey", "signingkey", "encryptionkey", "accountkey", "sharedkey", "licensekey",
		"ingestkey", "ingestionkey", "writekey", "authkey", "applicationkey", "instrumentationkey", "keypem", "connectionstring", "datasource",
	} {
		if strings.HasSuffix(word, end) {
			return true
		}
	}
	return false
}

// isHarmlessEnd finds the last words of keys that tell about a secret rather than what it is, such as token_file.
func isHarmlessEnd(words []string) bool {
	if len(words) == 0 {
		return false
	}
	switch words[len(words)-1] {
	case "file", "files", "filename", "path", "dir", "directory", "url", "uri", "endpoint", "name", "type", "scheme", "mode",
		"format", "encoding", "size", "length", "count", "limit", "timeout", "interval", "ttl", "lifetime", "expiration", "mechanism":
		return true
	}
	return false
}

// below says what is known about the item under key of the mapping siblings, of which itself s is known.
func below(s secrecy, key string, item any, siblings map[string]any) secrecy {
	words := words(key)
	switch {
	case s == opaque:
		return opaque
	case s == pair:
		return pairBelow(key)
	case isHeaders(key, words, item):
		return headersBelow(item)
	case namesSecret(key, words, item):
		return sealed
	case s == sealed && !isHarmlessEnd(words):
		return sealed
	case key == "value" && namedSecret(siblings):
		return opaque
	case key == "api" || key == "access":
		return keyed
	case key == "key" && s == keyed:
		return opaque
	}
	return open
}

// words splits a key at everything that is no letter or digit and before capitals: "apiKey", "api_key" and "API-KEY" are alike.
func words(key string) []string {
	var spaced strings.Builder
	lower := false
	for _, r := range key {
		if unicode.IsUpper(r) && lower {
			spaced.WriteByte(' ')
		}
		lower = unicode.IsLower(r) || unicode.IsDigit(r)
		spaced.WriteRune(unicode.ToLower(r))
	}
	return strings.FieldsFunc(spaced.String(), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
}

// namesSecret reports whether the value under a key is a secret. A mapping under an id of the form type/name is a component,
// which may be called anything.
func namesSecret(key string, words []string, item any) bool {
	if _, isMap := item.(map[string]any); isMap && strings.Contains(key, "/") {
		return false
	}
	if len(words) == 0 || isHarmlessEnd(words) || words[0] == "max" || words[0] == "min" {
		return false
	}
	for i, word := range words {
		if isSecretWord(word) || i > 0 && isSecretWord(words[i-1]+word) {
			return true
		}
	}
	return key == "community" // SNMP's word for a password
}

// namedSecret finds {name: PASSWORD, value: ...} and {key: authorization, value: ...}.
func namedSecret(siblings map[string]any) bool {
	for _, label := range []string{"name", "key"} {
		if text, ok := siblings[label].(string); ok && namesSecret(text, words(text), nil) {
			return true
		}
	}
	return false
}

// isHeaders finds headers in all their forms, and metadata when it is a mapping: a list of that name holds field names.
func isHeaders(key string, words []string, item any) bool {
	_, isMap := item.(map[string]any)
	if key == "metadata" {
		return isMap
	}
	if key == "headers" || key == "headers_list" {
		return true
	}
	return isMap && len(words) > 0 && words[len(words)-1] == "headers"
}

func headersBelow(item any) secrecy {
	if _, isList := item.([]any); isList {
		return pair
	}
	return opaque
}

// pairBelow keeps what a {name, value} pair says about the header itself.
func pairBelow(key string) secrecy {
	if slices.Contains([]string{"name", "key", "action", "from_context", "from_attribute"}, key) {
		return open
	}
	return opaque
}

var (
	// urlPassword matches up to the last @, since passwords with an unescaped / or @ are met in the wild.
	urlPassword = regexp.MustCompile(`(://[^\s:@/"']*):[^\s"']*@`)
	urlToken    = regexp.MustCompile(`://[^\s:@/"'\[]+@`)
	// driverPassword is that of the Go MySQL driver: user:password@tcp(host)/db.
	driverPassword = regexp.MustCompile(`([^\s:@/"']+):[^\s"']*@(tcp|udp|unix)?\(`)
	assignment     = regexp.MustCompile(`(?i)((?:password|passwd|pwd|secret|token|api[_-]?key|access[_-]?key|account[_-]?key|` +
		`sharedaccesskey|sharedaccesssignature|signature|\bsig)["']?\s*[=:]\s*["']?)[^\s"',;&}]+`)
	authScheme = regexp.MustCompile(`(?i)\b(bearer|basic)\s+[A-Za-z0-9+/=._~-]{8,}`)
)

// scrub masks what gives itself away as a secret within text that is shown.
func scrub(text string) string {
	if strings.Contains(text, "PRIVATE KEY-----") {
		return redacted
	}
	if strings.Contains(text, "@") {
		text = urlPassword.ReplaceAllString(text, "${1}:"+redacted+"@")
		text = urlToken.ReplaceAllString(text, "://"+redacted+"@")
		text = driverPassword.ReplaceAllString(text, "${1}:"+redacted+"@${2}(")
	}
	if strings.ContainsAny(text, " \t\n") {
		text = authScheme.ReplaceAllString(text, "${1} "+redacted)
	}
	if strings.ContainsAny(text, "=:") {
		text = assignment.ReplaceAllString(text, "${1}"+redacted)
	}
	return text
}
