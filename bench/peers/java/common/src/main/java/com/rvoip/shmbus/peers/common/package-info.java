/**
 * What the peers in Java have in common: the events and how they are booked, the conductor's protocol, and the roles of
 * a run. See the packages event and proto of the Go module beside this one; both speak and write the same.
 */
package com.rvoip.shmbus.peers.common;
