package download

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"opampd/supervisor/internal/testkit"
)

func TestAFileIsFetchedWithOneRequest(t *testing.T) {
	t.Parallel()
	bubble(t, func(n *network) {
		content := body(100_000)
		d, p := n.host("files.test", content), &memory{}
		result, err := n.fetch(n.client(), request("files.test", content), p)
		require.NoError(n.t, err)
		assert.Equal(n.t, content, p.Bytes())
		assert.Equal(n.t, Result{Size: 100_000, Source: "http://files.test" + path, Attempts: 1}, result)
		assert.Zero(n.t, p.unsynced)
		require.Len(n.t, d.Requests(), 1)
		header := d.Requests()[0].Header
		assert.Equal(n.t, "identity", header.Get("Accept-Encoding"))
		assert.Empty(n.t, header.Values("Range"))
	})
}

func TestADropAtHalfIsResumedFromThere(t *testing.T) {
	t.Parallel()
	bubble(t, func(n *network) {
		content := body(100_000)
		d, p := n.host("files.test", content), &memory{}
		d.Next(testkit.DropAt(50_000))
		result, err := n.fetch(n.client(), request("files.test", content), p)
		require.NoError(n.t, err)
		assert.Equal(n.t, content, p.Bytes())
		assert.True(n.t, result.Resumed)
		assert.Equal(n.t, []string{"", "bytes=50000-"}, d.Ranges(), "S-185")
		assert.NotEmpty(n.t, d.Requests()[1].Header.Get("If-Range"))
		assert.Equal(n.t, int64(50_000), d.Requests()[1].Sent, "nothing came twice")
		assert.Equal(n.t, 1, p.restarts)
		assert.Equal(n.t, 2, p.syncs)
	})
}

func TestADropAtAnyByteIsResumedFromThere(t *testing.T) {
	t.Parallel()
	content := body(9)
	for offset := range int64(10) {
		t.Run(fmt.Sprint(offset), func(t *testing.T) {
			t.Parallel()
			bubble(t, func(n *network) {
				d, p := n.host("files.test", content), &memory{}
				d.Next(testkit.DropAt(offset))
				_, err := n.fetch(n.client(), request("files.test", content), p)
				require.NoError(n.t, err)
				assert.Equal(n.t, content, p.Bytes())
				want := []string{"", fmt.Sprintf("bytes=%d-", offset)}
				switch offset {
				case 0:
					want = []string{"", ""}
				case 9:
					want = []string{""}
				}
				assert.Equal(n.t, want, d.Ranges())
			})
		})
	}
}

func TestOneByteAtATimeArrives(t *testing.T) {
	t.Parallel()
	bubble(t, func(n *network) {
		content := body(30) // more than the attempts that are allowed in a row without a byte
		d, p := n.host("files.test", content), &memory{}
		for offset := range int64(30) {
			d.Next(testkit.DropAt(offset))
		}
		result, err := n.fetch(n.client(), request("files.test", content), p)
		require.NoError(n.t, err)
		assert.Equal(n.t, content, p.Bytes())
		assert.Equal(n.t, 31, result.Attempts)
	})
}

func TestASecondProcessGoesOn(t *testing.T) {
	t.Parallel()
	bubble(t, func(n *network) {
		content := body(100_000)
		d, p := n.host("files.test", content), &memory{}
		d.Next(testkit.DropAt(70_000))
		d.Always(testkit.DropAt(0))
		_, err := n.fetch(n.client(), request("files.test", content), p)
		requireError(n.t, err, World)
		require.Equal(n.t, 70_000, p.Len())

		d.Always(nil)
		result, err := n.fetch(n.client(), request("files.test", content), p)
		require.NoError(n.t, err)
		assert.Equal(n.t, content, p.Bytes())
		assert.True(n.t, result.Resumed)
		assert.Equal(n.t, 1, result.Attempts)
		ranges := d.Ranges()
		assert.Equal(n.t, "bytes=70000-", ranges[len(ranges)-1])
	})
}

