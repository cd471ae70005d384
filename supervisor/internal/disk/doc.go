// Package disk does everything that opampd does to the files it owns, one operation at a time, so that a test can fail or
// crash each of them.
//
// [Files] is what can be done to plain files; [Tree] adds directories, links and modes. [Dir] is a real directory, [Memory] a
// map for when there is none; testkit/crashdisk has a Tree that loses what was not synced.
//
// The order that makes a write atomic and durable is the usual one, and [Replace] is it: write a temporary file in the same
// directory, fsync(2) it, rename(2) it over the old one, fsync the directory.
//
// The errors of Files and Tree are those of the system, without words: who knows what it was for puts them, once.
package disk
