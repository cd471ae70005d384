// Package trust decides who may publish a release of the Collector, and whether one of
// them may be installed on this host. It reads local files and nothing else: no network,
// no clock, no goroutine.
//
// [Load] reads the trust roots, which only local files can name. [Trust.Verify] judges
// what came as DownloadableFile.signature of an OpAMP offer (S-187), in one of three
// formats, told apart by their content, each accepted only if a root of its kind is
// there:
//
//   - envelope: a DSSE v1 envelope around a [Statement], signed with Ed25519 (over the
//     pre-authentication encoding) or ECDSA P-256 (ASN.1, over its SHA-256). It may carry
//     a signed [KeyList] in the extra member "keylist".
//   - minisign: over the bytes of the archive, with the statement in the trusted comment
//     as "opampd package=… version=… os=… arch=… index=… [floor=…] expires=…". Without that
//     it speaks for the bytes alone ([Verified.BytesOnly]).
//   - sigstore: a Sigstore bundle, checked by the function of [Settings.Sigstore]. It
//     speaks for the bytes alone.
//
// A release is older or newer by its index, a number that the publisher counts up, and
// never by its version or a clock. [State] is what a host must remember so that nothing
// old can be played to it again.
package trust
