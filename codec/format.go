package codec

import (
	"encoding/hex"
	"strconv"
)

const (
	// maxShown is how many elements of an array, or bytes of a binary value, Format shows.
	maxShown = 64
	// maxText is how many bytes of a string Format shows; the largest of our own types fits.
	maxText = 256
	// maxFormat is about where Format stops, in bytes.
	maxFormat = 16 << 10
)

// Format returns b, an event of the layout's type, for human readers:
// {CallID:"a84b4c76e66710" State:3 Codecs:0x00080000}. What b is too short to hold is shown as a
// question mark. Any content is safe; the result is printable, and its length bounded: long arrays,
// long values and layouts of very many fields are cut short with an ellipsis.
func (l *Layout) Format(b []byte) string {
	return string(l.AppendFormat(nil, b))
}

// AppendFormat appends what [Layout.Format] returns to dst.
func (l *Layout) AppendFormat(dst, b []byte) []byte {
	p := printer{dst: dst, limit: len(dst) + maxFormat}
	p.fields(l.Fields, b)
	return p.dst
}

type printer struct {
	dst   []byte
	limit int
}

func (p *printer) add(s string) { p.dst = append(p.dst, s...) }

// full reports whether the limit is reached; what is open gets closed after that, and nothing else begun.
func (p *printer) full() bool { return len(p.dst) >= p.limit }

func (p *printer) fields(fields []Field, b []byte) {
	p.add("{")
	for i := range fields {
		if i > 0 {
			p.add(" ")
		}
		if p.full() {
			p.add("…")
			break
		}
		p.add(fields[i].Name)
		p.add(":")
		p.field(&fields[i], b)
	}
	p.add("}")
}

func (p *printer) field(f *Field, b []byte) {
	if f.single() {
		p.value(f.value(b, 0))
		return
	}
	p.add("[")
	for n := range f.Count {
		if n > 0 {
			p.add(" ")
		}
		if n == maxShown || p.full() {
			p.add("…")
			break
		}
		switch {
		case f.Kind != KindStruct:
			p.value(f.value(b, n))
		case f.ofArrays():
			p.field(&f.Fields[0], f.elem(b, n))
		default:
			p.fields(f.Fields, f.elem(b, n))
		}
	}
	p.add("]")
}

func (p *printer) value(v any) {
	switch v := v.(type) {
	case bool:
		p.dst = strconv.AppendBool(p.dst, v)
	case int64:
		p.dst = strconv.AppendInt(p.dst, v, 10)
	case uint64:
		p.dst = strconv.AppendUint(p.dst, v, 10)
	case float32:
		p.dst = strconv.AppendFloat(p.dst, float64(v), 'g', -1, 32)
	case float64:
		p.dst = strconv.AppendFloat(p.dst, v, 'g', -1, 64)
	case string:
		p.dst = strconv.AppendQuote(p.dst, v[:min(len(v), maxText)])
		if len(v) > maxText {
			p.add("…")
		}
	case []byte:
		p.add("0x")
		p.dst = hex.AppendEncode(p.dst, v[:min(len(v), maxShown)])
		if len(v) > maxShown {
			p.add("…")
		}
	default:
		p.add("?")
	}
}
