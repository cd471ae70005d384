// Package archive takes one program out of a package file whose bytes were verified, and trusts neither the archive nor its headers.
//
// A package is a program as it is (ELF, Mach-O), or a tar compressed by gzip or zstd, or a zip. What it is shows in its first
// bytes; nobody is asked. Nothing but the one program is written, and yet every entry is looked at: a package of which one
// half is strange was not made by whom we think, and another tool may see in it what we do not.
//
// The promises:
//
//   - Only a nil error means that what was written is the program. Before, it may be half of it, or another.
//   - What is wrong with the package is a [RefusedError] with a [Check]; the same package gets the same answer. A disk that cannot be read or
//     written, or a context that ended, is no RefusedError: the package may be fine.
//   - Memory does not grow with the package, nor with what it claims: less than 2 MB, its names (up to Limits.Entries of 255 bytes), and a
//     window of 8 MiB for zstd.
//   - Names in a package never become paths. They are checked because of what they say of its maker.
package archive
