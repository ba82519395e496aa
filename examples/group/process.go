package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
)

// process is a member in a process of its own.
type process struct {
	cmd *exec.Cmd
	in  io.Closer // it ends when this is closed, or when we die
}

// startMember starts a member and waits until it is one.
func startMember(dir, ledger string) (*process, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	p := &process{cmd: exec.Command(self, "member", dir, ledger)}
	p.cmd.Stderr = os.Stderr
	if p.in, err = p.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	switch line, err := bufio.NewReader(out).ReadString('\n'); {
	case err != nil:
		p.kill()
		return nil, fmt.Errorf("a member did not start: %w", err)
	case line != "ready\n":
		p.kill()
		return nil, fmt.Errorf("a member did not start; it said %q", line)
	}
	return p, nil
}

func (p *process) pid() int { return p.cmd.Process.Pid }

// leave lets the member finish what it is at.
func (p *process) leave() error {
	if err := p.in.Close(); err != nil {
		return err
	}
	return p.cmd.Wait()
}

// kill kills it with SIGKILL.
func (p *process) kill() {
	_ = p.cmd.Process.Kill()
	_ = p.cmd.Wait()
}
