package vec

import "fmt"

// operand says what a verb does with its register fields.
type operand uint8

const (
	readA operand = 1 << iota
	readB
	readC
	readD // before it writes it
	writeD
	loads  // memory
	stores // memory
	hints  // at memory that is neither read nor written
)

// verb is what passes need to know of one Code.
type verb struct {
	name string
	use  operand
}

const (
	unary  = readA | writeD
	binary = readA | readB | writeD
	triple = readA | readB | readC | writeD
)

// verbs describes every Code, in order.
var verbs = [...]verb{
	Zero: {"zero", writeD}, Const: {"const", writeD}, Iota: {"iota", writeD},
	Load: {"load", writeD | loads}, LoadPart: {"load_part", writeD | loads}, LoadStride: {"load_stride", writeD | loads},
	LoadStridePart: {"load_stride_part", writeD | loads}, Splat: {"splat", writeD | loads},
	Store: {"store", readA | stores}, StorePart: {"store_part", readA | stores}, StoreStride: {"store_stride", readA | stores},
	StoreZip: {"store_zip", readA | readB | stores},
	Move:     {"move", unary},
	LoadAt:   {"load_at", readA | writeD | loads}, SplatAt: {"splat_at", readA | writeD | loads}, StoreAt: {"store_at", readA | readB | stores},
	Add: {"add", binary}, Sub: {"sub", binary}, Mul: {"mul", binary}, Div: {"div", binary}, Min: {"min", binary}, Max: {"max", binary},
	Sqrt: {"sqrt", unary}, Fma: {"fma", binary | readD}, Fnma: {"fnma", binary | readD},
	Scale: {"scale", binary}, Floor: {"floor", unary}, Ceil: {"ceil", unary}, Round: {"round", unary},
	And: {"and", binary}, Or: {"or", binary}, Xor: {"xor", binary}, AndNot: {"and_not", binary},
	Less: {"less", binary}, LessEq: {"less_eq", binary}, Eq: {"eq", binary}, NotEq: {"not_eq", binary},
	LessI: {"less_i", binary}, EqI: {"eq_i", binary}, Select: {"select", triple}, Low: {"low", binary},
	AddI: {"add_i", binary}, SubI: {"sub_i", binary}, MulI: {"mul_i", binary},
	Shl: {"shl", unary}, Shr: {"shr", unary}, Sar: {"sar", unary}, ToF32: {"to_f32", unary}, ToI32: {"to_i32", unary},
	Fold:      {"fold", unary},
	LoopBegin: {"loop", 0}, LoopEnd: {"end", 0}, AddPtr: {"add_ptr", 0}, Prefetch: {"prefetch", hints},
	FmaTo: {"fma_to", triple}, FnmaTo: {"fnma_to", triple},
	Spill: {"spill", readA}, Reload: {"reload", writeD},
}

// String returns the verb's name in the text form.
func (c Code) String() string {
	if int(c) < len(verbs) {
		return verbs[c].name
	}
	return fmt.Sprintf("code(%d)", uint8(c))
}

// Codes returns every verb, in order.
func Codes() []Code {
	list := make([]Code, len(verbs))
	for i := range list {
		list[i] = Code(i)
	}
	return list
}

// Writes reports whether the verb sets register D.
func (c Code) Writes() bool { return verbs[c].use&writeD != 0 }

// Accumulates reports whether the verb reads D before it sets it.
func (c Code) Accumulates() bool { return verbs[c].use&readD != 0 }

// Loads reports whether the verb reads memory.
func (c Code) Loads() bool { return verbs[c].use&loads != 0 }

// Stores reports whether the verb writes memory.
func (c Code) Stores() bool { return verbs[c].use&stores != 0 }

// Addresses reports whether the verb has an address, at a pointer and a displacement.
func (c Code) Addresses() bool { return verbs[c].use&(loads|stores|hints) != 0 }

// IsMask reports whether the verb's result is a mask: all ones or zeros in each lane.
func (c Code) IsMask() bool {
	switch c {
	case Less, LessEq, Eq, NotEq, LessI, EqI:
		return true
	}
	return false
}

// Reads appends the registers that o reads to list, D of an accumulating verb included, each as often as it is read.
func (o *Op) Reads(list []Reg) []Reg {
	u := verbs[o.Code].use
	if u&readA != 0 {
		list = append(list, o.A)
	}
	if u&readB != 0 {
		list = append(list, o.B)
	}
	if u&readC != 0 {
		list = append(list, o.C)
	}
	if u&readD != 0 {
		list = append(list, o.D)
	}
	return list
}

// replace puts another register in the place of one that o reads other than D.
func (o *Op) replace(old, new Reg) {
	o.mapReads(func(r Reg) Reg {
		if r == old {
			return new
		}
		return r
	})
}

// mapReads replaces the registers that o reads other than D.
func (o *Op) mapReads(m func(Reg) Reg) {
	u := verbs[o.Code].use
	if u&readA != 0 {
		o.A = m(o.A)
	}
	if u&readB != 0 {
		o.B = m(o.B)
	}
	if u&readC != 0 {
		o.C = m(o.C)
	}
}

// Index returns the register whose lane 0 is added to the address, where the verb has one.
func (o *Op) Index() (r Reg, ok bool) {
	switch o.Code {
	case LoadAt, SplatAt:
		return o.A, true
	case StoreAt:
		return o.B, true
	}
	return 0, false
}

// Extent returns the memory that o touches, as the first and the number of elements relative to Ptr+Disp, for a verb that loads or
// stores. Strided verbs count what they need; what lies between may be read too. Of verbs with an index it is the memory at index 0.
func (o *Op) Extent(lanes int) (first, n int) {
	span := func(stride, k int) (int, int) {
		d := stride * (k - 1)
		return min(0, d), max(d, -d) + 1
	}
	switch o.Code {
	case Load, Store:
		return 0, lanes
	case LoadPart, StorePart, LoadAt, StoreAt:
		return 0, o.N
	case LoadStride:
		return span(o.N, lanes)
	case LoadStridePart, StoreStride:
		return span(o.N, o.K)
	case Splat, SplatAt:
		return 0, 1
	case StoreZip:
		return 0, 2 * lanes
	}
	return 0, 0
}

// Elements returns how many elements from pointer p on the kernel may touch with these counts.
func (f *Func) Elements(p Ptr, counts []int) int {
	r := f.Reach[p]
	n := r.Fixed
	for c, per := range r.PerCount {
		n += (counts[c] - 1) * per
	}
	return max(n, 0)
}
