package archive

import (
	"archive/zip"
	"compress/gzip"
	"context"
	"io"
	"math/rand/v2"
	"runtime"
	"testing"

	"github.com/klauspost/compress/zstd"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Not parallel: it measures what the whole process allocates. That is counted, and not what is in use, so that it does not depend
// on when garbage is collected: what was never allocated never was in use.
func TestMemoryDoesNotGrowWithThePackage(t *testing.T) {
	const blocks = 300 << 5 // 300 MiB
	for format, most := range map[Format]uint64{Raw: 1 << 20, TarGzip: 1 << 20, Zip: 1 << 20, TarZstd: zstdWindow + 1<<20} {
		src := largePackage(format, blocks).section()
		info, allocated, err := allocates(t, src, Limits{Entries: 1, Unpacked: 1 << 30, Binary: 512 << 20})
		require.NoError(t, err)
		assert.Equal(t, format, info.Format)
		assert.EqualValues(t, blocks<<15, info.Size)
		assert.Less(t, allocated, most, format)
	}
}

// Not parallel: garbage of others would be collected with ours. What is in use is looked at right after a collection: gzip and zip make
// garbage, 100 bytes for each KB of a program, which does not pile up.
func TestWhatIsInUseDoesNotGrowWithACompressedPackage(t *testing.T) {
	for _, p := range compressedPackages() {
		base, peak, written := inUse(), uint64(0), 0
		_, err := Extract(t.Context(), section(p.bytes), linux(), writer(func(p []byte) (int, error) {
			if written += len(p); written > 1<<20 {
				peak, written = max(peak, inUse()), 0
			}
			return len(p), nil
		}), Limits{Entries: 1, Unpacked: 8 << 20, Binary: 8 << 20})
		require.NoError(t, err)
		assert.Less(t, peak, base+p.most)
	}
}

// compressedPackage may have so much in use.
type compressedPackage struct {
	bytes []byte
	most  uint64
}

func compressedPackages() []compressedPackage {
	program := append(amd64(), make([]byte, 4<<20)...)
	letters := rand.NewChaCha8([32]byte{})
	for i := range program[1000:] {
		program[1000+i] = "etaoinshrdlu"[letters.Uint64()%12]
	}
	tarred := tarOf(tarFile{name: programName, body: program})
	return []compressedPackage{
		{gzipped(tarred, gzip.BestSpeed), 1 << 20},
		{zipOf(zipFile{name: programName, body: program, method: zip.Deflate}), 1 << 20},
		{zstded(tarred, zstd.WithWindowSize(zstdWindow)), zstdWindow + 3<<20},
	}
}

func inUse() uint64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// Not parallel, as above.
func TestMemoryDoesNotGrowWithWhatAPackageClaims(t *testing.T) {
	for file, most := range map[string]uint64{
		"long.tar.zst": 1 << 20, "single-segment.tar.zst": 1 << 20, "bomb.tar.gz": 1 << 20, "bomb.zip": 1 << 20, "bomb.tar.zst": zstdWindow + 1<<20,
		"zip64.zip": 1 << 20, "sparse.tar.gz": 1 << 20, "sparse-pax.tar.gz": 1 << 20,
	} {
		_, allocated, err := allocates(t, section(vectorFile(t, file)), limits())
		require.ErrorAs(t, err, new(*RefusedError))
		assert.Less(t, allocated, most, file)
	}
}

// allocates counts the bytes that Extract allocates in all.
func allocates(t *testing.T, src *io.SectionReader, limits Limits) (Info, uint64, error) {
	t.Helper()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	info, err := Extract(t.Context(), src, linux(), io.Discard, limits)
	runtime.ReadMemStats(&after)
	allocated := after.TotalAlloc - before.TotalAlloc
	t.Logf("%s: %d KB in, %d KB allocated", info.Format, src.Size()>>10, allocated>>10)
	return info, allocated, err
}

func TestAMillionEntriesAreNotCountedToTheEnd(t *testing.T) {
	t.Parallel()
	for _, format := range []Format{TarGzip, Zip} {
		for _, most := range []int{100, 20_000} { // less than 1000000 modulo 65536, which the zip claims, and more
			src := millionPackage(format)
			_, err := Extract(context.Background(), src.section(), linux(), io.Discard, Limits{Entries: most, Unpacked: 1 << 40, Binary: 1 << 40})
			require.ErrorAs(t, err, new(*RefusedError), format)
			assert.Less(t, src.read, int64(20<<20), format)
		}
	}
}
