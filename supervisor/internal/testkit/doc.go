// Package testkit holds what tests of a supervisor need around it: a scripted OpAMP server that can misbehave and checks the
// agent's manners ([Server]), a receiver of OTLP ([OTLPSink]) and a source of it that measures outages ([Load]). It is imported
// by _test files only.
//
// The OpAMP server is written on gorilla/websocket and net/http, not on opamp-go's server, which has no control over frames,
// always adds custom_capabilities and leaves sockets open (reference: opamp-conformance.md section 16).
//
// Nothing here polls: every wait is woken by the event it waits for, and has a deadline.
package testkit
