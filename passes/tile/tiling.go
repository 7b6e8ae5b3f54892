package tile

import (
	"fmt"
	"math"
	"slices"

	"github.com/dlc-ml/dlc/avo/kernel"
	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/loop"
)

// tiling is a cluster as scans over its tiles, one after the other: where the tiles do not come out even, the last one is over the rest, and where places meet only those
// before them, tiles that meet about as many have a scan of their own.
type tiling struct {
	c       *cluster
	block   int // how many places of the tiled role a tile has
	scans   []*loop.Nest
	pieces  int                           // places of the other roles that threads may share; 0 where tiles add up
	strands int                           // how many tiles exist at a time, for each of these
	begin   []*loop.Nest                  // what is set to zero before
	end     []*loop.Nest                  // what is made of complete sums behind
	own     map[*loop.Buffer]*loop.Buffer // of what only the cluster knows: the part that exists at a time
	sight   *sight                        // what tiles meet; nil for all
	whole   map[*member]*loop.Access      // of sums that are stored through an expression: the sums themselves
	names   map[string]bool               // of new buffers
}

// String says how large a tile is.
func (t *tiling) String() string {
	tiles := 0
	for _, s := range t.scans {
		tiles += steps(s)
	}
	text := fmt.Sprintf("%d tiles of %d places of %s", tiles, t.block, t.c.seed.Name)
	if t.sight != nil {
		text += ", without what is hidden from all places of a tile"
	}
	return text
}

// steps is how many steps a scan has.
func steps(s *loop.Nest) int {
	n := 1
	for _, a := range s.Axes {
		n *= a.Extent.Size
	}
	return n
}

// tiled returns the role that is cut into tiles: the longest of those along which the first product reads one of its factors again and again; the others are taken
// place by place. A role that both factors know, such as heads, brings nothing by being longer.
func (c *cluster) tiled() int {
	m := c.members[0]
	best := -1
	for r, a := range m.axis {
		shared := true
		for _, e := range m.nest.Value.Args {
			shared = shared && slices.ContainsFunc(e.From.Index, func(ix loop.Affine) bool { return ix.Coef(a) != 0 })
		}
		if !shared && (best < 0 || c.roles[r] > c.roles[best]) {
			best = r
		}
	}
	return best
}

// blocks are the sizes of tiles that are tried, beside the whole.
var blocks = []int{8, 16, 24, 32, 48, 64, 96, 128, 192, 256}

// best returns the cheapest tiling of a cluster; nil where the nests are as cheap one after the other.
func (c *cluster) best(o Options) (*tiling, error) {
	role := c.tiled()
	if role < 0 {
		return nil, nil
	}
	if o.Block > 0 {
		return c.tile(role, min(o.Block, c.roles[role]), mostGroups), nil
	}
	least, err := c.price(o.Sizes)
	if err != nil {
		return nil, err
	}
	var best *tiling
	try := func(block, groups int) error {
		t := c.tile(role, block, groups)
		if t == nil {
			return nil
		}
		p, err := t.price(o.Sizes)
		if p *= 1 + scanLoss*float64(len(t.scans)-1); err == nil && p < least {
			best, least = t, p
		}
		return err
	}
	for _, b := range append(slices.DeleteFunc(slices.Clone(blocks), func(b int) bool { return b >= c.roles[role] }), c.roles[role]) {
		for groups := 1; groups <= mostGroups && (groups == 1 || c.sees(role) != nil); groups *= 2 {
			if err := try(b, groups); err != nil {
				return nil, err
			}
		}
	}
	return best, nil
}

// Another scan needs kernels of its own: it must make a cluster cheaper by a part of scanLoss.
const (
	scanLoss   = 0.03
	mostGroups = 8
)

// What the call of a kernel takes beside its work, and how long it may take at most, where smaller tiles are possible: about 200 µs, since the garbage collector waits for it.
const (
	callCycles = 100
	mostCycles = 800000
)

// price estimates the cycles of the nests of a cluster one after the other: what they compute, and how long they wait for what they hand each other.
func (c *cluster) price(sizes map[string]int) (float64, error) {
	sum, lines, bytes := 0.0, 0.0, 0.0
	for _, m := range c.members {
		p, err := kernel.Price(m.nest, sizes)
		if err != nil {
			return 0, err
		}
		sum += p
		lines += handed(m.nest, c.private())
	}
	for b := range c.private() {
		bytes += 4 * float64(b.Size())
	}
	// A session runs a few examples at a time.
	return sum + kernel.Examples*lines*kernel.LineCycles(2*bytes), nil
}

// handed counts the cache lines that a nest reads and writes of the given buffers.
func handed(n *loop.Nest, of map[*loop.Buffer]bool) float64 {
	points, lines := 1.0, 0.0
	for i := range len(n.Axes) + len(n.Red) {
		points *= float64(n.AxisAt(i).Extent.Size)
	}
	for _, a := range n.Accesses() {
		if of[a.Buf] {
			lines += min(points, float64(a.Buf.Size())) / lineElems
		}
	}
	return lines
}

