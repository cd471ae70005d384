package agent

import (
	"context"
	"time"
)

// End stops the Collector that no later life could take over. It returns when the
// Collector is gone, or when ctx ends.
func (h *Heir) End(ctx context.Context, grace time.Duration) error {
	return h.child.Stop(ctx, grace)
}
