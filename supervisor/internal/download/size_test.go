package download

import (
	"errors"
	"fmt"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"opampd/supervisor/internal/testkit"
)

func TestWhatIsTooLargeIsRefusedBeforeAByteIsWritten(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]testkit.DownloadFile{
		"more than the limit":    {Body: body(1001)},
		"more than was expected": {Body: body(901)},
		"less than was expected": {Body: body(899)},
		"empty":                  {},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			bubble(t, func(n *network) {
				d, p := n.host("files.test", nil), &memory{}
				d.Put(path, fault)
				r := request("files.test", body(900))
				r.MaxSize = 1000
				_, err := n.fetch(n.client(), r, p)
				assert.Equal(n.t, 1, requireError(n.t, err, Refused).Attempts)
				assert.Zero(n.t, p.restarts)
			})
		})
	}
}

func TestAPartOfAFileThatIsTooLargeIsRefused(t *testing.T) {
	t.Parallel()
	bubble(t, func(n *network) {
		content := body(1000)
		d, p := n.host("files.test", content), &memory{}
		d.Next(testkit.DropAt(500), testkit.WithHeaders("Content-Range", "bytes 500-999/9999999"))
		r := request("files.test", content)
		r.Size = 0
		_, err := n.fetch(n.client(), r, p)
		requireError(n.t, err, Refused)
		assert.Equal(n.t, 500, p.Len())
	})
}

func TestAnEndlessBodyStopsAtTheLimit(t *testing.T) {
	t.Parallel()
	for _, size := range []int64{0, 50_000} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			t.Parallel()
			bubble(t, func(n *network) {
				d, p := n.host("files.test", nil), &memory{room: 100_000, full: errors.New("more than the limit was written")}
				d.Always(testkit.Endless())
				r := request("files.test", nil)
				r.Size, r.MaxSize = size, 100_000
				_, err := n.fetch(n.client(), r, p)
				assert.Equal(n.t, 1, requireError(n.t, err, Refused).Attempts)
				assert.Zero(n.t, p.Len(), "another file is not the beginning of this one")
			})
		})
	}
}

func TestAServerThatAnnouncesTooLittleIsFoundOut(t *testing.T) {
	t.Parallel()
	bubble(t, func(n *network) {
		content := body(1000)
		d, p := n.host("files.test", content), &memory{}
		d.Next(testkit.LieAboutLength(700))
		r := request("files.test", content)
		_, err := n.fetch(n.client(), r, p)
		requireError(n.t, err, Refused)

		d.Next(testkit.LieAboutLength(700))
		r.Size = 0
		result, err := n.fetch(n.client(), r, p)
		require.NoError(n.t, err, "nobody can know")
		assert.Equal(n.t, int64(700), result.Size, "the hash tells")
	})
}

func TestAServerThatAnnouncesTooMuchIsGivenUp(t *testing.T) {
	t.Parallel()
	bubble(t, func(n *network) {
		d, p := n.host("files.test", body(1000)), &memory{}
		d.Always(testkit.LieAboutLength(1200))
		r := request("files.test", body(1200))
		_, err := n.fetch(n.client(), r, p)
		requireError(n.t, err, World)
		assert.Contains(n.t, d.Ranges(), "bytes=1000-")
		assert.LessOrEqual(n.t, len(d.Ranges()), DefaultAttempts+1)

		r.Size = 0
		result, err := n.fetch(n.client(), r, p)
		require.NoError(n.t, err)
		assert.Equal(n.t, int64(1000), result.Size, "it said itself where the end is, in a 416")
	})
}

func TestASizeThatIsNotAnnouncedIsNoHindrance(t *testing.T) {
	t.Parallel()
	for _, known := range []bool{true, false} {
		t.Run(fmt.Sprint(known), func(t *testing.T) {
			t.Parallel()
			bubble(t, func(n *network) {
				content := body(300_000)
				d, p := n.host("files.test", content), &memory{}
				d.Always(testkit.WithoutLength())
				r := request("files.test", content)
				if !known {
					r.Size = 0
				}
				var rooms []int64
				c := n.client(func(s *Settings) {
					s.Space = func(size int64) error { rooms = append(rooms, size); return nil }
				})
				_, err := n.fetch(c, r, p)
				require.NoError(n.t, err)
				assert.Equal(n.t, content, p.Bytes())
				want := []int64{300_000}
				if !known {
					want = []int64{r.MaxSize} // less than a step
				}
				assert.Equal(n.t, want, rooms)
			})
		})
	}
}

