package caller

import (
	"context"
	"flag"
	"fmt"
	"math"
	"net"
	"sync"
	"time"

	"github.com/emiago/sipgo"
	"github.com/emiago/sipgo/sip"
	"github.com/rvoip/shmbus/examples/voip/internal/program"
	"github.com/rvoip/shmbus/examples/voip/internal/quality"
	"github.com/rvoip/shmbus/examples/voip/internal/sdp"
)

// Options say what calls to make.
type Options struct {
	Target  string  // host:port of the switch
	Calls   int     // how many
	Rate    float64 // calls begun per second
	Seconds float64 // of audio in each
	Level   float64 // of the tone, dBm0
}

// Report is what became of the calls.
type Report struct {
	Offered  int `json:"offered"`
	Answered int `json:"answered"`
	Ended    int `json:"ended"`
	Failed   int `json:"failed"`
	Packets  int `json:"packets"` // RTP packets sent
}

// Program returns the process.
func Program() program.Program {
	var o Options
	return program.Program{
		Name:  "caller",
		NoBus: true,
		Flags: func(fs *flag.FlagSet) {
			fs.StringVar(&o.Target, "target", "127.0.0.1:5060", "where the switch answers SIP")
			fs.IntVar(&o.Calls, "calls", 1, "calls to make")
			fs.Float64Var(&o.Rate, "rate", 10, "calls to begin per second")
			fs.Float64Var(&o.Seconds, "seconds", 5, "audio per call")
			fs.Float64Var(&o.Level, "level", -10, "level of the tone, dBm0")
		},
		Run: func(ctx context.Context, env *program.Env) (any, error) {
			if err := o.check(); err != nil {
				return nil, err
			}
			c, err := newClient(o, env)
			if err != nil {
				return nil, err
			}
			defer c.close()
			if err := env.Ready(program.Ready{}); err != nil {
				return nil, err
			}
			return c.run(ctx), nil
		},
	}
}

func (o *Options) check() error {
	switch {
	case o.Calls < 1:
		return fmt.Errorf("-calls %d: at least 1 is needed", o.Calls)
	case !(o.Rate > 0 && o.Rate <= 10_000):
		return fmt.Errorf("-rate %g: between 0 and 10000 is needed", o.Rate)
	case !(o.Seconds > 0 && o.Seconds <= 3600):
		return fmt.Errorf("-seconds %g: between 0 and 3600 is needed", o.Seconds)
	case !(o.Level <= 3):
		return fmt.Errorf("-level %g: at most 3 dBm0 can be coded", o.Level)
	}
	return nil
}

// client makes calls from one SIP socket.
type client struct {
	Options
	env    *program.Env
	ua     *sipgo.UserAgent
	conn   *net.UDPConn
	dua    sipgo.DialogUA
	target sip.Uri
	tones  map[uint8][]byte

	mu     sync.Mutex
	report Report
}

func newClient(o Options, env *program.Env) (*client, error) {
	c := &client{Options: o, env: env, tones: make(map[uint8][]byte)}
	if err := sip.ParseUri("sip:tone@"+o.Target, &c.target); err != nil {
		return nil, fmt.Errorf("-target %s: %w", o.Target, err)
	}
	for _, payload := range []uint8{sdp.PCMU, sdp.PCMA} {
		c.tones[payload] = quality.Tone(payload, o.Level, int(math.Ceil(o.Seconds*perSecond))*samples)
	}
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: localIP(o.Target)})
	if err != nil {
		return nil, err
	}
	c.conn = conn
	ua, err := sipgo.NewUA(sipgo.WithUserAgent("caller"))
	if err != nil {
		return nil, fmt.Errorf("SIP user agent: %w", err)
	}
	c.ua = ua
	srv, err := sipgo.NewServer(ua, sipgo.WithServerLogger(env.Log))
	if err != nil {
		return nil, fmt.Errorf("SIP server: %w", err)
	}
	local := conn.LocalAddr().(*net.UDPAddr)
	cl, err := sipgo.NewClient(ua, sipgo.WithClientLogger(env.Log), sipgo.WithClientConnectionAddr(local.String()))
	if err != nil {
		return nil, fmt.Errorf("SIP client: %w", err)
	}
	c.dua = sipgo.DialogUA{Client: cl, ContactHDR: sip.ContactHeader{
		Address: sip.Uri{Scheme: "sip", User: "caller", Host: local.IP.String(), Port: local.Port},
	}}
	served := &servedConn{PacketConn: conn, reading: make(chan struct{})}
	go func() { _ = srv.ServeUDP(served) }() // ends when conn is closed
	<-served.reading
	return c, nil
}

// servedConn tells when it is read from. Only then does the client know that there is a socket at its address, and
// does not try to open another one there.
type servedConn struct {
	net.PacketConn
	once    sync.Once
	reading chan struct{}
}

// ReadFrom implements [net.PacketConn].
func (c *servedConn) ReadFrom(p []byte) (int, net.Addr, error) {
	c.once.Do(func() { close(c.reading) })
	return c.PacketConn.ReadFrom(p)
}

// localIP returns the address from which target is reached.
func localIP(target string) net.IP {
	probe, err := net.Dial("udp4", target) // sends nothing
	if err != nil {
		return net.IPv4(127, 0, 0, 1)
	}
	defer probe.Close()
	return probe.LocalAddr().(*net.UDPAddr).IP
}

func (c *client) close() {
	_ = c.ua.Close()
	_ = c.conn.Close()
}

// run makes the calls and returns when all are over.
func (c *client) run(ctx context.Context) *Report {
	var calls sync.WaitGroup
	start := time.Now()
	for i := range c.Calls {
		at := start.Add(time.Duration(float64(i) / c.Rate * float64(time.Second)))
		if sleepUntil(ctx, at) != nil {
			break
		}
		payload := sdp.PCMU
		if i%2 == 1 {
			payload = sdp.PCMA
		}
		calls.Go(func() {
			if err := c.call(ctx, payload); err != nil {
				c.env.Log.Error("call failed", "err", err)
				c.count(func(r *Report) { r.Failed++ })
			}
		})
	}
	calls.Wait()
	return &c.report
}

func (c *client) count(f func(*Report)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	f(&c.report)
}

func sleepUntil(ctx context.Context, at time.Time) error {
	t := time.NewTimer(time.Until(at))
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
