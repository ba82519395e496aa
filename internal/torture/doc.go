// Package torture is shmtorture.
package torture