func TestASizeThatIsNotAnnouncedMustStillBeTheExpectedOne(t *testing.T) {
	t.Parallel()
	for size, kind := range map[int]Kind{900: Refused, 1100: World} {
		t.Run(kind.String(), func(t *testing.T) {
			t.Parallel()
			bubble(t, func(n *network) {
				d := n.host("files.test", body(1000))
				d.Always(testkit.WithoutLength())
				_, err := n.fetch(n.client(), request("files.test", body(size)), &memory{})
				requireError(n.t, err, kind)
			})
		})
	}
}

func TestRoomIsAskedForAgainWhenTheFileTurnsOutLarger(t *testing.T) {
	t.Parallel()
	var rooms []int64
	f, err := openFile(&memory{}, Request{MaxSize: 200 << 20}, func(size int64) error { rooms = append(rooms, size); return nil })
	require.NoError(t, err)
	for _, size := range []int64{0, 10, 64 << 20, 100 << 20, 150 << 20, 199 << 20} {
		f.size = size
		require.NoError(t, f.write(body(10)))
	}
	assert.Equal(t, []int64{64<<20 + 10, 164<<20 + 10, 200 << 20}, rooms)
}

func TestAFullDiskIsNoticedBeforeTheDownload(t *testing.T) {
	t.Parallel()
	for _, size := range []int64{0, 100} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			t.Parallel()
			bubble(t, func(n *network) {
				d, p := n.host("files.test", body(100)), &memory{}
				r := request("files.test", body(100))
				r.Size = size
				c := n.client(func(s *Settings) {
					s.Space = func(size int64) error { return fmt.Errorf("%d are too many: %w", size, syscall.ENOSPC) }
				})
				_, err := n.fetch(c, r, p)
				requireError(n.t, err, Disk)
				require.ErrorIs(n.t, err, syscall.ENOSPC)
				assert.Equal(n.t, size == 0, len(d.Requests()) == 1, "what is known is asked for first")
				assert.Zero(n.t, p.restarts)
			})
		})
	}
}

func TestAnErrorOfThePartialEndsTheFetch(t *testing.T) {
	t.Parallel()
	for name, p := range map[string]*memory{
		"write":   {room: 500, full: syscall.ENOSPC},
		"restart": {broken: syscall.EIO},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			bubble(t, func(n *network) {
				d := n.host("files.test", body(1000))
				r := request("files.test", body(1000))
				r.Mirrors = []string{"http://files.test"}
				_, err := n.fetch(n.client(), r, p)
				requireError(n.t, err, Disk)
				require.ErrorIs(n.t, err, map[string]error{"write": syscall.ENOSPC, "restart": syscall.EIO}[name])
				assert.Len(n.t, d.Requests(), 1)
			})
		})
	}
}

func TestAFileIsNotCompleteBeforeItIsSynced(t *testing.T) {
	t.Parallel()
	bubble(t, func(n *network) {
		n.host("files.test", body(1000))
		p := &brokenSync{}
		_, err := n.fetch(n.client(), request("files.test", body(1000)), p)
		requireError(n.t, err, Disk)
		assert.ErrorIs(n.t, err, syscall.EIO)
	})
}

type brokenSync struct{ memory }

func (*brokenSync) Sync() error { return syscall.EIO }

func TestAnEncodedAnswerIsRefused(t *testing.T) {
	t.Parallel()
	bubble(t, func(n *network) {
		d, p := n.host("files.test", body(100)), &memory{}
		d.Next(testkit.WithHeaders("Content-Encoding", "gzip"))
		_, err := n.fetch(n.client(), request("files.test", body(100)), p)
		requireError(n.t, err, Refused)
		assert.Zero(n.t, p.restarts)
		d.Next(testkit.WithHeaders("Content-Encoding", "identity"))
		_, err = n.fetch(n.client(), request("files.test", body(100)), p)
		assert.NoError(n.t, err)
	})
}
