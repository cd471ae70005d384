package archive

import (
	"path"
	"strings"
	"unicode"
	"unicode/utf8"
)

// nameBytes is the most that ustar can say, prefix and name. A collector's package has no need of more, and the names are kept in memory.
const nameBytes = 255

// shownFiles is how many are named when the program is not among them.
const shownFiles = 5

// kind is what an entry is, for people.
type kind string

const (
	file      kind = "file"
	directory kind = "directory"
)

// entry is what an archive of either format says of one of its members.
type entry struct {
	name string
	kind kind
	mode uint32 // as in chmod(2)
}

// contents is the list of an archive, written as it is read.
type contents struct {
	program string
	limit   int
	entries int
	keys    map[string]bool // names as they would be on a file system that knows no upper case
	files   []string        // the first few, for people
	found   string          // the program's name, empty until it was there
}

// add says whether the entry is the program.
func (c *contents) add(e entry) (program bool, err error) {
	c.entries++
	if c.entries > c.limit {
		return false, refuse(CheckEntries, "it has more than %d entries, the most that is allowed", c.limit)
	}
	if err := checkName(e); err != nil {
		return false, err
	}
	if e.kind != file && e.kind != directory {
		return false, refuse(CheckType, "%s is a %s: only files and directories belong in a package", quote(e.name), e.kind)
	}
	const setID = 0o6000 // set-user-ID and set-group-ID, inode(7)
	if e.mode&setID != 0 {
		return false, refuse(CheckMode, "%s has a set-user-ID or set-group-ID bit: pack it without", quote(e.name))
	}
	key := strings.ToLower(strings.ToUpper(path.Clean(e.name))) // some letters have two lower cases
	if c.keys[key] {
		return false, refuse(CheckDuplicate, "%s is there twice, upper and lower case taken for the same", quote(e.name))
	}
	c.keys[key] = true
	if e.kind != file {
		return false, nil
	}
	return c.note(e.name)
}

// note remembers a file, and says whether it is the program.
func (c *contents) note(name string) (program bool, err error) {
	switch {
	case path.Base(name) != c.program:
		if len(c.files) < shownFiles {
			c.files = append(c.files, name)
		}
		return false, nil
	case c.found != "":
		return false, refuse(CheckAmbiguous, "there are two programs of that name in it, %s and %s", quote(c.found), quote(name))
	}
	c.found = name
	return true, nil
}

// verdict is asked at the end, for the program's name.
func (c *contents) verdict() (string, error) {
	if c.found != "" {
		return c.found, nil
	}
	if len(c.files) == 0 {
		return "", refuse(CheckMissing, "there is no %s in it, nor any other file", quote(c.program))
	}
	var names []string
	for _, name := range c.files {
		names = append(names, quote(name))
	}
	if len(names) == shownFiles {
		names = append(names, "...")
	}
	return "", refuse(CheckMissing, "there is no %s among its files (%s): the name to look for is agent.package.agent_binary",
		quote(c.program), strings.Join(names, ", "))
}

// checkName refuses names that lead out of a directory on some system, or that look like another.
func checkName(e entry) error {
	why := ""
	switch {
	case e.name == "":
		why = "is empty"
	case len(e.name) > nameBytes:
		why = "is too long"
	case !utf8.ValidString(e.name), strings.ContainsFunc(e.name, func(r rune) bool { return !unicode.IsPrint(r) }):
		why = "has characters that cannot be printed"
	case strings.Contains(e.name, `\`):
		why = "has a backslash"
	case strings.HasPrefix(e.name, "/"):
		why = "is absolute"
	case strings.Contains("/"+e.name+"/", "/../"):
		why = "leads out of the archive"
	case e.kind != directory && (strings.HasSuffix(e.name, "/") || path.Base(e.name) == "."):
		why = "is that of a directory"
	}
	if why == "" {
		return nil
	}
	return refuse(CheckName, "the name %s %s: pack it again, with plain names", quote(e.name), why)
}
