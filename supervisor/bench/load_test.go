package main

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
)

// history is a traffic of requests that take 1 ms, sent each 10 ms from 0; the named ones failed, as refused.
func history(n int, failed ...int) traffic {
	samples := make([]sample, n)
	for i := range samples {
		sent := int64(i) * int64(10*time.Millisecond)
		samples[i] = sample{sent: sent, done: sent + int64(time.Millisecond), ok: true}
	}
	for _, i := range failed {
		samples[i].ok = false
	}
	return newTraffic(time.Unix(1000, 0), 7, samples)
}

func after(ms int) time.Time { return time.Unix(1000, 0).Add(time.Duration(ms) * time.Millisecond) }

func TestOutageLastsFromAnswerToAnswer(t *testing.T) {
	t.Parallel()
	got := history(10, 4, 5).outage(after(0), after(100))
	assert.Equal(t, outage{failed: 2, length: 30 * time.Millisecond, until: after(61), repaired: true}, got)
}

func TestNoFailureIsNoOutage(t *testing.T) {
	t.Parallel()
	assert.Equal(t, outage{repaired: true}, history(10).outage(after(0), after(100)))
}

func TestLongestOutageOfAPeriodCounts(t *testing.T) {
	t.Parallel()
	got := history(20, 2, 5, 6, 7, 12).outage(after(0), after(200))
	assert.Equal(t, outage{failed: 5, length: 40 * time.Millisecond, until: after(81), repaired: true}, got)
}

func TestFailuresOutsideThePeriodDoNotCount(t *testing.T) {
	t.Parallel()
	got := history(20, 2, 15).outage(after(50), after(150))
	assert.Equal(t, outage{repaired: true}, got)
}

func TestOutageWithoutAnEndIsNotRepaired(t *testing.T) {
	t.Parallel()
	got := history(10, 7, 8, 9).outage(after(0), after(100))
	assert.False(t, got.repaired)
	assert.Positive(t, got.failed)
	assert.Equal(t, 39*time.Millisecond, got.length, "to the end of the period")
}

func TestRequestThatWasCutOffBelongsToTheOutageAtItsEnd(t *testing.T) {
	t.Parallel()
	ms := int64(time.Millisecond)
	got := newTraffic(after(0), 0, []sample{
		{sent: 0, done: 9 * ms}, // was in flight when the Collector went
		{sent: 2 * ms, done: 3 * ms, ok: true},
		{sent: 40 * ms, done: 41 * ms, ok: true},
	}).outage(after(0), after(50))
	assert.Equal(t, 38*time.Millisecond, got.length)
}

func TestRequestThatTheNextEventCutOffBelongsToThat(t *testing.T) {
	t.Parallel()
	got := history(10, 4).outage(after(0), after(41))
	assert.Equal(t, outage{repaired: true}, got, "it was sent at 40 and failed at 41")
}

func TestAcceptedSpansAreKnownByTheirNumbers(t *testing.T) {
	t.Parallel()
	assert.Equal(t, []uint64{7, 9}, history(3, 1).accepted)
}

func TestFirstAnswer(t *testing.T) {
	t.Parallel()
	first, ok := history(5, 0, 1).firstAnswer()
	assert.True(t, ok)
	assert.Equal(t, after(21), first)
	_, ok = history(2, 0, 1).firstAnswer()
	assert.False(t, ok)
}

// stuck is a sender whose requests take half a second; every second one fails.
type stuck struct{}

func (stuck) send(ctx context.Context, id uint64) error {
	pause(ctx, 500*time.Millisecond)
	if id%2 == 1 {
		return errors.New("refused")
	}
	return nil
}

func (stuck) close() {}

func TestLoadSendsOnTimeWhateverTheAnswers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		load := startLoad(t.Context(), stuck{}, 0)
		pause(t.Context(), time.Second-time.Millisecond)
		traffic := load.end()
		assert.Equal(t, rate, load.sent)
		assert.Len(t, traffic.failed, rate/2)
		assert.Len(t, traffic.answered, rate/2, "those in flight at the end are waited for")
		for i, request := range load.samples[:load.sent] {
			assert.Equal(t, due(i), time.Duration(request.sent))
		}
	})
}
