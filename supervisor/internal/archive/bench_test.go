package archive

import (
	"archive/zip"
	"compress/gzip"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/klauspost/compress/zstd"
	"github.com/stretchr/testify/require"
)

// BenchmarkExtract takes the built Collector ($OPAMPD_TEST_COLLECTOR) out of each format, and says how high the heap gets.
func BenchmarkExtract(b *testing.B) {
	path := os.Getenv("OPAMPD_TEST_COLLECTOR")
	if path == "" {
		b.Skip("OPAMPD_TEST_COLLECTOR names no Collector")
	}
	for _, format := range []Format{Raw, TarGzip, TarZstd, Zip} {
		file := filepath.Join(b.TempDir(), "package")
		size := writePackage(b, file, format, path)
		b.Run(string(format), func(b *testing.B) { measure(b, file, size) })
	}
}

func measure(b *testing.B, file string, size int64) {
	b.Helper()
	f, err := os.Open(file)
	require.NoError(b, err)
	defer f.Close() //nolint:errcheck // it was read
	stat, err := f.Stat()
	require.NoError(b, err)
	runtime.GC()
	var base, now runtime.MemStats
	runtime.ReadMemStats(&base)
	peak, written := uint64(0), 0
	dst := writer(func(p []byte) (int, error) {
		if written += len(p); written > 1<<20 {
			runtime.ReadMemStats(&now)
			peak, written = max(peak, now.HeapAlloc), 0
		}
		return len(p), nil
	})
	b.SetBytes(size)
	for b.Loop() {
		want := Program{Name: programName, OS: runtime.GOOS, Arch: runtime.GOARCH}
		_, err := Extract(b.Context(), io.NewSectionReader(f, 0, stat.Size()), want, dst, Limits{Entries: 10, Unpacked: 1 << 30, Binary: 1 << 30})
		require.NoError(b, err)
	}
	b.ReportMetric(float64(stat.Size()), "packed-B")
	b.ReportMetric(float64(max(peak, base.HeapAlloc)-base.HeapAlloc), "peak-heap-B")
}

// writePackage forgets the program at its end, for what is in the heap delays the collection of garbage. It returns the program's size.
func writePackage(b *testing.B, file string, format Format, path string) int64 {
	b.Helper()
	program, err := os.ReadFile(path)
	require.NoError(b, err)
	packed := program
	tarred := func() []byte { return tarOf(tarFile{name: programName, body: program}) }
	switch format {
	case TarGzip:
		packed = gzipped(tarred(), gzip.DefaultCompression)
	case TarZstd:
		packed = zstded(tarred(), zstd.WithWindowSize(zstdWindow))
	case Zip:
		packed = zipOf(zipFile{name: programName, body: program, method: zip.Deflate})
	case Raw:
	}
	require.NoError(b, os.WriteFile(file, packed, 0o600))
	return int64(len(program))
}
