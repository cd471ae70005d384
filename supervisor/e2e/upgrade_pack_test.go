//go:build linux

package e2e

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/flate"
	"compress/gzip"
	"io"
	"testing"

	"github.com/klauspost/compress/zstd"
	"github.com/stretchr/testify/require"

	"opampd/supervisor/internal/testkit"
)

// tarred is a tar as releases are published: the program in a directory, beside others.
func tarred(tb testing.TB, w io.Writer, body []byte) {
	tb.Helper()
	out := tar.NewWriter(w)
	for _, file := range []struct {
		name string
		mode int64
		body []byte
	}{{"otelcol/README.md", 0o644, []byte("# A Collector\n")}, {"otelcol/" + program, 0o755, body}} {
		require.NoError(tb, out.WriteHeader(&tar.Header{Name: file.name, Mode: file.mode, Size: int64(len(file.body)), Typeflag: tar.TypeReg}))
		_, err := out.Write(file.body)
		require.NoError(tb, err)
	}
	require.NoError(tb, out.Close())
}

func tarGz(tb testing.TB, body []byte) []byte {
	tb.Helper()
	var b bytes.Buffer
	w, err := gzip.NewWriterLevel(&b, gzip.BestSpeed)
	require.NoError(tb, err)
	tarred(tb, w, body)
	require.NoError(tb, w.Close())
	return b.Bytes()
}

func tarZst(tb testing.TB, body []byte) []byte {
	tb.Helper()
	var b bytes.Buffer
	w, err := zstd.NewWriter(&b, zstd.WithEncoderLevel(zstd.SpeedFastest))
	require.NoError(tb, err)
	tarred(tb, w, body)
	require.NoError(tb, w.Close())
	return b.Bytes()
}

func zipped(tb testing.TB, body []byte) []byte {
	tb.Helper()
	var b bytes.Buffer
	out := zip.NewWriter(&b)
	out.RegisterCompressor(zip.Deflate, func(w io.Writer) (io.WriteCloser, error) { return flate.NewWriter(w, flate.BestSpeed) })
	w, err := out.Create(program)
	require.NoError(tb, err)
	_, err = w.Write(body)
	require.NoError(tb, err)
	require.NoError(tb, out.Close())
	return b.Bytes()
}

func TestAReleaseMayComeInAnyKindOfArchive(t *testing.T) {
	t.Parallel()
	for name, pack := range map[string]func(testing.TB, []byte) []byte{"tar.gz": tarGz, "tar.zst": tarZst, "zip": zipped} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := upgradable(t, testkit.WebSocket, brief, settings{})
			c := next()
			c.pack = pack
			p := s.publish(c)
			s.upgrade(p)
			s.fares(p, inForce)
			s.agrees(p)
		})
	}
}

func TestAnArchiveWithoutTheCollectorIsRefused(t *testing.T) {
	t.Parallel()
	s := upgradable(t, testkit.WebSocket, brief, settings{})
	untouched := s.untouched()
	for name, body := range map[string][]byte{
		"program": tarGz(t, []byte("#!/bin/sh\n")), "text": []byte("no archive, nor a program"),
		"torn": tarZst(t, bytes.Repeat([]byte("x"), 1<<20))[:300],
	} {
		p := s.serve(parcel{Version: name, index: 2}, body)
		s.upgrade(p)
		t.Log(s.fares(p, notTaken).GetErrorMessage())
		require.Empty(t, s.slots())
	}
	untouched()
	s.agree(factory, "")
}
