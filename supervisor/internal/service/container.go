package service

import (
	"os"
	"path/filepath"
	"strings"
)

// InContainer reports whether the daemon is in a container whose image is the package, so that what is installed into it
// goes with it. It is true when any of these is there:
//
//   - /.dockerenv (Docker) or /run/.containerenv (Podman, toolbox);
//   - container= with a value, in our environment or in that of PID 1 (https://systemd.io/CONTAINER_INTERFACE/); ours counts
//     because PID 1's can be read by root and its own user only;
//   - KUBERNETES_SERVICE_HOST, which the kubelet gives to every container; containerd leaves no other mark.
//
// But a service of the systemd that runs the system is on a machine, whatever it is made of: a host, a virtual machine,
// systemd-nspawn --boot, a system container of LXC or Incus. It is known by INVOCATION_ID, which systemd gives to services
// alone (man systemd.exec), together with /run/systemd/system (man sd_booted). Neither is enough: a container may be shown
// the host's /run, and a variable may be handed down. NOTIFY_SOCKET tells nothing, since Podman hands the socket of its own
// service into the container. A program that was started by hand has no INVOCATION_ID, so ask in the daemon only.
func InContainer() bool { return inContainer("/", os.Getenv) }

func inContainer(root string, getenv func(string) string) bool {
	there := func(path string) bool {
		_, err := os.Stat(filepath.Join(root, path))
		return err == nil
	}
	if getenv("INVOCATION_ID") != "" && there("run/systemd/system") {
		return false
	}
	return there(".dockerenv") || there("run/.containerenv") ||
		getenv("container") != "" || getenv("KUBERNETES_SERVICE_HOST") != "" ||
		initIsContained(filepath.Join(root, "proc/1/environ"))
}

// initIsContained looks for container= in an environment as the kernel shows it: entries that end in a NUL (man proc_pid_environ).
func initIsContained(path string) bool {
	environ, err := os.ReadFile(filepath.Clean(path))
	if err != nil {
		return false // not ours to read, or no Linux
	}
	for entry := range strings.SplitSeq(string(environ), "\x00") {
		if value, ok := strings.CutPrefix(entry, "container="); ok && value != "" {
			return true
		}
	}
	return false
}
