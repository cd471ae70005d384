package trust

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func seed(f *testing.F) {
	f.Helper()
	for _, v := range vectors() {
		f.Add(v.signature)
	}
	f.Add(keyList(root))
}

func FuzzSniff(f *testing.F) {
	seed(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		format, err := sniff(data)
		require.Equal(t, err == nil, format != "")
		_, _ = Inspect(data)
	})
}

func FuzzEnvelope(f *testing.F) {
	seed(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		e, err := parseEnvelope(data)
		if err != nil {
			return
		}
		written, err := e.marshal()
		require.NoError(t, err)
		again, err := parseEnvelope(written)
		require.NoError(t, err)
		require.Equal(t, e.payload, again.payload)
		require.Equal(t, e.payloadType, again.payloadType)
		require.Equal(t, e.keyIDs(), again.keyIDs())
	})
}

func FuzzStatement(f *testing.F) {
	f.Add([]byte(text64(statement())))
	f.Add([]byte(text64(statement(permit(1, 2, at(1), "edge")))))
	f.Add([]byte(`{"type": "opampd.release.v1", "ſize": 1}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := parseStatement(data)
		if err != nil {
			return
		}
		one, err := json.Marshal(s)
		require.NoError(t, err)
		again, err := parseStatement(one)
		require.NoError(t, err)
		two, err := json.Marshal(again)
		require.NoError(t, err)
		require.Equal(t, string(one), string(two))
	})
}

func FuzzKeyList(f *testing.F) {
	f.Add(must(parseEnvelope(keyList(root))).payload)
	f.Fuzz(func(t *testing.T, data []byte) {
		l, keys, err := parseKeyList(data)
		if err == nil {
			require.Len(t, keys, len(l.Keys))
		}
	})
}

func FuzzComment(f *testing.F) {
	f.Add(comment)
	f.Add("timestamp:1 file:x")
	f.Fuzz(func(t *testing.T, text string) {
		s, err := parseComment(text, Archive{Size: 1})
		if err == nil && s != nil {
			require.NoError(t, s.check())
		}
	})
}

func FuzzMinisign(f *testing.F) {
	seed(f)
	f.Fuzz(func(_ *testing.T, data []byte) { _, _ = parseMinisign(data) })
}

func FuzzRevocations(f *testing.F) {
	f.Add([]byte("key:a\nsha256:" + hashOf(otherFile) + "\nfloor:7 # x"))
	f.Fuzz(func(_ *testing.T, data []byte) { _, _ = parseRevocations(data) })
}

// FuzzVerify holds that nothing is accepted but what a trusted key signed, whatever is
// done to the bytes around it.
func FuzzVerify(f *testing.F) {
	seed(f)
	trusted := []publicKey{private(signer).public, private(second).public}
	good := map[string]bool{}
	for _, v := range vectors() {
		if e, err := parseEnvelope(v.signature); err == nil && len(e.signers(trusted)) > 0 {
			good[string(e.payload)] = true
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		verified, _, err := outcome(t, data, nil)
		if err != nil {
			return
		}
		switch verified.Format {
		case FormatEnvelope:
			assert.True(t, good[string(must(parseEnvelope(data)).payload)])
		case FormatMinisign:
			assert.Len(t, verified.Signers, 1)
		default:
			t.Fatalf("accepted as %s", verified.Format)
		}
	})
}
