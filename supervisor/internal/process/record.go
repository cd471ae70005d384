package process

// Record identifies one run of one process for as long as the machine is up: a pid alone is given to others.
// It is kept in a file, so that the next start of this program can take the process back with Find.
type Record struct {
	PID        int    `json:"pid"`
	StartTime  uint64 `json:"start_time"` // clock ticks since boot, field 22 of /proc/PID/stat
	BootID     string `json:"boot_id"`    // /proc/sys/kernel/random/boot_id
	Executable string `json:"executable"` // for people: the file may have been renamed since
	Device     uint64 `json:"device"`     // of the executable
	Inode      uint64 `json:"inode"`
}

// sameProcess compares all but the name of the executable, which changes when a package is replaced.
func (r Record) sameProcess(other Record) bool {
	r.Executable, other.Executable = "", ""
	return r == other
}
