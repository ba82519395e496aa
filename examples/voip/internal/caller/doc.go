// Package caller is a SIP client that makes calls with a tone as audio, built on the
// same libraries as the switch. The demo uses it where SIPp cannot be had, and the
// tests always do.
package caller
