// Package housekeeping holds tests of the project as a whole: what the code may
// import, what must be documented, and that documents and code agree. It has no
// code of its own.
package housekeeping
