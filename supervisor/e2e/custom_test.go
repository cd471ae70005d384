//go:build linux

package e2e

import (
	"flag"
	"fmt"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/open-telemetry/opamp-go/protobufs"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
	"google.golang.org/protobuf/proto"

	"opampd/supervisor/internal/testkit"
)

// The lean Collector has no component that speaks through the opamp extension, so the
// custom messages of these tests come from a stand-in: the test binary itself.

// relayed is the custom capability of the stand-in.
const relayed = "io.example.relay/1"

// standIn is the path of a Collector that says its custom messages.
func standIn(tb testing.TB) string {
	tb.Helper()
	programs(tb)
	self, err := os.Executable()
	require.NoError(tb, err)
	path := tb.TempDir() + "/stand-in"
	script := fmt.Sprintf("#!/bin/sh\nOPAMPD_E2E_STAND_IN=1 exec %s -test.run='^TestStandIn$' -- \"$@\"\n", self)
	require.NoError(tb, os.WriteFile(path, []byte(script), 0o700))
	return path
}

// TestStandIn is no test but the stand-in, when run as one.
func TestStandIn(t *testing.T) {
	if os.Getenv("OPAMPD_E2E_STAND_IN") == "" {
		t.Skip("run by other tests")
	}
	switch args := flag.Args(); args[0] {
	case "components":
		fmt.Println("buildinfo: {command: stand-in, version: 1.2.3}\nextensions: [{name: opamp}]")
	case "--config":
		act(args[1])
	}
	os.Exit(0)
}

// script is the part of the configuration that the stand-in needs.
type script struct {
	Extensions struct {
		OpAMP struct {
			Server struct {
				WS struct {
					Endpoint string `yaml:"endpoint"`
				} `yaml:"ws"`
			} `yaml:"server"`
			Description struct {
				NonIdentifying map[string]string `yaml:"non_identifying_attributes"`
			} `yaml:"agent_description"`
		} `yaml:"opamp"`
	} `yaml:"extensions"`
}

// act speaks as the opamp extension does, until SIGTERM: it returns each custom message
// to its sender, and tells which custom capabilities it was told of.
func act(path string) {
	go func() {
		stop := make(chan os.Signal, 1)
		signal.Notify(stop, syscall.SIGTERM)
		<-stop
		os.Exit(0)
	}()
	text, err := os.ReadFile(path)
	var s script
	if err == nil {
		err = yaml.Unmarshal(text, &s)
	}
	failsWith(err)
	header := http.Header{"Authorization": {"Bearer " + os.Getenv("OPAMPD_LINK_TOKEN")}}
	ws, _, err := websocket.DefaultDialer.Dial(s.Extensions.OpAMP.Server.WS.Endpoint, header) //nolint:bodyclose // the library closes it
	failsWith(err)
	first := &protobufs.AgentToServer{
		AgentDescription:   &protobufs.AgentDescription{},
		Health:             &protobufs.ComponentHealth{Healthy: true, Status: "StatusOK"},
		CustomCapabilities: &protobufs.CustomCapabilities{Capabilities: []string{relayed}},
	}
	for key, value := range s.Extensions.OpAMP.Description.NonIdentifying {
		first.AgentDescription.NonIdentifyingAttributes = append(first.AgentDescription.NonIdentifyingAttributes, &protobufs.KeyValue{
			Key: key, Value: &protobufs.AnyValue{Value: &protobufs.AnyValue_StringValue{StringValue: value}},
		})
	}
	say(ws, first)
	for {
		_, frame, err := ws.ReadMessage()
		failsWith(err)
		heard := &protobufs.ServerToAgent{}
		failsWith(proto.Unmarshal(frame[1:], heard))
		if c := heard.GetCustomMessage(); c.GetType() == "ail" {
			say(ws, &protobufs.AgentToServer{Health: ailing()})
		} else if c != nil {
			say(ws, &protobufs.AgentToServer{CustomMessage: &protobufs.CustomMessage{Capability: c.GetCapability(), Type: "echo " + c.GetType(), Data: c.GetData()}})
		}
		if c := heard.GetCustomCapabilities(); c != nil {
			say(ws, &protobufs.AgentToServer{CustomMessage: &protobufs.CustomMessage{
				Capability: relayed, Type: "told", Data: []byte(strings.Join(c.GetCapabilities(), ",")),
			}})
		}
	}
}

// ailing is the health of a Collector with one bad exporter.
func ailing() *protobufs.ComponentHealth {
	const status = "StatusRecoverableError"
	exporter := &protobufs.ComponentHealth{Status: status, LastError: "connection refused"}
	pipeline := &protobufs.ComponentHealth{Status: status, ComponentHealthMap: map[string]*protobufs.ComponentHealth{
		"exporter:otlp": exporter, "receiver:otlp": {Healthy: true, Status: "StatusOK"},
	}}
	return &protobufs.ComponentHealth{Status: status, ComponentHealthMap: map[string]*protobufs.ComponentHealth{"pipeline:logs": pipeline}}
}

