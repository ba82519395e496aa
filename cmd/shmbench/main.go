package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/rvoip/shmbus/internal/bench"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	os.Exit(bench.Main(ctx, os.Args, os.Stdin, os.Stdout, os.Stderr))
}
