package agent

import (
	"fmt"
	"net"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func otlpOn(address string) []byte {
	return fmt.Appendf(nil, "receivers: {otlp/x: {protocols: {http: {endpoint: %q}}}, redis: {endpoint: %q}}\n"+
		"service: {pipelines: {logs: {receivers: [otlp/x, redis]}}}", address, address)
}

func TestAPortOfAnotherProgramIsSeenBeforeTheCollectorIsTouched(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = l.Close() })
	err = occupied(t.Context(), otlpOn(l.Addr().String()), nil)
	require.ErrorContains(t, err, "receivers::otlp/x::protocols::http::endpoint")
	assert.ErrorContains(t, err, "address already in use")
}

func TestThePortsOfTheRunningConfigurationAreItsOwn(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = l.Close() })
	_, port, err := net.SplitHostPort(l.Addr().String())
	require.NoError(t, err)
	for _, current := range []string{
		string(otlpOn("0.0.0.0:" + port)),
		"receivers: {fluentforward: {endpoint: 'x:" + port + "'}}",
		"exporters: {prometheus: {endpoint: '${env:POD_IP}:" + port + "'}}",
		"receivers: {other: {port: " + port + "}}",
		"receivers: {otlp: {protocols: {http: {endpoint: '${env:ANYTHING}'}}}}",
	} {
		assert.NoError(t, occupied(t.Context(), otlpOn(l.Addr().String()), []byte(current)), current)
	}
}

func TestAddressesThatAreCalledOrNotKnownAreLeftAlone(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = l.Close() })
	for _, config := range []string{
		fmt.Sprintf("receivers: {redis: {endpoint: %q}}\nservice: {pipelines: {logs: {receivers: [redis]}}}", l.Addr()),
		fmt.Sprintf("receivers: {otlp: {protocols: {http: {endpoint: %q}}}}\nservice: {pipelines: {logs: {receivers: []}}}", l.Addr()),
		"receivers: {otlp: {protocols: {http: {endpoint: '${env:ADDRESS}'}}}}",
		"receivers: {otlp: {protocols: {http: {endpoint: 'collector.example.com:4318'}, grpc: null}}}",
		"receivers: [", "", "receivers: {otlp: null}",
	} {
		assert.NoError(t, occupied(t.Context(), []byte(config), nil), config)
	}
}
