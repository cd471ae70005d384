package main

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestSpansArriveAtTheSinkWithTheirNumbers(t *testing.T) {
	t.Parallel()
	s, err := newSink()
	require.NoError(t, err)
	t.Cleanup(s.close)
	for _, c := range []connections{kept, fresh} {
		from := newHTTPSender(strings.TrimPrefix(s.url, "http://"), c)
		t.Cleanup(from.close)
		require.NoError(t, from.send(t.Context(), 1<<32))
		require.NoError(t, from.send(t.Context(), 1<<32+1))
	}
	assert.Zero(t, s.lost(t.Context(), []uint64{1 << 32, 1<<32 + 1}))
	assert.Len(t, s.seen, 2)
}

func TestWhatDidNotArriveIsLost(t *testing.T) {
	t.Parallel()
	s, err := newSink()
	require.NoError(t, err)
	t.Cleanup(s.close)
	from := newHTTPSender(strings.TrimPrefix(s.url, "http://"), kept)
	t.Cleanup(from.close)
	require.NoError(t, from.send(t.Context(), 1))
	ctx, cancel := context.WithCancel(t.Context())
	cancel() // no time to wait for the rest
	assert.Equal(t, 2, s.lost(ctx, []uint64{1, 2, 3}))
}

func TestAnythingButOKIsAFailure(t *testing.T) {
	t.Parallel()
	s, err := newSink()
	require.NoError(t, err)
	t.Cleanup(s.close)
	from := newHTTPSender(strings.TrimPrefix(s.url, "http://"), kept)
	t.Cleanup(from.close)
	from.body = []byte("no protobuf")
	assert.ErrorContains(t, from.send(t.Context(), 1), http.StatusText(http.StatusBadRequest))
}

func TestRefusedIsAFailure(t *testing.T) {
	t.Parallel()
	address, err := freeAddress()
	require.NoError(t, err)
	from := newHTTPSender(address, kept)
	t.Cleanup(from.close)
	assert.ErrorContains(t, from.send(t.Context(), 1), "refused")
	over, err := newGRPCSender(address)
	require.NoError(t, err)
	t.Cleanup(over.close)
	assert.ErrorContains(t, over.send(t.Context(), 1), "Unavailable")
}
