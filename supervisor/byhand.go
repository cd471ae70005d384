package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"

	"github.com/fsnotify/fsnotify"
	"github.com/spf13/cobra"

	"opampd/supervisor/internal/config"
)

func rollbackCommand() *cobra.Command {
	o := &options{}
	cmd := &cobra.Command{
		Use:   "rollback --config supervisor.yaml",
		Short: "Go back to the release of the Collector that ran before",
		Long: "Asks the opampd that runs to go back to the release before, or to agent.executable when there is none.\n" +
			"It sticks: the release that is left is refused when the server offers it again. No server is needed.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			loaded, err := o.load(false)
			if err != nil {
				return err
			}
			ctx, cancel := context.WithTimeout(cmd.Context(), byHandTimeout)
			defer cancel()
			return rollBackByHand(ctx, cmd.OutOrStdout(), loaded.Config)
		},
	}
	o.register(cmd.Flags())
	return cmd
}

func rollBackByHand(ctx context.Context, w io.Writer, c config.Config) error {
	releases, err := readReleases(c)
	if err != nil {
		return err
	}
	current, err := releases.Current()
	if err != nil || current == "" {
		return errors.Join(errors.New("there is nothing to go back from: agent.executable runs"), err)
	}
	before, _ := readStanding(c)
	running, err := ask(w, c, request{Action: actionRollback})
	if err != nil || !running {
		return err
	}
	var last standing
	err = await(ctx, w, c, before, func(s standing) (bool, error) {
		last = s
		return s.Trial == "none" && s.Has.ID != current, nil
	})
	if err == nil {
		_, err = fmt.Fprintf(w, "back: %s runs\n", last.release())
	}
	return err //nolint:wrapcheck // nothing to add
}

func lockPath(c config.Config) string { return filepath.Join(c.Storage.Directory, "lock") }

// release is what people call the one that runs.
func (s standing) release() string {
	if s.Has.ID == "" {
		return "the factory's release " + s.Has.Version
	}
	return "release " + s.Has.Version
}

// ask leaves a request for the daemon, and says whether one runs that was told.
func ask(w io.Writer, c config.Config, r request) (running bool, err error) {
	body, err := json.Marshal(r)
	if err != nil {
		return false, fmt.Errorf("write the request down: %w", err)
	}
	pid, err := holder(lockPath(c))
	if err != nil {
		return false, err
	}
	if info, err := os.Lstat(requestPath(c)); err == nil && info.Mode().IsRegular() && pid == 0 {
		return false, fmt.Errorf("another request waits for opampd to be started; start it, or remove %s", requestPath(c))
	}
	if err := leave(c, body); err != nil {
		return false, fmt.Errorf("leave a request for the daemon: %w; this needs root, or the user that opampd runs as", err)
	}
	if pid == 0 {
		_, err := fmt.Fprintln(w, "no opampd runs on "+c.Storage.Directory+"; it will be done when one starts")
		return false, err //nolint:wrapcheck // nothing to add
	}
	if err := syscall.Kill(pid, syscall.SIGUSR2); err != nil {
		return false, fmt.Errorf("tell the opampd that runs (pid %d): %w", pid, err)
	}
	return true, nil
}

func leave(c config.Config, body []byte) error {
	root, err := os.OpenRoot(c.Storage.Directory)
	if err != nil {
		return err //nolint:wrapcheck // names the path
	}
	defer root.Close() //nolint:errcheck // nothing is lost
	return lay(root, filepath.Base(requestPath(c)), func(w io.Writer) error {
		_, err := w.Write(body)
		return err //nolint:wrapcheck // names the path
	})
}

// holder is the process that has the lock of a storage directory, 0 when none has.
func holder(path string) (int, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0) // neither led elsewhere nor held up
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, err //nolint:wrapcheck // names the path
	}
	defer f.Close() //nolint:errcheck // read only; gives back the lock
	err = syscall.Flock(int(f.Fd()), syscall.LOCK_SH|syscall.LOCK_NB)
	if !errors.Is(err, syscall.EWOULDBLOCK) {
		return 0, nil
	}
	body, _ := io.ReadAll(io.LimitReader(f, 32))
	pid, err := strconv.Atoi(strings.TrimSpace(string(body)))
	if err != nil || pid < 1 || !alike(f, pid) {
		return 0, fmt.Errorf("%s does not say which process has it", path)
	}
	return pid, nil
}

// alike reports whether a process is one of the user whose file f is: what is in the file
// is that user's word, and must not make root signal anybody else's process. Where there is
// no proc(5) nobody can tell.
func alike(f *os.File, pid int) bool {
	lock, err := f.Stat()
	if err != nil {
		return false
	}
	process, err := os.Stat(fmt.Sprintf("/proc/%d", pid))
	if err != nil {
		return errors.Is(err, fs.ErrNotExist) && runtime.GOOS != "linux"
	}
	owner, ok := lock.Sys().(*syscall.Stat_t)
	user, known := process.Sys().(*syscall.Stat_t)
	return ok && known && owner.Uid == user.Uid
}

// await prints where an upgrade stands, from the first change on, until done says that it is over.
func await(ctx context.Context, w io.Writer, c config.Config, before standing, done func(standing) (bool, error)) error {
	watcher, err := fsnotify.NewWatcher()
	if err != nil {
		return fmt.Errorf("watch %s: %w", c.Storage.Directory, err)
	}
	defer watcher.Close() //nolint:errcheck // nothing is lost
	if err := watcher.Add(c.Storage.Directory); err != nil {
		return fmt.Errorf("watch %s: %w", c.Storage.Directory, err)
	}
	last := ""
	for {
		if s, found := readStanding(c); found && !s.At.Equal(before.At) {
			if line := s.String(); line != last {
				last = line
				_, _ = fmt.Fprintln(w, line)
			}
			if over, err := done(s); over {
				return err
			}
		}
		select {
		case <-watcher.Events:
		case err := <-watcher.Errors:
			return fmt.Errorf("watch %s: %w", c.Storage.Directory, err)
		case <-ctx.Done():
			return fmt.Errorf("no outcome yet; opampd goes on with it, see `opampd package list`: %w", context.Cause(ctx))
		}
	}
}
