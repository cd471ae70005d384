package core_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"opampd/supervisor/internal/core"
)

func TestEveryEnumValueHasItsOwnName(t *testing.T) {
	t.Parallel()
	for last, of := range map[fmt.Stringer]func(int) fmt.Stringer{
		core.PackageFailed:  func(i int) fmt.Stringer { return core.PackageCode(i) },
		core.TrialReverting: func(i int) fmt.Stringer { return core.TrialStage(i) },
		core.FetchReady:     func(i int) fmt.Stringer { return core.FetchStage(i) },
		core.PhaseStopping:  func(i int) fmt.Stringer { return core.Phase(i) },
		core.StageProving:   func(i int) fmt.Stringer { return core.Stage(i) },
		core.LevelNoop:      func(i int) fmt.Stringer { return core.Level(i) },
		core.StatusFailed:   func(i int) fmt.Stringer { return core.StatusCode(i) },
		core.KindSuperseded: func(i int) fmt.Stringer { return core.Kind(i) },
		core.TargetNoop:     func(i int) fmt.Stringer { return core.TargetKind(i) },
		core.TimerGap:       func(i int) fmt.Stringer { return core.Timer(i) },
	} {
		seen := map[string]bool{}
		for i := 0; of(i).String() != "unknown"; i++ {
			require.False(t, seen[of(i).String()], "%T %d", last, i)
			seen[of(i).String()] = true
			if of(i) == last {
				last = nil
			}
		}
		require.Nil(t, last, "has no name")
		require.Equal(t, "unknown", of(-1).String())
	}
}
