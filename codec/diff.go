package codec

import "fmt"

// Diff says in words where two layouts differ, l being "here" and other "there":
// "field Caller: string32 at 16 here, string64 at 16 there". It returns nil if, and only if, their
// schemas are the same.
func (l *Layout) Diff(other *Layout) []string {
	var d []string
	if l.Size != other.Size {
		d = append(d, fmt.Sprintf("size: %d here, %d there", l.Size, other.Size))
	}
	if l.Align != other.Align {
		d = append(d, fmt.Sprintf("alignment: %d here, %d there", l.Align, other.Align))
	}
	return diffFields(d, "", l.Fields, other.Fields)
}

func diffFields(d []string, prefix string, here, there []Field) []string {
	rest := make(map[string]*Field, len(there))
	for i := range there {
		rest[there[i].Name] = &there[i]
	}
	for i := range here {
		h := &here[i]
		t, ok := rest[h.Name]
		if !ok {
			d = append(d, fmt.Sprintf("field %s%s: %s only here", prefix, h.Name, h.place()))
			continue
		}
		delete(rest, h.Name)
		if h.place() != t.place() {
			d = append(d, fmt.Sprintf("field %s%s: %s here, %s there", prefix, h.Name, h.place(), t.place()))
		}
		hm, brackets := h.members()
		if tm, tb := t.members(); brackets == tb {
			d = diffFields(d, prefix+h.Name+brackets+".", hm, tm)
		}
	}
	for i := range there {
		t := &there[i]
		if _, ok := rest[t.Name]; ok {
			d = append(d, fmt.Sprintf("field %s%s: %s only there", prefix, t.Name, t.place()))
		}
	}
	return d
}

func (f *Field) place() string { return fmt.Sprintf("%s at %d", f.Type(), f.Offset) }
