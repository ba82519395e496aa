package codec

import "testing"

func BenchmarkCast(b *testing.B) {
	buf := aligned(256)
	b.ReportAllocs()
	var sum uint64
	for b.Loop() {
		sum += uint64(Cast[callEvent](buf).Seq)
	}
	_ = sum
}

func BenchmarkView(b *testing.B) {
	buf := aligned(256)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := View[callEvent](buf); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkString64(b *testing.B) {
	const id = "a84b4c76e66710@pc33.atlanta.example"
	var s String64
	b.Run("op=set", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			_ = s.Set(id)
		}
	})
	b.Run("op=equal", func(b *testing.B) {
		b.ReportAllocs()
		_ = s.Set(id)
		for b.Loop() {
			if !s.Equal(id) {
				b.Fatal("not equal")
			}
		}
	})
}

func BenchmarkHash(b *testing.B) {
	const id = "a84b4c76e66710@pc33.atlanta.example"
	b.SetBytes(int64(len(id)))
	for b.Loop() {
		Hash(id)
	}
}

func BenchmarkParseSchema(b *testing.B) {
	schema := layoutOf[callEvent](b).AppendSchema(nil)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := ParseSchema(schema); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkFormat(b *testing.B) {
	l, event := layoutOf[callEvent](b), filledEvent(b)
	var dst []byte
	b.ReportAllocs()
	for b.Loop() {
		dst = l.AppendFormat(dst[:0], event)
	}
}

func BenchmarkLayoutOf(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		layoutOf[callEvent](b)
	}
}

func BenchmarkDiff(b *testing.B) {
	l := layoutOf[callEvent](b)
	other, err := ParseSchema(l.AppendSchema(nil))
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if d := l.Diff(other); d != nil {
			b.Fatal(d)
		}
	}
}
