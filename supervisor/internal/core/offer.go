package core

import "time"

const (
	// retryDelay is the first pause before a configuration that failed is tried again
	// when offered again; it doubles up to retryMax, so that a server which offers
	// without looking at the answer cannot keep a Collector restarting.
	retryDelay = 30 * time.Second
	retryMax   = time.Hour
)

func (m *machine) offered(ev ConfigOffered) {
	if !m.Settings.AcceptsConfig || m.Closing {
		return
	}
	if ev.Problem != "" {
		m.unstorable(ev)
		return
	}
	if ev.Offer == m.Offered {
		m.offeredAgain()
		return
	}
	m.supersede()
	if m.Applied.Known() && m.Applied != ev.Offer {
		m.Rollout.Last = targetOf(m.Applied) // also when this life has not seen it work yet
	}
	m.Offered, m.Tries = ev.Offer, 0
	m.Status = Status{Hash: ev.Offer.Hash}
	m.Rollout.Tried = Wish{} // it may be what runs now, and still needs an attempt of its own
	m.Rollout.Level, m.Rollout.Retries, m.Rollout.Cooling, m.Rollout.Again = LevelOffered, 0, false, false
	m.Rollout.Waiting, m.Rollout.Stumbles, m.Rollout.Declined = false, 0, Status{}
	m.Rollout.Plain = false
}

// unstorable answers an offer that could not be kept. It does not become the
// offered configuration: after a crash nobody would know its body. The one that is
// in force already was stored when it came.
func (m *machine) unstorable(ev ConfigOffered) {
	if m.Offered.Known() && ev.Offer.Hash == m.Offered.Hash {
		m.offeredAgain()
		return
	}
	status := Status{Hash: ev.Offer.Hash, Code: StatusFailed, Message: ev.Problem}
	if status == m.Rollout.Declined {
		return
	}
	m.Rollout.Declined = status
	m.emit(ReportStatus{status})
}

// offeredAgain answers an offer that is known. It was reported already, so
// nothing is said (S-063, S-122), unless the server last heard of one that could
// not be stored; a failed one is tried again, but not sooner than the growing
// delay allows, however often it is offered.
func (m *machine) offeredAgain() {
	if m.Rollout.Declined != (Status{}) && m.Status.Code != StatusUnset {
		m.report(m.Status.Code, m.Status.Message)
	}
	switch {
	case m.Status.Code != StatusFailed:
	case m.Rollout.Cooling:
		m.Rollout.Again = true
	default:
		m.tryAgain()
	}
}

func (m *machine) tryAgain() {
	m.Rollout.Again, m.Rollout.Plain = false, false
	m.Rollout.Level, m.Rollout.Tried = LevelOffered, Wish{}
	m.Status = Status{Hash: m.Offered.Hash}
}

func (m *machine) cool() {
	delay := retryDelay
	for range min(m.Rollout.Retries, 8) {
		delay = min(2*delay, retryMax)
	}
	m.Rollout.Cooling, m.Rollout.CoolID = true, m.Rollout.Attempt
	m.Rollout.Retries++
	m.emit(SetTimer{Timer: TimerRetry, ID: m.Rollout.Attempt, After: delay, Jitter: true})
}

func (m *machine) cooled(attempt uint64) {
	if !m.Rollout.Cooling || attempt != m.Rollout.CoolID {
		return
	}
	m.Rollout.Cooling = false
	if m.Rollout.Again && m.Status.Code == StatusFailed {
		m.tryAgain()
	}
}

// supersede gives the offer in flight its final status before a newer one takes over.
func (m *machine) supersede() {
	if !m.inFlight() {
		return
	}
	config := ""
	if m.isOffered() {
		config = m.Rollout.Config
	}
	const reason = "superseded: a newer configuration was offered before this one was in force"
	m.judge(m.Offered, config, KindSuperseded, reason, "")
	m.report(StatusFailed, reason)
}

// inFlight reports whether the server waits for the verdict on the offered configuration.
func (m *machine) inFlight() bool {
	return m.Offered.Known() && (m.Status.Code == StatusUnset || m.Status.Code == StatusApplying)
}
