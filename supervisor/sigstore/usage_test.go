package main

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestACommandLineThatMakesNoSenseIsNotCarriedOut(t *testing.T) {
	t.Parallel()
	digest := sha256Of(content)
	for why, args := range map[string][]string{
		"say `verify` or `version`":       nil,
		"say `verify` or":                 {"sign"},
		"or `version`":                    {"version", "now"},
		"not defined: -force":             {"verify", "--force"},
		"belongs to no flag":              {"verify", "--bundle", "b", "--sha256", digest, "--key", "k", "more"},
		"--bundle is missing":             {"verify", "--sha256", digest, "--key", "k"},
		"--sha256 is missing":             {"verify", "--bundle", "b", "--key", "k"},
		"not a SHA-256":                   {"verify", "--bundle", "b", "--sha256", digest[2:], "--key", "k"},
		"64 hexadecimal digits":           {"verify", "--bundle", "b", "--sha256", "sha256:" + digest, "--key", "k"},
		"one of --key and --trusted-root": {"verify", "--bundle", "b", "--sha256", digest},
		"give one of":                     {"verify", "--bundle", "b", "--sha256", digest, "--key", "k", "--trusted-root", "r"},
		"anybody in the world":            {"verify", "--bundle", "b", "--sha256", digest, "--trusted-root", "r"},
		"a key has none":                  {"verify", "--bundle", "b", "--sha256", digest, "--key", "k", "--identity", release},
		"are about certificates":          {"verify", "--bundle", "b", "--sha256", digest, "--key", "k", "--repository", "a/b"},
		"not OWNER/REPO":                  {"verify", "--repository", "https://github.com/a/b"},
		`invalid value "" for flag`:       {"verify", "--repository", ""},
	} {
		got := ask(t, args...)
		assert.Equal(t, exitUsage, got.code, why)
		assert.Empty(t, got.stdout, why)
		assert.Contains(t, got.stderr, why)
	}
}

func TestAnIdentityThatIsNotExactIsNotTaken(t *testing.T) {
	t.Parallel()
	for text, why := range map[string]string{
		``:                           "not an identity in JSON",
		`"me"`:                       "not an identity in JSON",
		`{"issuer":"i","san":"s"}`:   `unknown field "san"`,
		`{}`:                         "one of issuer and issuer_regex",
		`{"subject":"s"}`:            "one of issuer and issuer_regex",
		`{"issuer":"i"}`:             "one of subject and subject_regex",
		`{"issuer":"","subject":""}`: "one of issuer and issuer_regex",
		`{"issuer":"i","issuer_regex":"i","subject":"s"}`:                 "one of issuer and issuer_regex",
		`{"issuer":"i","subject":"s","subject_regex":"s"}`:                "one of subject and subject_regex",
		`{"issuer":"i","subject_regex":"a)|(?:b"}`:                        "subject_regex: ",
		`{"issuer_regex":"[","subject":"s"}`:                              "issuer_regex: ",
		`{"issuer":"i","subject_regex":"\\Qs"}`:                           "subject_regex: ",
		`{"issuer":"i","subject":"s"}{"issuer":"i","subject":"everyone"}`: "repeat the flag",
	} {
		_, err := parseIdentity(text)
		assert.ErrorContains(t, err, why, text)
	}
}

func TestTheVersionIsTold(t *testing.T) {
	t.Parallel()
	assert.Equal(t, outcome{code: exitVerified, stdout: "devel\n"}, ask(t, "version"))
}
