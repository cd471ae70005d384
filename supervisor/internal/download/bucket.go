package download

import (
	"context"
	"time"
)

// bucket limits bytes per second. What was read is paid for before the next is read, so that the burst is one chunk.
type bucket struct {
	rate int64     // 0 is no limit
	free time.Time // when all is paid
}

func newBucket(rate int64) *bucket { return &bucket{rate: rate} }

// most is the largest chunk to read at once: a tenth of a second's worth, so that the pace is even, but not byte by byte.
func (b *bucket) most(chunk int) int {
	if b.rate == 0 {
		return chunk
	}
	return int(min(int64(chunk), max(b.rate/10, 512)))
}

// spend waits until n bytes are paid. It returns the cause when ctx is done first.
func (b *bucket) spend(ctx context.Context, n int64) error {
	if b.rate == 0 {
		return nil
	}
	now := time.Now()
	if b.free.Before(now) {
		b.free = now
	}
	b.free = b.free.Add(time.Duration(float64(n) / float64(b.rate) * float64(time.Second)))
	return pause(ctx, b.free.Sub(now))
}