func say(ws *websocket.Conn, m *protobufs.AgentToServer) {
	frame, err := proto.MarshalOptions{}.MarshalAppend([]byte{0}, m)
	failsWith(err)
	failsWith(ws.WriteMessage(websocket.BinaryMessage, frame))
}

func failsWith(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "Error:", err)
		os.Exit(1)
	}
}

// relaying starts an agent around the stand-in.
func relaying(t *testing.T, tr testkit.Transport) (*testkit.Server, *daemon) {
	t.Helper()
	executable := standIn(t)
	server := polled(testkit.NewServer(t))
	d := run(t, settings{endpoint: endpoint(server, tr), executable: executable})
	server.WaitFor(t, "custom capabilities", patience, func(m *protobufs.AgentToServer) bool {
		return assert.ObjectsAreEqual([]string{relayed}, m.GetCustomCapabilities().GetCapabilities())
	})
	server.WaitHealthy(t, true)
	return server, d
}

func TestCustomMessagesGoBothWays(t *testing.T) {
	t.Parallel()
	overBoth(t, func(t *testing.T, tr testkit.Transport) {
		server, d := relaying(t, tr)
		data := "any bytes \x00\xff, and a secret"
		server.SendCustom(relayed, "ping", []byte(data))
		server.WaitFor(t, "the echo", patience, func(m *protobufs.AgentToServer) bool {
			c := m.GetCustomMessage()
			return c.GetCapability() == relayed && c.GetType() == "echo ping" && string(c.GetData()) == data
		})
		assert.NotContains(t, d.log(), "and a secret")
		assert.Equal(t, 0, d.stop())
	})
}

func TestABurstOfCustomMessagesKeepsItsOrder(t *testing.T) {
	t.Parallel()
	server, _ := relaying(t, testkit.WebSocket)
	const burst = 20
	for i := range burst {
		server.SendCustom(relayed, fmt.Sprint(i), nil)
	}
	next := 0
	server.WaitFor(t, "all of them", patience, func(m *protobufs.AgentToServer) bool {
		if c := m.GetCustomMessage(); c != nil && assert.Equal(t, fmt.Sprint("echo ", next), c.GetType()) {
			next++
		}
		return next == burst
	})
}

func TestTheCollectorIsToldOfTheServersCustomCapabilities(t *testing.T) {
	t.Parallel()
	overBoth(t, func(t *testing.T, tr testkit.Transport) {
		server, _ := relaying(t, tr)
		server.OfferRaw(&protobufs.ServerToAgent{CustomCapabilities: &protobufs.CustomCapabilities{Capabilities: []string{relayed, "io.example.other"}}})
		server.WaitFor(t, "what it was told", patience, func(m *protobufs.AgentToServer) bool {
			return m.GetCustomMessage().GetType() == "told" && string(m.GetCustomMessage().GetData()) == relayed+",io.example.other"
		})
	})
}

func TestACustomMessageForACollectorThatIsAwayHoldsNothingUp(t *testing.T) {
	t.Parallel()
	server, d := relaying(t, testkit.WebSocket)
	began := time.Now()
	kill(t, d.collector(), syscall.SIGKILL)
	for range 100 {
		server.SendCustom(relayed, "lost or not", nil)
	}
	server.WaitFor(t, "a new start time", patience, func(m *protobufs.AgentToServer) bool {
		return m.GetHealth().GetHealthy() && time.Unix(0, int64(m.GetHealth().GetStartTimeUnixNano())).After(began)
	})
	server.SendCustom(relayed, "alive", nil)
	server.WaitFor(t, "the echo", patience, func(m *protobufs.AgentToServer) bool { return m.GetCustomMessage().GetType() == "echo alive" })
}

// TestABadExporterShowsInItsNode: no exporter of the lean Collector reports its state
// at run time, so the stand-in does.
func TestABadExporterShowsInItsNode(t *testing.T) {
	t.Parallel()
	overBoth(t, func(t *testing.T, tr testkit.Transport) {
		server, d := relaying(t, tr)
		pid := d.collector()
		server.Mark()
		server.SendCustom(relayed, "ail", nil)
		health := server.WaitHealthy(t, false)
		assert.NotEmpty(t, health.GetLastError(), "S-079")
		assert.NotZero(t, health.GetStartTimeUnixNano(), "it runs")
		nodes := health.GetComponentHealthMap()["pipeline:logs"].GetComponentHealthMap()
		assert.Equal(t, "connection refused", nodes["exporter:otlp"].GetLastError())
		assert.True(t, nodes["receiver:otlp"].GetHealthy())
		assert.Equal(t, pid, d.collector(), "an exporter in trouble is no reason to restart")
	})
}
