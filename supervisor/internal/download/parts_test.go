package download

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestOnlyStrongValidatorsAreRemembered(t *testing.T) {
	t.Parallel()
	const second, next = "Sat, 01 Jan 2000 00:00:00 GMT", "Sat, 01 Jan 2000 00:00:01 GMT"
	for name, tc := range map[string]struct {
		tag, modified, date, want string
	}{
		"tag":                     {tag: `"a"`, want: `"a"`},
		"empty tag":               {tag: `""`, want: `""`},
		"tag before date":         {tag: `"a"`, modified: second, date: next, want: `"a"`},
		"weak tag rules out date": {tag: `W/"a"`, modified: second, date: next},
		"quote within":            {tag: `"a"b"`},
		"half a quote":            {tag: `"`},
		"line break":              {tag: "\"a\nb\""},
		"not ASCII":               {tag: `"ä"`},
		"endless":                 {tag: `"` + strings.Repeat("x", maxTag) + `"`},
		"date":                    {modified: second, date: next, want: second},
		"date of the same second": {modified: second, date: second},
		"date of the future":      {modified: next, date: second},
		"date without a clock":    {modified: second},
		"no date":                 {modified: "yesterday", date: next},
	} {
		h := http.Header{}
		for key, value := range map[string]string{"Etag": tc.tag, "Last-Modified": tc.modified, "Date": tc.date} {
			if value != "" {
				h.Set(key, value)
			}
		}
		assert.Equal(t, tc.want, strong(h), name)
	}
}

func TestARecordSurvivesAsALineOfText(t *testing.T) {
	t.Parallel()
	r := record{Strong: `"` + strings.Repeat("<", maxTag-2) + `"`, Total: 1 << 60, From: strings.Repeat("&", maxForeign)}
	assert.Equal(t, r, parseRecord(r.String()))
	assert.LessOrEqual(t, len(r.String()), 6<<10)
	assert.NotContains(t, r.String(), "\n")
	for _, garbage := range []string{"", "x", "null", "[]", `{"total":-1}`, `{"total":1e99}`, "\x00"} {
		assert.Zero(t, parseRecord(garbage), garbage)
	}
}

func TestTextsOfOthersAreCut(t *testing.T) {
	t.Parallel()
	err := foreign{errors.New(strings.Repeat("ä", 1000) + "\xff")}
	assert.Less(t, len(err.Error()), maxForeign+5)
	u := &url.URL{Scheme: "https", Host: "files.test", Path: "/" + strings.Repeat("ä", 1000)}
	assert.Less(t, len(describe(u)), maxForeign+5)
}

func TestAnErrorSaysWhatWasTriedAndWhy(t *testing.T) {
	t.Parallel()
	cause := errors.New("why")
	for want, e := range map[string]*Error{
		"cannot download a file: why": {Err: cause},
		"cannot download https://files.test/x (sha256 01234567…) in 1 attempt: why": {URL: "https://files.test/x", SHA256: "0123456789", Attempts: 1, Err: cause},
		"cannot download https://files.test/x in 10 attempts: why":                  {URL: "https://files.test/x", Attempts: 10, Err: cause},
	} {
		assert.EqualError(t, e, want)
		assert.ErrorIs(t, e, cause)
	}
	assert.Equal(t, []string{"world", "refused", "disk"}, []string{World.String(), Refused.String(), Disk.String()})
}

func TestDefaultsAreFilledIn(t *testing.T) {
	t.Parallel()
	c, err := New(Settings{RetryMin: time.Hour})
	require.NoError(t, err)
	assert.Equal(t, time.Hour, c.settings.RetryMax, "never below the least")
	assert.NotNil(t, c.settings.Proxy)
	assert.NoError(t, c.settings.Space(1))
}

func FuzzContentRange(f *testing.F) {
	for _, seed := range []string{"bytes 0-0/1", "bytes */5", "bytes 5-3/9", "bytes 1-2/*", "bytes 9223372036854775806-9223372036854775806/9223372036854775807", "bytes=1-2/3"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, value string) {
		s, ok := parseSpan(http.Header{"Content-Range": {value}})
		if !ok {
			assert.Zero(t, s)
			return
		}
		assert.True(t, s.start >= 0 && s.start <= s.end && s.end <= s.total, "%+v", s)
	})
}

func FuzzURL(f *testing.F) {
	for _, seed := range []string{"https://files.test/x", "https://[::1]:443/", "http://a@b", "https://a.test/%2e%2e/x", "https://a.test./x?y"} {
		f.Add(seed)
	}
	c, err := New(Settings{AllowHTTP: true})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		all, err := c.sources(Request{URL: raw, Mirrors: []string{"https://mirror.test/base"}})
		if err != nil {
			assert.LessOrEqual(t, len(err.Error()), 500)
			return
		}
		for _, s := range all {
			again, err := url.Parse(s.url.String())
			require.NoError(t, err)
			assert.Equal(t, origin(s.url), origin(again), "it is asked where it was checked to be")
			assert.NotEmpty(t, again.Hostname())
			assert.Nil(t, again.User)
		}
		assert.Equal(t, "https://mirror.test:443", origin(all[0].url))
		assert.True(t, strings.HasPrefix(all[0].url.EscapedPath(), "/base"), all[0].url.EscapedPath())
	})
}
