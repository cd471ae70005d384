package archive

import (
	"bytes"
	"fmt"
)

// headBytes is as far as formats are told by: the magic of tar is at 257.
const headBytes = 512

// signature is how the files of one kind begin.
type signature struct {
	offset int
	magic  string
	format Format // empty: none of ours
	name   string // what it is, for people
}

func signatures() []signature {
	return []signature{
		{magic: "\x1f\x8b", format: TarGzip},
		{magic: "\x28\xb5\x2f\xfd", format: TarZstd},
		{magic: "PK\x03\x04", format: Zip},
		{magic: "PK\x05\x06", format: Zip}, // one without entries
		{magic: "\x7fELF", format: Raw},
		{magic: "\xcf\xfa\xed\xfe", format: Raw}, // Mach-O, 64 bits, little endian
		{magic: "\xca\xfe\xba\xbe", name: "a Mach-O program for several architectures"},
		{magic: "\xfd7zXZ\x00", name: "compressed by xz"},
		{magic: "BZh", name: "compressed by bzip2"},
		{magic: "7z\xbc\xaf\x27\x1c", name: "a 7z archive"},
		{magic: "\xed\xab\xee\xdb", name: "an RPM package"},
		{magic: "!<arch>\n", name: "a Debian package or a static library"},
		{magic: "MZ", name: "a program for Windows"},
		{magic: "#!", name: "a script"},
		{magic: "<", name: "a page of HTML or XML, such as an error of a proxy"},
		{magic: "{", name: "JSON"},
		{offset: 257, magic: "ustar", name: "a tar without compression"},
	}
}

// sniff tells the format by the first bytes of a file.
func sniff(head []byte) (Format, error) {
	const ours = "a package is a program, a .tar.gz, a .tar.zst or a .zip"
	if len(head) == 0 {
		return "", refuse(CheckFormat, "it is empty; %s", ours)
	}
	seen := fmt.Sprintf("begins with % x", head[:min(8, len(head))])
	for _, s := range signatures() {
		switch {
		case len(head) < s.offset || !bytes.HasPrefix(head[s.offset:], []byte(s.magic)):
		case s.format != "":
			return s.format, nil
		default:
			return "", refuse(CheckFormat, "it is %s (it %s); %s", s.name, seen, ours)
		}
	}
	return "", refuse(CheckFormat, "unknown format, it %s; %s", seen, ours)
}
