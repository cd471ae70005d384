package main

import (
	"archive/tar"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"github.com/open-telemetry/opamp-go/protobufs"

	"opampd/supervisor/internal/trust"
)

// publisher signs releases of the Collector and has them downloaded.
type publisher struct {
	board
	dir    string
	key    trust.PrivateKey
	http   *http.Server
	url    string
	index  int64
	served time.Duration // that the last download took
}

// newPublisher makes a key whose public half is in dir, where opampd believes it: it must belong to root.
func newPublisher(dir string) (*publisher, error) {
	key, err := trust.GenerateKey(trust.Ed25519)
	if err != nil {
		return nil, fmt.Errorf("make a key: %w", err)
	}
	_, public, err := key.PEM()
	if err != nil {
		return nil, fmt.Errorf("write a key: %w", err)
	}
	p := &publisher{dir: dir, key: key}
	if err := os.WriteFile(p.root(), public, 0o600); err != nil {
		return nil, fmt.Errorf("write a key: %w", err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("start the download server: %w", err)
	}
	p.url = "http://" + listener.Addr().String() + "/"
	files := http.FileServer(http.Dir(dir))
	p.http = &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began := time.Now()
		files.ServeHTTP(w, r)
		p.update(func() { p.served = time.Since(began) })
	})}
	go func() { _ = p.http.Serve(listener) }() // until close
	return p, nil
}

func (p *publisher) root() string { return filepath.Join(p.dir, "root.pub") }
func (p *publisher) close()       { _ = p.http.Close() }

// took is how long the last download lasted.
func (p *publisher) took() (d time.Duration) {
	p.update(func() { d = p.served })
	return d
}

// raw publishes the Collector itself, with something after its end that makes it another release.
func (p *publisher) raw(collector string) (*protobufs.PackageAvailable, error) {
	return p.publish(func(w io.Writer) error {
		if err := copyFile(w, collector); err != nil {
			return err
		}
		_, err := fmt.Fprintf(w, "\nrelease %d\n", p.index)
		return err //nolint:wrapcheck // the caller says what was written
	})
}

// large publishes a .tar.gz whose Collector has so many bytes of noise after its end.
func (p *publisher) large(collector string, noise int64) (*protobufs.PackageAvailable, error) {
	info, err := os.Stat(collector)
	if err != nil {
		return nil, fmt.Errorf("look at the Collector: %w", err)
	}
	return p.publish(func(w io.Writer) error {
		z, _ := gzip.NewWriterLevel(w, gzip.BestSpeed)
		t := tar.NewWriter(z)
		header := &tar.Header{Name: filepath.Base(collector), Mode: 0o755, Size: info.Size() + noise, Typeflag: tar.TypeReg}
		if err := t.WriteHeader(header); err != nil {
			return err //nolint:wrapcheck // the caller says what was written
		}
		if err := copyFile(t, collector); err != nil {
			return err
		}
		_, err := io.CopyN(t, rand.NewChaCha8([32]byte{}), noise)
		return errors.Join(err, t.Close(), z.Close())
	})
}

func copyFile(w io.Writer, path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err //nolint:wrapcheck // names the path
	}
	defer f.Close() //nolint:errcheck // read only
	_, err = io.Copy(w, f)
	return err //nolint:wrapcheck // the caller says what was written
}

// publish writes a file, signs it, and returns the offer of it.
func (p *publisher) publish(fill func(io.Writer) error) (*protobufs.PackageAvailable, error) {
	p.index++
	name := fmt.Sprintf("release-%d", p.index)
	f, err := os.Create(filepath.Join(p.dir, name))
	if err != nil {
		return nil, fmt.Errorf("write a package: %w", err)
	}
	h := sha256.New()
	if err := errors.Join(fill(io.MultiWriter(f, h)), f.Close()); err != nil {
		return nil, fmt.Errorf("write a package: %w", err)
	}
	info, err := os.Stat(f.Name())
	if err != nil {
		return nil, fmt.Errorf("write a package: %w", err)
	}
	signature, err := trust.SignRelease(trust.Statement{
		Release: trust.Release{Package: programName, Version: fmt.Sprintf("0.149.%d", p.index), OS: runtime.GOOS, Arch: runtime.GOARCH},
		SHA256:  hex.EncodeToString(h.Sum(nil)), Size: info.Size(), Index: p.index, Expires: time.Now().Add(time.Hour),
	}, nil, p.key)
	if err != nil {
		return nil, fmt.Errorf("sign a package: %w", err)
	}
	return &protobufs.PackageAvailable{
		Type: protobufs.PackageType_PackageType_TopLevel, Version: fmt.Sprintf("0.149.%d", p.index), Hash: h.Sum(nil),
		File: &protobufs.DownloadableFile{DownloadUrl: p.url + name, ContentHash: h.Sum(nil), Signature: signature},
	}, nil
}

// programName is the name that statements give the Collector.
const programName = "otelcol-lean"

// install offers a package and waits for what becomes of it.
func (s *site) install(ctx context.Context, p *protobufs.PackageAvailable) (sent time.Time, last packageStatus, err error) {
	sent = s.server.offerPackage(p)
	last, err = s.server.settled(ctx, p.GetHash())
	return sent, last, err
}