func TestASecondProcessStartsOverWhenTheFileHasChanged(t *testing.T) {
	t.Parallel()
	bubble(t, func(n *network) {
		d, p := n.host("files.test", body(1000)), &memory{}
		_, err := n.fetch(n.client(), request("files.test", body(1000)), p)
		require.NoError(n.t, err)
		p.Truncate(500) // as if it had been killed then
		content := append([]byte("another"), body(993)...)
		d.Put(path, testkit.DownloadFile{Body: content})
		result, err := n.fetch(n.client(), request("files.test", content), p)
		require.NoError(n.t, err)
		assert.Equal(n.t, content, p.Bytes())
		assert.Equal(n.t, Result{Size: 1000, Source: "http://files.test" + path, Attempts: 1}, result)
	})
}

func TestWhatIsCompleteIsNotAskedFor(t *testing.T) {
	t.Parallel()
	bubble(t, func(n *network) {
		content := body(100)
		d, p := n.host("files.test", content), &memory{}
		r := request("files.test", content)
		r.Size = 0
		for range 2 {
			_, err := n.fetch(n.client(), r, p)
			require.NoError(n.t, err)
		}
		assert.Len(n.t, d.Requests(), 1)
	})
}

func TestAChangedFileIsFetchedFromItsBeginning(t *testing.T) {
	t.Parallel()
	for name, next := range map[string]testkit.DownloadFault{
		"If-Range sees it":         nil,
		"If-Range is not obeyed":   ignoreIfRange,
		"ranges are not supported": testkit.WithoutRanges(),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			bubble(t, func(n *network) {
				d, p := n.host("files.test", body(1000)), &memory{}
				content := append([]byte("another"), body(993)...)
				d.Next(func(w http.ResponseWriter, r *http.Request, serve http.HandlerFunc) {
					defer d.Put(path, testkit.DownloadFile{Body: content})
					testkit.DropAt(500)(w, r, serve)
				}, next)
				result, err := n.fetch(n.client(), request("files.test", content), p)
				require.NoError(n.t, err)
				assert.Equal(n.t, content, p.Bytes(), "no mixture")
				assert.False(n.t, result.Resumed)
			})
		})
	}
}

// ignoreIfRange is a server that sends the part of another file.
func ignoreIfRange(w http.ResponseWriter, r *http.Request, serve http.HandlerFunc) {
	r = r.Clone(r.Context())
	r.Header.Del("If-Range")
	serve(w, r)
}

func TestAWrongPartIsNeverAppended(t *testing.T) {
	t.Parallel()
	for name, contentRange := range map[string]string{
		"start":        "bytes 400-999/1000",
		"total":        "bytes 500-999/2000",
		"no total":     "bytes 500-999/*",
		"no range":     "bytes */1000",
		"unit":         "lines 500-999/1000",
		"backwards":    "bytes 999-500/1000",
		"past the end": "bytes 500-1000/1000",
		"negative":     "bytes -500-999/1000",
		"garbage":      "bytes",
		"none":         "",
		"length":       "bytes 500-998/1000", // of 500 bytes
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			bubble(t, func(n *network) {
				content := body(1000)
				d, p := n.host("files.test", content), &memory{}
				d.Next(testkit.DropAt(500), testkit.WithHeaders("Content-Range", contentRange))
				r := request("files.test", content)
				r.Size = 0
				result, err := n.fetch(n.client(), r, p)
				require.NoError(n.t, err)
				assert.Equal(n.t, content, p.Bytes())
				assert.False(n.t, result.Resumed)
				assert.Equal(n.t, []string{"", "bytes=500-", ""}, d.Ranges())
			})
		})
	}
}

func TestAPartNobodyAskedForIsRefused(t *testing.T) {
	t.Parallel()
	bubble(t, func(n *network) {
		d, p := n.host("files.test", body(10)), &memory{}
		d.Always(testkit.AnswerWith(http.StatusPartialContent, "Content-Range", "bytes 0-9/10"))
		_, err := n.fetch(n.client(), request("files.test", body(10)), p)
		assert.Equal(n.t, 206, requireError(n.t, err, Refused).Status)
	})
}

func TestAServerWithoutRangesIsGivenUpOnceItBringsNothingNew(t *testing.T) {
	t.Parallel()
	bubble(t, func(n *network) {
		content := body(1000)
		d, p := n.host("files.test", content), &memory{}
		d.Always(func(w http.ResponseWriter, r *http.Request, serve http.HandlerFunc) {
			testkit.WithoutRanges()(w, r, func(w http.ResponseWriter, r *http.Request) { testkit.DropAt(500)(w, r, serve) })
		})
		_, err := n.fetch(n.client(), request("files.test", content), p)
		assert.Equal(n.t, 1+DefaultAttempts, requireError(n.t, err, World).Attempts)
	})
}

