package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/gorilla/websocket"
)

// revolvingDoor is an OpAMP server that accepts every connection and closes it.
type revolvingDoor struct {
	http     *http.Server
	address  string
	tcp, web atomic.Int64 // how many; counters that are only reported
}

func newRevolvingDoor() (*revolvingDoor, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("start the server that closes: %w", err)
	}
	d := &revolvingDoor{address: listener.Addr().String()}
	d.http = &http.Server{
		Handler: http.HandlerFunc(d.turn),
		ConnState: func(_ net.Conn, state http.ConnState) {
			if state == http.StateNew {
				d.tcp.Add(1)
			}
		},
	}
	go func() { _ = d.http.Serve(listener) }() // until close
	return d, nil
}

func (d *revolvingDoor) turn(w http.ResponseWriter, r *http.Request) {
	conn, err := new(websocket.Upgrader).Upgrade(w, r, nil)
	if err != nil {
		return
	}
	d.web.Add(1)
	_ = conn.Close()
}

// measureConnects counts for 10 s from the first connection.
func measureConnects(ctx context.Context, b *bench) ([]row, error) {
	const limit, period = 15, 10 * time.Second
	door, err := newRevolvingDoor()
	if err != nil {
		return nil, err
	}
	defer door.http.Close() //nolint:errcheck // nothing is pending
	s, err := b.site()
	if err != nil {
		return nil, err
	}
	defer s.close()
	if err := s.configure(local{server: door.address, executable: s.collector}); err != nil {
		return nil, err
	}
	if err := s.start(); err != nil {
		return nil, err
	}
	for deadline := time.Now().Add(patience); door.tcp.Load() == 0; {
		if !pause(ctx, 10*time.Millisecond) || time.Now().After(deadline) {
			return nil, fmt.Errorf("opampd did not connect within %s", patience)
		}
	}
	pause(ctx, period)
	tcp, web := door.tcp.Load(), door.web.Load()
	return []row{{
		what: "connects in 10 s to a server that accepts and closes", reference: "19,279", budget: "≤ 15",
		measured: fmt.Sprintf("%d (%d WebSockets)", tcp, web), verdict: judge(tcp <= limit),
	}}, nil
}
