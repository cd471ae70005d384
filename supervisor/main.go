// Command opampd supervises one OpenTelemetry Collector and lets an OpAMP server
// manage it.
package main

import (
	"context"
	"fmt"
	"os"
)

// version is set by the linker.
var version = "devel"

func main() {
	err := command().ExecuteContext(context.Background())
	if err != nil {
		fmt.Fprintln(os.Stderr, "opampd: "+err.Error())
	}
	os.Exit(int(codeOf(err)))
}
