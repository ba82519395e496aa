package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/rvoip/shmbus/internal/torture"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	status := torture.Main(ctx, os.Args, os.Stdout, os.Stderr)
	stop()
	os.Exit(status)
}
