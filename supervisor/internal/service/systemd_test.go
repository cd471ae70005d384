package service_test

import (
	"net"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"opampd/supervisor/internal/service"
)

// manager is systemd's end of the notification socket.
func manager(t *testing.T) func() string {
	t.Helper()
	address := &net.UnixAddr{Name: filepath.Join(t.TempDir(), "notify"), Net: "unixgram"}
	socket, err := net.ListenUnixgram("unixgram", address)
	require.NoError(t, err)
	t.Cleanup(func() { _ = socket.Close() })
	t.Setenv("NOTIFY_SOCKET", address.Name)
	return func() string {
		require.NoError(t, socket.SetReadDeadline(time.Now().Add(30*time.Second)))
		message := make([]byte, 1024)
		n, err := socket.Read(message)
		require.NoError(t, err)
		return string(message[:n])
	}
}

func TestSystemdIsToldHowTheDaemonIs(t *testing.T) {
	told := manager(t)
	for wanted, tell := range map[string]func(){
		"^READY=1$":            service.Ready,
		"^STOPPING=1$":         service.Stopping,
		"^WATCHDOG=1$":         service.Alive,
		"^STATUS=all is well$": func() { service.Status("all is well") },
		"^RELOADING=1\nMONOTONIC_USEC=[1-9]\\d+$": service.Reloading,
	} {
		tell()
		assert.Regexp(t, wanted, told())
	}
}

func TestWithoutSystemdNothingHappens(t *testing.T) {
	t.Setenv("NOTIFY_SOCKET", "")
	service.Ready()
	service.Alive()
	t.Setenv("NOTIFY_SOCKET", "/nonexistent/socket")
	service.Ready()
}

func TestAliveIsDueThreeTimesWithinThePatienceOfTheWatchdog(t *testing.T) {
	t.Setenv("WATCHDOG_PID", "")
	for given, wanted := range map[string]time.Duration{
		"":         5 * time.Second,
		"9000000":  3 * time.Second,
		"60000000": 5 * time.Second,
		"nonsense": 5 * time.Second,
	} {
		t.Setenv("WATCHDOG_USEC", given)
		assert.Equal(t, wanted, service.AliveEvery(5*time.Second), given)
	}
}