// price estimates the cycles of a tiling; infinitely many where a call would take too long.
func (t *tiling) price(sizes map[string]int) (float64, error) {
	own, bytes := map[*loop.Buffer]bool{}, 0.0
	sum := 0.0
	for _, s := range t.scans {
		for _, n := range s.Body {
			for _, a := range n.Accesses() {
				if b := a.Buf; t.isOwn(b) && !own[b] {
					own[b] = true
					bytes += 4 * float64(t.size(b))
				}
			}
		}
		for _, n := range s.Body {
			p, err := kernel.Price(n, sizes, s.Axes...)
			if err != nil {
				return 0, err
			}
			if p > kernel.Examples*mostCycles && t.block > blocks[0] {
				return math.Inf(1), nil
			}
			sum += float64(steps(s)) * (p + kernel.Examples*(callCycles+handed(n, own)*kernel.LineCycles(bytes)))
		}
	}
	return sum, nil
}

// isOwn reports whether a buffer holds one tile at a time.
func (t *tiling) isOwn(b *loop.Buffer) bool {
	for _, o := range t.own {
		if o == b {
			return true
		}
	}
	return false
}

// size is how much of a buffer one step touches.
func (t *tiling) size(b *loop.Buffer) int {
	n := b.Size()
	for old, o := range t.own {
		if o != b {
			continue
		}
		for r, d := range t.c.written[old] {
			if r != t.c.tiled() {
				n /= o.Shape[d].Size
			} else {
				n /= t.strands
			}
		}
	}
	return n
}

// private are the buffers that only members know.
func (c *cluster) private() map[*loop.Buffer]bool {
	if c.own != nil {
		return c.own
	}
	own := map[*loop.Buffer]bool{}
	for b, dims := range c.written {
		if dims != nil && b.Space == loop.Temp && b.Alias == nil && b.Wide == 0 {
			own[b] = true
		}
	}
	for _, b := range c.f.Buffers {
		if b.Alias != nil {
			delete(own, b.Root())
		}
	}
	inside := map[*loop.Nest]bool{}
	for _, m := range c.members {
		inside[m.nest] = true
	}
	c.f.Each(func(n *loop.Nest, _ []loop.Axis) {
		if inside[n] {
			return
		}
		for _, a := range n.Accesses() {
			delete(own, a.Buf)
		}
	})
	c.own = own
	return own
}

// shrunk is the part of a buffer that exists at a time: a tile, of every place of the roles whose places are worked on side by side, and of one of the others.
func (t *tiling) shrunk(b *loop.Buffer, role int, apart []bool) *loop.Buffer {
	o := *b
	o.Shape = slices.Clone(b.Shape)
	for r, d := range t.c.written[b] {
		switch {
		case r == role:
			o.Shape[d] = ir.D(t.block * t.strands)
		case !apart[r]:
			o.Shape[d] = ir.D(1)
		}
	}
	order := orderOf(b)
	o.Strides = make([]int, len(o.Shape))
	n := 1
	for i, d := range slices.Backward(order) {
		o.Strides[d] = n
		if n *= o.Shape[d].Size; i == len(order)-1 && n%collide == 0 {
			n += lineElems
		}
	}
	return &o
}

// Rows of a tile that lie a multiple of so many elements apart would share their place in the first-level cache: they are set apart by a line.
const (
	collide   = 256
	lineElems = 16
)

// orderOf lists the dimensions of a buffer, the outermost first.
func orderOf(b *loop.Buffer) []int {
	order := make([]int, len(b.Shape))
	for d := range order {
		order[d] = d
	}
	slices.SortStableFunc(order[1:], func(x, y int) int { return b.Strides[y] - b.Strides[x] })
	return order
}

// replace puts a tiling in the place of its cluster in f and returns the number of its last nest.
func (t *tiling) replace(f *loop.Func) int {
	inside := map[*loop.Nest]bool{}
	for _, m := range t.c.members {
		inside[m.nest] = true
	}
	for _, n := range slices.Concat(t.c.before, t.c.after) {
		inside[n] = true
	}
	var list []*loop.Nest
	for i, n := range f.Nests {
		if !inside[n] {
			list = append(list, n)
		}
		if i != t.c.last {
			continue
		}
		list = append(list, t.c.before...)
		list = append(list, t.begin...)
		list = append(list, t.scans...)
		list = append(list, t.end...)
		list = append(list, t.c.after...)
	}
	for i, b := range f.Buffers {
		if o := t.own[b]; o != nil {
			f.Buffers[i] = o
		}
	}
	for _, m := range t.c.members {
		if w := t.whole[m]; w != nil {
			f.Buffers = append(f.Buffers, w.Buf)
		}
	}
	f.Nests = list
	t.unused(f)
	return slices.Index(f.Nests, t.scans[0])
}

// unused drops the buffers of a tiling that no nest touches any more.
func (t *tiling) unused(f *loop.Func) {
	touched := map[*loop.Buffer]bool{}
	f.Each(func(n *loop.Nest, _ []loop.Axis) {
		for _, a := range n.Accesses() {
			touched[a.Buf] = true
		}
	})
	f.Buffers = slices.DeleteFunc(f.Buffers, func(b *loop.Buffer) bool { return t.isOwn(b) && !touched[b] })
}
