package trust

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// place writes a file that only this user can change.
func place(t *testing.T, name string, data []byte) string {
	t.Helper()
	dir := t.TempDir()
	require.NoError(t, os.Chmod(dir, 0o755))
	path := filepath.Join(dir, name)
	require.NoError(t, os.WriteFile(path, data, 0o600))
	return path
}

func keyFile(t *testing.T) string {
	t.Helper()
	return place(t, "signer.pub", []byte(publicText(signer)))
}

func loadKey(path string) error {
	_, err := Load(Settings{Owner: os.Getuid(), Roots: []Root{{Kind: KindKey, File: path}}})
	return err
}

func TestAGuardedFileIsATrustRoot(t *testing.T) {
	t.Parallel()
	assert.NoError(t, loadKey(keyFile(t)))
}

func TestAFileThatOthersCanChangeIsNone(t *testing.T) {
	t.Parallel()
	path := keyFile(t)
	require.NoError(t, os.Chmod(path, 0o664))
	assert.ErrorContains(t, loadKey(path), "chmod go-w "+path)
}

func TestAFileInADirectoryThatOthersCanChangeIsNone(t *testing.T) {
	t.Parallel()
	path := keyFile(t)
	dir := filepath.Dir(path)
	require.NoError(t, os.Chmod(dir, 0o777))
	assert.ErrorContains(t, loadKey(path), "chmod go-w "+dir)
	require.NoError(t, os.Chmod(dir, os.ModeSticky|0o777))
	assert.NoError(t, loadKey(path), "others cannot replace what is not theirs in it")
}

func TestADirectoryFurtherUpCountsToo(t *testing.T) {
	t.Parallel()
	top := filepath.Dir(keyFile(t))
	path := filepath.Join(top, "keys", "signer.pub")
	require.NoError(t, os.Mkdir(filepath.Dir(path), 0o700))
	require.NoError(t, os.WriteFile(path, []byte(publicText(signer)), 0o600))
	require.NoError(t, loadKey(path))
	require.NoError(t, os.Chmod(top, 0o777))
	assert.ErrorContains(t, loadKey(path), "chmod go-w "+top)
}

func TestAFileOfAnotherUserIsNone(t *testing.T) {
	t.Parallel()
	path := keyFile(t)
	if os.Getuid() == 0 {
		require.NoError(t, os.Chown(path, 12345, -1))
	}
	_, err := Load(Settings{Roots: []Root{{Kind: KindKey, File: path}}})
	assert.ErrorContains(t, err, "run: chown root: ")
}

func TestALinkIsNone(t *testing.T) {
	t.Parallel()
	path := keyFile(t)
	link := filepath.Join(filepath.Dir(path), "link.pub")
	require.NoError(t, os.Symlink(path, link))
	assert.ErrorContains(t, loadKey(link), "no link")
}

func TestADirectoryReachedByALinkIsJudgedInBothPlaces(t *testing.T) {
	t.Parallel()
	path, place := keyFile(t), keyFile(t)
	link := filepath.Join(filepath.Dir(place), "keys")
	require.NoError(t, os.Symlink(filepath.Dir(path), link))
	require.NoError(t, loadKey(filepath.Join(link, "signer.pub")))
	require.NoError(t, os.Chmod(filepath.Dir(path), 0o777))
	assert.ErrorContains(t, loadKey(filepath.Join(link, "signer.pub")), "chmod go-w")
}

func TestAPipeOrAHugeFileIsNone(t *testing.T) {
	t.Parallel()
	pipe := filepath.Join(filepath.Dir(keyFile(t)), "pipe")
	require.NoError(t, syscall.Mkfifo(pipe, 0o600))
	require.ErrorContains(t, loadKey(pipe), "is no regular file")
	huge := keyFile(t)
	require.NoError(t, os.Truncate(huge, maxFile+1))
	assert.ErrorContains(t, loadKey(huge), "larger than")
}

