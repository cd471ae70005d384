package opampclient

import (
	"sync"
	"time"

	"github.com/open-telemetry/opamp-go/protobufs"
	"google.golang.org/protobuf/proto"
)

const (
	maxStatuses  = 64
	maxCustoms   = 64
	maxHeartbeat = 24 * time.Hour
)

// outbox is where callers leave what the loop should say. Its mutex is what lets them return at once: a channel to the
// loop would make them wait for it, or for Run to be called. Nothing is done under it but copying pointers.
type outbox struct {
	wake chan struct{} // of one place: "look again"

	mu        sync.Mutex
	id        identity
	heartbeat time.Duration
	report    Report
	status    *protobufs.RemoteConfigStatus // the last one taken from the queue
	statuses  []*protobufs.RemoteConfigStatus
	customs   []*protobufs.CustomMessage
	live      bool // a connection is up
	mute      bool // whether heartbeats may be turned off
}

// identity is what every message carries.
type identity struct {
	uid, previous [16]byte
	capabilities  uint64
}

// draft is what one message may be made of. more says that further queued items need messages of their own.
type draft struct {
	identity
	Report
	status *protobufs.RemoteConfigStatus
	custom *protobufs.CustomMessage
	more   bool
}

func newOutbox(uid [16]byte, capabilities uint64, heartbeat time.Duration, mute bool) *outbox {
	return &outbox{
		wake:      make(chan struct{}, 1),
		id:        identity{uid: uid, previous: uid, capabilities: known(capabilities)},
		heartbeat: min(heartbeat, maxHeartbeat),
		mute:      mute,
	}
}

// known drops reserved bits (S-301) and adds the one that must be there (S-054).
func known(bits uint64) uint64 {
	var all uint64
	for bit := range protobufs.AgentCapabilities_name {
		all |= uint64(bit) //nolint:gosec // the bits of the enum are not negative
	}
	return bits&all | uint64(protobufs.AgentCapabilities_AgentCapabilities_ReportsStatus)
}

// change runs a short edit and wakes the loop.
func (b *outbox) change(edit func()) {
	b.mu.Lock()
	edit()
	b.mu.Unlock()
	select {
	case b.wake <- struct{}{}:
	default: // it has been woken, and will see this too
	}
}

func (b *outbox) set(r Report) {
	r = Report{
		Description: copied(r.Description), Health: copied(r.Health), EffectiveConfig: copied(r.EffectiveConfig),
		AvailableComponents: copied(r.AvailableComponents), CustomCapabilities: copied(r.CustomCapabilities),
		ConnectionSettingsStatus: copied(r.ConnectionSettingsStatus), PackageStatuses: copied(r.PackageStatuses),
	}
	b.change(func() {
		replace(&b.report.Description, r.Description)
		replace(&b.report.Health, r.Health)
		replace(&b.report.EffectiveConfig, r.EffectiveConfig)
		replace(&b.report.AvailableComponents, r.AvailableComponents)
		replace(&b.report.CustomCapabilities, r.CustomCapabilities)
		replace(&b.report.ConnectionSettingsStatus, r.ConnectionSettingsStatus)
		replace(&b.report.PackageStatuses, r.PackageStatuses)
	})
}

// copied is a clean copy of m, or nil for nil.
func copied[T any, M interface {
	*T
	proto.Message
}](m M) M {
	if m == nil {
		return nil
	}
	return cleaned(m)
}

func replace[T any](wanted **T, given *T) {
	if given != nil {
		*wanted = given
	}
}

func (b *outbox) addStatus(s *protobufs.RemoteConfigStatus) {
	if s == nil {
		return
	}
	s = cleaned(s)
	b.change(func() {
		b.statuses = append(b.statuses, s)
		b.trimStatuses()
	})
}

// trimStatuses keeps what is still worth telling: without a connection only the latest, since the first report of the
// next one has room for one.
func (b *outbox) trimStatuses() {
	room := 1
	if b.live {
		room = maxStatuses
	}
	b.statuses = b.statuses[max(0, len(b.statuses)-room):]
}

func (b *outbox) addCustom(m *protobufs.CustomMessage) (ok bool) {
	if m == nil {
		return false
	}
	m = cleaned(m)
	b.change(func() {
		if ok = len(b.customs) < maxCustoms; ok {
			b.customs = append(b.customs, m)
		}
	})
	return ok
}

func (b *outbox) setUID(uid [16]byte) {
	b.change(func() {
		if uid != [16]byte{} && uid != b.id.uid {
			b.id.uid, b.id.previous = uid, b.id.uid
		}
	})
}

func (b *outbox) setCapabilities(bits uint64) {
	b.change(func() { b.id.capabilities = known(bits) })
}

func (b *outbox) setHeartbeat(d time.Duration) {
	b.change(func() {
		if d > 0 || d == 0 && b.mute {
			b.heartbeat = min(d, maxHeartbeat)
		}
	})
}

func (b *outbox) online() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.live = true
}

func (b *outbox) offline() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.live = false
	b.trimStatuses()
}

func (b *outbox) identity() (id identity, heartbeat time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.id, b.heartbeat
}

// urgent says whether something waits that should not wait for company.
func (b *outbox) urgent() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.statuses)+len(b.customs) > 0
}

// take hands over the state and the first of each queue.
func (b *outbox) take() draft {
	b.mu.Lock()
	defer b.mu.Unlock()
	if s, ok := shift(&b.statuses); ok {
		b.status = s
	}
	custom, _ := shift(&b.customs)
	return draft{
		identity: b.id, Report: b.report, status: b.status, custom: custom,
		more: len(b.statuses)+len(b.customs) > 0,
	}
}

// shift removes the first element.
func shift[T any](queue *[]*T) (first *T, ok bool) {
	if len(*queue) == 0 {
		return nil, false
	}
	first = (*queue)[0]
	*queue = (*queue)[1:]
	return first, true
}
