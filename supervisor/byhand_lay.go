package main

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"syscall"
)

// lay puts a file of mode 0600 into a directory of the daemon, below root, for the daemon to
// read. Who does it may be root, and the directory belongs to a user who is not: nothing
// that lies there, and nothing that is exchanged meanwhile, may lead a write or a change of
// owner to another file. So no name is followed out of root, the file is a new one, and it
// is given away through its descriptor.
func lay(root *os.Root, name string, write func(io.Writer) error) error {
	temp := ".new-" + rand.Text()
	f, err := root.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err //nolint:wrapcheck // names the path
	}
	err = errors.Join(write(f), give(f, root), f.Close())
	if err == nil {
		err = root.Rename(temp, name)
	}
	if err != nil {
		return errors.Join(err, root.Remove(temp))
	}
	return nil
}

// layDir opens a directory below root, and makes it if it is not there.
func layDir(root *os.Root, name string) (*os.Root, error) {
	made := root.Mkdir(name, 0o700)
	if made != nil && !errors.Is(made, fs.ErrExist) {
		return nil, made //nolint:wrapcheck // names the path
	}
	sub, err := root.OpenRoot(name)
	if err != nil || made != nil {
		return sub, err //nolint:wrapcheck // names the path
	}
	f, err := sub.Open(".")
	if err == nil {
		err = errors.Join(give(f, root), f.Close())
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("give %s to the daemon: %w", name, err), sub.Close())
	}
	return sub, nil
}

// give makes a file belong to whoever owns root, so that a daemon that is not root can read
// what root laid there.
func give(f *os.File, root *os.Root) error {
	info, err := root.Stat(".")
	if err != nil {
		return err //nolint:wrapcheck // names the path
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok || os.Geteuid() != 0 {
		return nil
	}
	return f.Chown(int(st.Uid), int(st.Gid)) //nolint:wrapcheck // names the path
}
