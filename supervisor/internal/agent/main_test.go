//go:build linux

package agent

import (
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"testing"
	"time"
)

// fakeEnv makes the test binary a Collector of the kind that it names.
const fakeEnv = "AGENT_TEST_COLLECTOR"

// callsEnv names the file in which a fake Collector notes how it was called.
const callsEnv = "AGENT_TEST_CALLS"

func TestMain(m *testing.M) {
	if kind := os.Getenv(fakeEnv); kind != "" {
		syscall.Exit(beCollector(kind, os.Args[1:])) // not os.Exit, which prints a warning when coverage is measured
	}
	os.Exit(m.Run())
}

const components = `buildinfo:
    command: otelcol-fake
    description: a Collector
    version: 1.2.3
extensions:
    - name: %s
      module: example
`

// beCollector behaves like a Collector in what opampd needs of one.
func beCollector(kind string, args []string) int {
	note(strings.Join(args, " "))
	switch args[0] {
	case "components":
		return beAsked(kind)
	case "featuregate":
		return beGates(kind)
	case "validate":
		return beJudge(kind)
	case "--version":
		return beNamed(kind)
	default:
		return beRunning(kind)
	}
}

func note(call string) {
	path := os.Getenv(callsEnv)
	if path == "" {
		return
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return
	}
	defer f.Close() //nolint:errcheck // a note for the test
	fmt.Fprintln(f, call)
}

func beAsked(kind string) int {
	switch kind {
	case "plain":
		fmt.Printf(components, "zpages")
	case "stranger":
		fmt.Println("usage: ls [-l] [file]")
	case "broken":
		fmt.Fprintln(os.Stderr, "Error: cannot initialise the random generator")
		return 3
	case "mute":
		return forever()
	default:
		fmt.Printf(components, "opamp")
	}
	return 0
}

func beGates(kind string) int {
	switch kind {
	case "old":
		fmt.Fprintln(os.Stderr, `Error: unknown command "featuregate" for "otelcol-fake"`)
		return 1
	case "shot":
		return die()
	}
	fmt.Println(noPipelines + "  true  Alpha")
	return 0
}

func beNamed(kind string) int {
	if kind == "nameless" {
		fmt.Fprintln(os.Stderr, "Error: no such flag")
		return 2
	}
	fmt.Println("otelcol-fake version 1.2.3")
	return 0
}

func beJudge(kind string) int {
	switch kind {
	case "picky": // takes only what runs today
		for _, arg := range os.Args[2:] {
			if text, err := os.ReadFile(arg); err == nil && strings.Contains(string(text), "old/fashioned") {
				fmt.Fprintln(os.Stderr, "Error: 'exporters' unknown type: \"old\"")
				return 1
			}
		}
	case "strict":
		fmt.Fprintln(os.Stderr, "Error: invalid configuration: failed to get config: cannot unmarshal the configuration: decoding failed due to the following error(s):\n\n'receivers' unknown type: \"nonsense\"")
		return 1
	case "hanging":
		return forever()
	case "killed":
		return die()
	}
	return 0
}

func beRunning(kind string) int {
	if kind == "crashing" {
		fmt.Fprintln(os.Stderr, "Error: cannot start pipelines: listen tcp 127.0.0.1:4317: bind: address already in use")
		return 1
	}
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, syscall.SIGHUP, syscall.SIGTERM)
	fmt.Println("token", os.Getenv(TokenVariable))
	fmt.Println("ready")
	giveUp := time.After(2 * time.Minute) // should the test forget us
	for {
		select {
		case s := <-signals:
			if s == syscall.SIGTERM && kind != "stubborn" {
				return 0
			}
			fmt.Println("got", s)
		case <-giveUp:
			return 99
		}
	}
}

func forever() int {
	<-time.After(2 * time.Minute)
	return 99
}

func die() int {
	_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
	return forever()
}
