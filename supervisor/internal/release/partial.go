package release

import (
	"errors"
	"io/fs"
	"path"

	"opampd/supervisor/internal/disk"
)

// Partial is a download on its way, by one goroutine. It survives restarts up to the last Sync.
type Partial struct {
	r        *Releases
	name     string
	progress progress
	file     disk.File // nil until there is something to write to
}

// progress is what is known of a partial file: only so many bytes of it are sure to be what was written, since a crash may
// have left anything behind them.
type progress struct {
	Validator string `json:"validator"`
	Size      int64  `json:"size"`
}

// Partial opens the partial download of the archive sha, or a new one of size 0. To go on, ask for the bytes from Size on, on
// condition of Validator (RFC 9110 section 13.1.5, If-Range), and write them; if all of it comes instead, Restart first.
func (r *Releases) Partial(sha string) (*Partial, error) {
	if err := guard(sha); err != nil {
		return nil, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := r.makeDir(partialDir); err != nil {
		return nil, err
	}
	p := &Partial{r: r, name: path.Join(partialDir, sha)}
	found, err := r.keeper.Load(p.name+".json", &p.progress)
	if err != nil {
		return nil, err
	}
	info, err := r.tree.Lstat(p.name)
	if disk.IgnoreMissing(err) != nil {
		return nil, r.failed("look at", p.name, err)
	}
	if !found || err != nil || !p.believable(info) {
		p.progress = progress{}
		return p, nil
	}
	if p.file, err = r.tree.Resume(p.name, p.Size()); err != nil {
		return nil, r.failed("go on writing", p.name, err)
	}
	return p, nil
}

// believable says that there is a file with what was recorded of it.
func (p *Partial) believable(info fs.FileInfo) bool {
	return p.progress.Size > 0 && info.Mode().IsRegular() && info.Size() >= p.progress.Size
}

// Size is how many bytes there are.
func (p *Partial) Size() int64 { return p.progress.Size }

// Validator is what was given to Restart, such as an ETag; "" if nothing was, or there is nothing to go on from.
func (p *Partial) Validator() string { return p.progress.Validator }

// Restart throws away what there is and begins anew, with the validator of what is going to be written.
func (p *Partial) Restart(validator string) error {
	p.r.mu.Lock()
	defer p.r.mu.Unlock()
	if err := p.closeFile(); err != nil {
		return err
	}
	p.progress = progress{Validator: validator}
	// In this order: until the old bytes are gone, and durably so, nothing may say that they are good under the new validator.
	if err := p.save(); err != nil {
		return err
	}
	f, err := p.r.tree.Create(p.name)
	if err != nil {
		return p.r.failed("create", p.name, err)
	}
	p.file = f
	return p.r.failed("create", p.name, p.r.tree.SyncDir(partialDir))
}

// Write implements io.Writer: it adds to the end. After an error, what Size says is there.
func (p *Partial) Write(b []byte) (int, error) {
	if p.file == nil {
		if err := p.Restart(p.progress.Validator); err != nil {
			return 0, err
		}
	}
	n, err := p.file.Write(b)
	p.progress.Size += int64(n)
	return n, p.r.failed("write", p.name, err)
}

// Sync makes what was written last, so that it need not be downloaded again after a restart or a crash.
func (p *Partial) Sync() error {
	if p.file == nil {
		return nil
	}
	if err := p.file.Sync(); err != nil {
		return p.r.failed("sync", p.name, err)
	}
	p.r.mu.Lock()
	defer p.r.mu.Unlock()
	return p.save()
}

// Reader opens what was written so far for reading, to hash and to unpack it: an *os.File on a real directory. The caller
// closes it. The error is fs.ErrNotExist when nothing was written.
func (p *Partial) Reader() (disk.Source, error) {
	if p.file == nil {
		return nil, p.r.failed("read", p.name, fs.ErrNotExist)
	}
	source, err := p.r.tree.Open(p.name)
	return source, p.r.failed("read", p.name, err)
}

// Close syncs and closes it, so that it can be opened again. It must not be used afterwards, but for Remove.
func (p *Partial) Close() error {
	return errors.Join(p.Sync(), p.closeFile())
}

// Remove closes it and deletes what was downloaded.
func (p *Partial) Remove() error {
	p.r.mu.Lock()
	defer p.r.mu.Unlock()
	p.progress = progress{}
	err := errors.Join(p.closeFile(), p.r.removePartial(path.Base(p.name)))
	return errors.Join(err, p.r.failed("remove", p.name, p.r.tree.SyncDir(partialDir)))
}

func (p *Partial) closeFile() error {
	if p.file == nil {
		return nil
	}
	err := p.file.Close()
	p.file = nil
	return p.r.failed("close", p.name, err)
}

// save records the progress. Who calls it holds mu, for the one temporary file of the directory.
func (p *Partial) save() error { return p.r.keeper.Save(p.name+".json", p.progress) }

// removePartial deletes a partial download, not yet durably. Who calls it holds mu.
func (r *Releases) removePartial(sha string) error {
	name := path.Join(partialDir, sha)
	return r.failed("remove", name, errors.Join(disk.RemoveTree(r.tree, name+".json"), disk.RemoveTree(r.tree, name)))
}
