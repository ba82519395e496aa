package conformance_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"

	"github.com/rvoip/shmbus/bus"
)

func (r *role) makePublisher(o makePublisher) (any, error) {
	p, err := bus.NewPublisher[note](r.bus, &bus.PublisherOptions{Type: kind(o.Kind), Exclusive: o.Exclusive, RequireSubscriber: o.Require})
	if err != nil {
		return nil, err
	}
	r.keep(o.Name, p, p.Close)
	return p.MaxTail(), nil
}

func (o *publish) note(i int) note {
	n := note{Seq: o.From + uint64(i)}
	if err := n.Word.Set(o.Word); err != nil {
		panic(err)
	}
	return n
}

func (o *publish) with(i int) bus.With {
	w := bus.With{Key: o.Key, Priority: o.Priority}
	if o.Keys > 0 {
		w.Key = 1 + (o.From+uint64(i))%o.Keys
	}
	if o.Tail != "" {
		w.Tail = []byte(o.Tail)
	}
	return w
}

// howToPublish are the ways to publish the events from the i-th on; each returns
// how many it has published.
var howToPublish = map[string]func(ctx context.Context, p *bus.Publisher[note], o *publish, i int) (int, error){
	"Publish": one(func(ctx context.Context, p *bus.Publisher[note], n note, w bus.With) error {
		return p.Publish(ctx, &n)
	}),
	"PublishWith": one(func(ctx context.Context, p *bus.Publisher[note], n note, w bus.With) error {
		return p.PublishWith(ctx, &n, w)
	}),
	"TryPublish": one(func(_ context.Context, p *bus.Publisher[note], n note, _ bus.With) error { return p.TryPublish(&n) }),
	"TryPublishWith": one(func(_ context.Context, p *bus.Publisher[note], n note, w bus.With) error {
		return p.TryPublishWith(&n, w)
	}),
	"Loan": func(ctx context.Context, p *bus.Publisher[note], o *publish, i int) (int, error) {
		w := o.with(i)
		l, err := p.LoanFor(w.Key)
		if err != nil {
			return 0, err
		}
		defer l.Discard()
		*l.Value() = o.note(i)
		l.SetTail(copy(l.Tail(), w.Tail))
		if err := l.Publish(ctx); err != nil {
			return 0, err
		}
		return 1, nil
	},
	"PublishLoans": func(ctx context.Context, p *bus.Publisher[note], o *publish, i int) (int, error) {
		w := o.with(i)
		loans := make([]bus.Loan[note], min(o.N-i, 5))
		n, err := p.LoanBatchFor(w.Key, loans)
		if err != nil {
			return 0, err
		}
		defer p.DiscardLoans(loans)
		for j := range loans[:n] {
			*loans[j].Value() = o.note(i + j)
			loans[j].SetTail(copy(loans[j].Tail(), w.Tail))
		}
		return p.PublishLoans(ctx, loans[:n])
	},
	"PublishBatch": func(ctx context.Context, p *bus.Publisher[note], o *publish, i int) (int, error) {
		var batch []note
		for j := i; j < min(o.N, i+7); j++ {
			batch = append(batch, o.note(j))
		}
		return p.PublishBatch(ctx, batch)
	},
	"PublishItems": func(ctx context.Context, p *bus.Publisher[note], o *publish, i int) (int, error) {
		var items []bus.Item[note]
		for j := i; j < min(o.N, i+7); j++ {
			items = append(items, bus.Item[note]{Value: o.note(j), With: o.with(j)})
		}
		return p.PublishItems(ctx, items)
	},
}

// one is a way that publishes one event at a time.
func one(f func(ctx context.Context, p *bus.Publisher[note], n note, w bus.With) error) func(context.Context, *bus.Publisher[note], *publish, int) (int, error) {
	return func(ctx context.Context, p *bus.Publisher[note], o *publish, i int) (int, error) {
		if err := f(ctx, p, o.note(i), o.with(i)); err != nil {
			return 0, err
		}
		return 1, nil
	}
}

// waysToPublish are their names; plain ones cannot give a key or a tail.
func waysToPublish(plain bool) []string {
	ways := []string{"PublishWith", "TryPublishWith", "Loan", "PublishLoans", "PublishItems"}
	if plain {
		ways = append(ways, "Publish", "TryPublish", "PublishBatch")
	}
	return ways
}

func (r *role) publish(o publish) (any, error) {
	p, err := thing[*bus.Publisher[note]](r, o.Name)
	if err != nil {
		return nil, err
	}
	if o.How == "" {
		o.How = "PublishWith"
	}
	way, ok := howToPublish[o.How]
	if !ok {
		return nil, fmt.Errorf("no way to publish is called %q", o.How)
	}
	ctx, cancel := r.within(o.Timeout)
	defer cancel()
	done := 0
	for done < o.N {
		n, err := way(ctx, p, &o, done)
		done += n
		if err != nil {
			return published{done, failed(err)}, nil
		}
	}
	return published{N: done}, nil
}

// flood publishes until it is refused for good: when the publisher or its bus is
// closed, drained, or the role ends.
func (r *role) flood(o flood) (any, error) {
	p, err := thing[*bus.Publisher[note]](r, o.Name)
	if err != nil {
		return nil, err
	}
	if o.How == "" {
		o.How = "PublishWith"
	}
	done := 0
	for {
		order := publish{From: 0, N: done + 64, Keys: o.Keys}
		n, err := howToPublish[o.How](r.ctx, p, &order, done)
		done += n
		switch {
		case errors.Is(err, bus.ErrFull) && r.ctx.Err() == nil:
			runtime.Gosched()
		case err != nil:
			return published{done, failed(err)}, nil
		}
	}
}

func (r *role) publisherStats(n named) (any, error) {
	p, err := thing[*bus.Publisher[note]](r, n.Name)
	if err != nil {
		return nil, err
	}
	return p.Stats(), nil
}

// words is a type that two roles declare differently.
type (
	words      struct{ A, B uint64 }
	otherWords struct {
		A uint64
		B uint32
		C uint32
	}
)

type declaration struct {
	As       string // "words" or "other"
	Priority bus.Priority
}

// declare declares a type under a name that others declare, too.
func (r *role) declare(d declaration) (any, error) {
	o := &bus.PublisherOptions{Type: bus.TypeOptions{Name: "words", Priority: d.Priority}}
	var err error
	if d.As == "other" {
		_, err = bus.NewPublisher[otherWords](r.bus, o)
	} else {
		_, err = bus.NewPublisher[words](r.bus, o)
	}
	return nil, err
}
