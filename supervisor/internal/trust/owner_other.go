//go:build !unix

package trust

import (
	"io/fs"
	"os"
)

const openFlags = os.O_RDONLY

func ownerOf(fs.FileInfo) (uid int, known bool) { return 0, false }
