package crashdisk

import (
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"opampd/supervisor/internal/disk"
)

// after finds the fate in which names and data are as asked for.
func after(t *testing.T, d *Disk, name string) *Disk {
	t.Helper()
	for _, a := range Aftermaths() {
		if a.Name == name {
			return d.After(a)
		}
	}
	require.Fail(t, "no such aftermath", name)
	return nil
}

func entries(t *testing.T, d *Disk, dir string) map[string]string {
	t.Helper()
	infos, err := d.Entries(dir)
	require.NoError(t, err)
	out := map[string]string{}
	for _, info := range infos {
		body, _ := d.Read(dir + "/" + info.Name())
		out[info.Name()] = string(body)
	}
	return out
}

func TestNamesAndDataAreLostApart(t *testing.T) {
	t.Parallel()
	d := New()
	f, err := d.Create("file")
	require.NoError(t, err)
	_, err = f.Write([]byte("1234"))
	require.NoError(t, err)
	require.NoError(t, f.Sync())
	_, err = f.Write([]byte("5678"))
	require.NoError(t, err)
	for name, want := range map[string]map[string]string{
		"names lost, data kept":   {},
		"names kept, data lost":   {"file": "1234"},
		"names kept, data torn":   {"file": "123456"},
		"names kept, data zeroed": {"file": "1234\x00\x00\x00\x00"},
		"names kept, data kept":   {"file": "12345678"},
	} {
		assert.Equal(t, want, entries(t, after(t, d, name), "."), name)
	}
	require.NoError(t, d.SyncDir("."))
	assert.Equal(t, map[string]string{"file": "1234"}, entries(t, after(t, d, "names lost, data lost"), "."))
}

func TestADirectoryIsRenamedWithoutWhatIsNotDurableInIt(t *testing.T) {
	t.Parallel()
	d := New("dir")
	f, err := d.Create("dir/synced")
	require.NoError(t, err)
	require.NoError(t, disk.WriteSynced(f, []byte("x")))
	require.NoError(t, d.SyncDir("dir"))
	_, err = d.Create("dir/not")
	require.NoError(t, err)
	require.NoError(t, d.Rename("dir", "new"))
	assert.Contains(t, entries(t, after(t, d, "names lost, data lost"), "."), "dir")
	assert.Equal(t, map[string]string{"synced": "x"}, entries(t, after(t, d, "names kept at the top alone, data lost"), "new"))
	require.NoError(t, d.SyncDir("."))
	assert.Equal(t, map[string]string{"synced": "x"}, entries(t, after(t, d, "names lost, data lost"), "new"))
}

func TestWhatMayBeFoundAfterACrashIsFoundOnce(t *testing.T) {
	t.Parallel()
	d := New()
	count := func() (n int) {
		for range d.AfterCrash() {
			n++
		}
		return n
	}
	assert.Equal(t, 1, count(), "all is durable")
	f, err := d.Create("file")
	require.NoError(t, err)
	_, err = f.Write([]byte("xy"))
	require.NoError(t, err)
	assert.Equal(t, 5, count(), "no file, or one that is empty, torn, zeroed or whole")
	assert.Empty(t, entries(t, d.Durable(), "."))
}

func TestModesAreLostLikeData(t *testing.T) {
	t.Parallel()
	d := New()
	f, err := d.Create("file")
	require.NoError(t, err)
	require.NoError(t, d.SyncDir("."))
	require.NoError(t, d.Chmod("file", 0o500))
	info, err := after(t, d, "names lost, data lost").Lstat("file")
	require.NoError(t, err)
	assert.Equal(t, "-rw-------", info.Mode().String())
	require.NoError(t, f.Sync())
	info, err = after(t, d, "names lost, data lost").Lstat("file")
	require.NoError(t, err)
	assert.Equal(t, "-r-x------", info.Mode().String())
}

func TestAFullDiskFailsOnceAndACrashForEver(t *testing.T) {
	t.Parallel()
	d := New()
	d.FailAt(2)
	require.NoError(t, d.Mkdir("a"))
	require.ErrorIs(t, d.Mkdir("b"), syscall.ENOSPC)
	require.NoError(t, d.Mkdir("b"))
	assert.Equal(t, []string{"mkdir a", "mkdir b", "mkdir b"}, d.Operations())
	d.CrashAt(1)
	require.ErrorIs(t, d.Mkdir("c"), ErrCrashed)
	_, err := d.Entries(".")
	require.ErrorIs(t, err, ErrCrashed)
	require.ErrorIs(t, d.Mkdir("c"), ErrCrashed)
	d.Count()
	assert.NoError(t, d.Mkdir("c"))
}
