package core

// name picks the word for an enum value; values from nowhere get a plain one.
func name(i int, names ...string) string {
	if i < 0 || i >= len(names) {
		return "unknown"
	}
	return names[i]
}

func (p Phase) String() string {
	return name(int(p), "down", "arming", "starting", "running", "reloading", "stopping")
}

func (s Stage) String() string { return name(int(s), "idle", "preparing", "proving") }

func (l Level) String() string {
	return name(int(l), "offered", "last", "good", "fallback", "local", "noop")
}

func (c StatusCode) String() string {
	return name(int(c), "UNSET", "APPLIED", "APPLYING", "FAILED")
}

func (k Kind) String() string {
	return name(int(k), "none", "content", "world", "binary", "superseded")
}

func (k TargetKind) String() string {
	return name(int(k), "unset", "none", "offer", "fallback", "local", "noop")
}

func (t Timer) String() string {
	return name(int(t), "apply", "probation", "retry", "prepare", "backoff", "settle", "steady", "unready",
		"package", "select", "watch", "ill", "kill", "gap")
}

func (c PackageCode) String() string {
	return name(int(c), "none", "pending", "downloading", "installing", "installed", "failed")
}

func (s TrialStage) String() string {
	return name(int(s), "none", "switching", "proving", "watching", "reverting")
}

func (s FetchStage) String() string { return name(int(s), "idle", "fetching", "rehearsing", "ready") }