func TestWithoutStrongValidatorAHashMakesItSafeToGoOn(t *testing.T) {
	t.Parallel()
	recent := time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC) // when bubbles begin
	for name, file := range map[string]testkit.DownloadFile{
		"none":                        {ETag: "none"},
		"weak tag":                    {ETag: `W/"1"`},
		"weak tag and a date":         {ETag: `W/"1"`, Modified: recent.Add(-time.Hour)},
		"a date of this very second":  {ETag: "none", Modified: recent},
		"a tag that is not quoted":    {ETag: `1`},
		"a tag of more than one word": {ETag: `"1", "2"`},
	} {
		for _, hashed := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s, hash %t", name, hashed), func(t *testing.T) {
				t.Parallel()
				bubble(t, func(n *network) {
					file := file
					file.Body = body(1000)
					d, p := n.host("files.test", file.Body), &memory{}
					d.Put(path, file)
					d.Next(testkit.DropAt(500))
					r := request("files.test", file.Body)
					want := []string{"", "bytes=500-"}
					if !hashed {
						r.SHA256, want[1] = "", ""
					}
					result, err := n.fetch(n.client(), r, p)
					require.NoError(n.t, err)
					assert.Equal(n.t, file.Body, p.Bytes())
					assert.Equal(n.t, want, d.Ranges())
					assert.Empty(n.t, d.Requests()[1].Header.Get("If-Range"))
					assert.Equal(n.t, hashed, result.Resumed, "the caller must know that it may be a mixture")
				})
			})
		}
	}
}

func TestAnOldModificationDateIsAStrongValidator(t *testing.T) {
	t.Parallel()
	bubble(t, func(n *network) {
		modified := time.Now().Add(-time.Hour)
		d, p := n.host("files.test", nil), &memory{}
		d.Put(path, testkit.DownloadFile{Body: body(1000), ETag: "none", Modified: modified})
		d.Next(testkit.DropAt(500))
		_, err := n.fetch(n.client(), request("files.test", body(1000)), p)
		require.NoError(n.t, err)
		assert.Equal(n.t, body(1000), p.Bytes())
		assert.Equal(n.t, modified.UTC().Format(http.TimeFormat), d.Requests()[1].Header.Get("If-Range"), "RFC 9110 section 13.1.5")
	})
}

func TestAskingPastTheEndEndsInACompleteFile(t *testing.T) {
	t.Parallel()
	for name, have := range map[string]int{"all is there": 1000, "too much is there": 1001} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			bubble(t, func(n *network) {
				content := body(1000)
				d, p := n.host("files.test", content), &memory{}
				_, _ = p.Write(body(have)) // without a record, as of an answer without length
				r := request("files.test", content)
				r.Size = 0
				_, err := n.fetch(n.client(), r, p)
				require.NoError(n.t, err)
				assert.Equal(n.t, content, p.Bytes())
				assert.Equal(n.t, 416, d.Requests()[0].Status)
				assert.Len(n.t, d.Requests(), have-999)
			})
		})
	}
}

func TestAPartialThatCannotBeOfThisFileIsEmptied(t *testing.T) {
	t.Parallel()
	for name, p := range map[string]*memory{
		"longer than the file":        partial(1001, ""),
		"longer than its record":      partial(10, `{"total":9,"strong":"\"x\"","from":"http://files.test/v1/collector.tar.gz"}`),
		"of a file of another length": partial(10, `{"total":11,"strong":"\"x\"","from":"http://files.test/v1/collector.tar.gz"}`),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			bubble(t, func(n *network) {
				d := n.host("files.test", body(1000))
				_, err := n.fetch(n.client(), request("files.test", body(1000)), p)
				require.NoError(n.t, err)
				assert.Equal(n.t, body(1000), p.Bytes())
				assert.Equal(n.t, []string{""}, d.Ranges())
			})
		})
	}
}

func partial(size int, validator string) *memory {
	p := &memory{validator: validator}
	_, _ = p.Write(body(size))
	return p
}

func TestAnEmptyFileIsAFile(t *testing.T) {
	t.Parallel()
	bubble(t, func(n *network) {
		n.host("files.test", nil)
		result, err := n.fetch(n.client(), request("files.test", nil), &memory{})
		require.NoError(n.t, err)
		assert.Zero(n.t, result.Size)
	})
}
