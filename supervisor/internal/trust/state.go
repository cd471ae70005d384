package trust

import (
	"fmt"
	"time"
)

// State is what a host remembers of what was signed, so that nothing older can be played
// to it again. The zero value is a host that has seen nothing. It can be compared with ==
// and kept as JSON; whoever keeps it must have it on disk before anything is installed.
type State struct {
	KeyList    string    `json:"key_list,omitempty"`   // the newest accepted list, as it came
	Number     int64     `json:"number,omitempty"`     // of that list
	Floor      int64     `json:"floor,omitempty"`      // highest floor of what was installed
	SignedTime time.Time `json:"signed_time,omitzero"` // newest time that something signed gives evidence of, UTC
}

// Installed returns the state after a release that Verify let pass was installed and kept,
// which raises the floor to the one it asks for. Not before: a release that fails must be
// able to make way for the one before it.
func (s State) Installed(v Verified) State {
	if v.Statement != nil {
		s.Floor = max(s.Floor, v.Statement.Floor)
	}
	return s
}

func (s State) seen(t time.Time) State {
	if t.After(s.SignedTime) {
		s.SignedTime = t.UTC().Round(0)
	}
	return s
}

// lists settles which key list is in force, given the one of the state, the one of the
// local file and the one that came along with an offer (nil for none), and returns the
// state with it. The number never goes back. Without any list, nil is returned.
//
// The list of the state was believed when it was put there. When root keys were replaced
// since, its keys count no more, but what it revokes stays revoked.
func (t *Trust) lists(s State, offered []byte) (*signedList, State, error) {
	var current *signedList
	if s.KeyList != "" {
		kept, err := openKeyList([]byte(s.KeyList), t.roots, t.policy.RootThreshold)
		if err != nil {
			return nil, s, refuse(checkKeyList, "the key list kept from an earlier offer cannot be read: %v; remove it from the storage directory", err)
		}
		current = kept
	}
	if t.list != nil && (current == nil || t.list.Number >= s.Number) {
		next, err := newer(current, t.list, s)
		if err != nil {
			return current, s, err
		}
		current, s = next, s.with(next)
	}
	if offered == nil || len(t.roots) == 0 { // without a root key there is nobody to believe it
		return current, s, nil
	}
	brought, err := t.believe(offered)
	if err != nil {
		return current, s, refuse(checkKeyList, "the key list that came with the signature is not accepted: %v", err)
	}
	next, err := newer(current, brought, s)
	if err != nil {
		return current, s, err
	}
	return next, s.with(next), nil
}

// believe opens a list that root keys must have signed.
func (t *Trust) believe(data []byte) (*signedList, error) {
	l, err := openKeyList(data, t.roots, t.policy.RootThreshold)
	if err == nil && !l.believed {
		err = fmt.Errorf("fewer than %d of the root keys signed it", t.policy.RootThreshold)
	}
	if err != nil {
		return nil, err
	}
	return l, nil
}

// newer returns which of a list and the next one is in force.
func newer(current, next *signedList, s State) (*signedList, error) {
	switch {
	case next.Number < s.Number:
		return nil, refuse(checkKeyListNumber, "key list %d is older than list %d, which was seen before: send the newest list along", next.Number, s.Number)
	case current == nil || next.Number > current.Number:
		return next, nil
	case !next.same(current):
		return nil, refuse(checkKeyListNumber, "there are two different key lists of number %d: give each list a number of its own, and find out who signed them", next.Number)
	case current.believed:
		return current, nil
	default: // signed anew, by the root keys of today
		return next, nil
	}
}

func (s State) with(l *signedList) State {
	s.KeyList, s.Number = string(l.envelope), max(s.Number, l.Number)
	return s.seen(l.Issued)
}
