package disk_test

import (
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"opampd/supervisor/internal/disk"
)

func TestAFileSystemWithoutExecutionIsToldInWords(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := disk.Executable(dir); err != nil {
		t.Skipf("the test's own directory: %v", err)
	}
	if err := syscall.Mount("tmpfs", dir, "tmpfs", syscall.MS_NOEXEC, "size=64k"); err != nil {
		t.Skipf("mounting is not permitted here: %v", err)
	}
	t.Cleanup(func() { require.NoError(t, syscall.Unmount(dir, syscall.MNT_DETACH)) })
	assert.ErrorContains(t, disk.Executable(dir), "mounted noexec; mount it without")
}
