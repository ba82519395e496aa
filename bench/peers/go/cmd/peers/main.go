package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/rvoip/shmbus/bench/peers/go/conduct"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	os.Exit(conduct.Main(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}
