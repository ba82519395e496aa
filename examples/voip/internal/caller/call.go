package caller

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"time"

	"github.com/emiago/sipgo"
	"github.com/emiago/sipgo/sip"
	"github.com/pion/rtp"
	"github.com/rvoip/shmbus/examples/voip/internal/sdp"
)

const (
	samples   = 160 // of a packet: 20 ms
	perSecond = 50
	interval  = time.Second / perSecond
	replyWait = 10 * time.Second // for an answer, and for the answer to a BYE
)

// call makes one call, and hangs up also when ctx ends.
func (c *client) call(ctx context.Context, payload uint8) error {
	local := c.conn.LocalAddr().(*net.UDPAddr)
	media, err := net.ListenUDP("udp4", &net.UDPAddr{IP: local.IP})
	if err != nil {
		return err
	}
	defer media.Close()
	offer := sdp.Audio{Addr: media.LocalAddr().(*net.UDPAddr).AddrPort(), Payload: payload}

	c.count(func(r *Report) { r.Offered++ })
	setup, cancel := context.WithTimeout(ctx, replyWait)
	defer cancel()
	dialog, err := c.dua.Invite(setup, c.target, offer.Body(rand.Uint64(), "sendonly"),
		sip.NewHeader("Content-Type", sdp.ContentType))
	if err != nil {
		return fmt.Errorf("INVITE: %w", err)
	}
	defer dialog.Close()
	if err := dialog.WaitAnswer(setup, sipgo.AnswerOptions{}); err != nil {
		return fmt.Errorf("INVITE: %w", err)
	}
	if err := dialog.Ack(setup); err != nil {
		return fmt.Errorf("ACK: %w", err)
	}
	c.count(func(r *Report) { r.Answered++ })
	sent, err := c.talk(ctx, media, dialog.InviteResponse.Body())
	c.count(func(r *Report) { r.Packets += sent })

	bye, cancel := context.WithTimeout(context.WithoutCancel(ctx), replyWait)
	defer cancel()
	if byeErr := dialog.Bye(bye); byeErr != nil {
		return errors.Join(err, fmt.Errorf("BYE: %w", byeErr))
	}
	c.count(func(r *Report) { r.Ended++ })
	return err
}

// talk sends the tone, each packet at its time: one that is late does not delay those after it.
func (c *client) talk(ctx context.Context, media *net.UDPConn, body []byte) (sent int, err error) {
	answer, err := sdp.Parse(body)
	if err != nil {
		return 0, fmt.Errorf("answer: %w", err)
	}
	to := net.UDPAddrFromAddrPort(answer.Addr)
	tone := c.tones[answer.Payload]
	h := rtp.Header{
		Version: 2, Marker: true, PayloadType: answer.Payload,
		SequenceNumber: uint16(rand.Uint32()), Timestamp: rand.Uint32(), SSRC: rand.Uint32(),
	}
	buf := make([]byte, 12+samples)
	start := time.Now()
	for i := range len(tone) / samples {
		if err := sleepUntil(ctx, start.Add(time.Duration(i)*interval)); err != nil {
			return sent, err
		}
		n, err := (&rtp.Packet{Header: h, Payload: tone[i*samples : (i+1)*samples]}).MarshalTo(buf)
		if err != nil {
			return sent, fmt.Errorf("RTP: %w", err)
		}
		if _, err := media.WriteTo(buf[:n], to); err != nil {
			return sent, fmt.Errorf("RTP: %w", err)
		}
		sent++
		h.Marker = false
		h.SequenceNumber++
		h.Timestamp += samples
	}
	return sent, sleepUntil(ctx, time.Now().Add(interval)) // the last packet lasts, too
}