func TestWhatIsNoKeyOfItsKindIsRefused(t *testing.T) {
	t.Parallel()
	private, public, err := private(signer).PEM()
	require.NoError(t, err)
	for name, c := range map[string]struct {
		root Root
		text string
		want string
	}{
		"private key":          {Root{Kind: KindKey}, string(private), "private key"},
		"two keys":             {Root{Kind: KindKey}, string(public) + string(public), "a file of its own"},
		"nonsense":             {Root{Kind: KindRoot}, "nonsense!", "no public key"},
		"certificate":          {Root{Kind: KindKey}, strings.ReplaceAll(string(public), "PUBLIC KEY", "CERTIFICATE"), "a PUBLIC KEY is needed"},
		"kind":                 {Root{Kind: "pgp"}, string(public), "the kind must be"},
		"id":                   {Root{Kind: KindKey, ID: "a b"}, string(public), "without blanks"},
		"minisign":             {Root{Kind: KindMinisign}, string(public), "minisign"},
		"sigstore without one": {Root{Kind: KindSigstoreKey}, string(public), "no program"},
	} {
		c.root.File = place(t, "root", []byte(c.text))
		_, err := Load(Settings{Owner: os.Getuid(), Roots: []Root{c.root}})
		assert.ErrorContains(t, err, c.want, name)
		assert.ErrorContains(t, err, c.root.File, name)
	}
}

func TestSettingsUnderWhichNothingCouldBeInstalledAreRefused(t *testing.T) {
	t.Parallel()
	key, other := keyFile(t), place(t, "second.pub", []byte(publicText(second)))
	for name, c := range map[string]struct {
		settings Settings
		want     string
	}{
		"no root":         {Settings{}, "no trust root"},
		"same key twice":  {Settings{Roots: []Root{{Kind: KindKey, File: key}, {Kind: KindKey, File: key}}}, "twice"},
		"same id":         {Settings{Roots: []Root{{Kind: KindKey, File: key, ID: "ci"}, {Kind: KindKey, File: other, ID: "ci"}}}, "the id ci"},
		"too few keys":    {Settings{Policy: Policy{Threshold: 2}, Roots: []Root{{Kind: KindKey, File: key}}}, "2 keys must sign"},
		"too few roots":   {Settings{Policy: Policy{RootThreshold: 2}, Roots: []Root{{Kind: KindRoot, File: key}}}, "2 root keys"},
		"downgrade":       {Settings{Policy: Policy{AllowDowngrade: "yes", HashOnly: true}}, "signed, any or none"},
		"everybody":       {Settings{Sigstore: checkBundle, Roots: []Root{{Kind: KindSigstore, File: key}}}, "name the identities"},
		"any subject":     {Settings{Sigstore: checkBundle, Identities: []Identity{{Issuer: "i"}}, Roots: []Root{{Kind: KindSigstore, File: key}}}, "name the identities"},
		"no key list":     {Settings{KeyListFile: "/nonexistent/list", Policy: Policy{HashOnly: true}}, "key list /nonexistent/list"},
		"no revocations":  {Settings{RevocationsFile: "/nonexistent/list", Policy: Policy{HashOnly: true}}, "revocations /nonexistent/list"},
		"unsigned list":   {Settings{KeyListFile: place(t, "list", keyList(oldRoot)), Roots: []Root{{Kind: KindRoot, File: key}}}, "root keys signed it"},
		"no trusted_root": {Settings{Sigstore: checkBundle, Identities: []Identity{{Issuer: "i", SubjectRegex: "s"}}, Roots: []Root{{Kind: KindSigstore, File: key}}}, "trusted_root.json"},
	} {
		c.settings.Owner = os.Getuid()
		_, err := Load(c.settings)
		assert.ErrorContains(t, err, c.want, name)
	}
}

func TestAKeyListCanComeByALocalFile(t *testing.T) {
	t.Parallel()
	trusted, err := Load(Settings{
		Owner: os.Getuid(), KeyListFile: place(t, "list", keyList(root)),
		Roots: []Root{{Kind: KindRoot, File: place(t, "root.pub", []byte(publicText(root)))}},
	})
	require.NoError(t, err)
	l, _, err := trusted.lists(State{}, nil)
	require.NoError(t, err)
	assert.True(t, l.believed)
}
