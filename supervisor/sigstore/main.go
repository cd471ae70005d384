// Command opampd-sigstore says whether a Sigstore bundle signs an artefact, from local files alone.
//
// opampd starts it once for each signature of that kind. It is a program of its own so that what it drags in (some 70
// modules that parse what a stranger sent) is neither in the daemon's memory nor in a process that lives on.
package main

import (
	"os"
)

// version is set by the linker.
var version = "devel"

func main() {
	stdout, stderr := os.Stdout, os.Stderr
	// Libraries write remarks to these; the caller reads an answer from one and a reason from the other.
	os.Stdout, os.Stderr = nil, nil
	isolate()
	os.Exit(int(run(os.Args[1:], stdout, stderr))) //nolint:forbidigo // only main exits, and this is main
}
