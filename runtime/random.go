package runtime

import "math/bits"

// Random numbers are counter-based: each is a pure function of a key and a counter. So there is no state to save, and they do not
// depend on who asks first.

// mix64 is the finalizer of SplitMix64 (Steele, Lea, Flood: Fast Splittable Pseudorandom Number Generators, 2014).
func mix64(x uint64) uint64 {
	x ^= x >> 30
	x *= 0xbf58476d1ce4e5b9
	x ^= x >> 27
	x *= 0x94d049bb133111eb
	return x ^ x>>31
}

// golden is 2^64 divided by the golden ratio, the step of SplitMix64's counter.
const golden = 0x9e3779b97f4a7c15

// randomKey joins a seed and numbers that tell uses apart into one key.
func randomKey(seed int, parts ...int) uint64 {
	k := mix64(uint64(seed) + golden)
	for _, p := range parts {
		k = mix64(k ^ mix64(uint64(p)+golden))
	}
	return k
}

// randomBits is number n of the sequence of a key: SplitMix64 at that counter.
func randomBits(key, n uint64) uint64 { return mix64(key + (n+1)*golden) }

// randomBelow is number n of the sequence as an integer in 0 … limit-1; its bias is below limit/2^64.
func randomBelow(key, n uint64, limit int) int {
	hi, _ := bits.Mul64(randomBits(key, n), uint64(limit))
	return int(hi)
}

// randomUnit is number n of the sequence as one of 2^24 evenly spaced values in the open interval (-1, 1), symmetric about 0. All of
// its arithmetic is exact.
func randomUnit(key, n uint64) float64 {
	k := int64(randomBits(key, n) >> 40) // 24 bits
	return float64(2*k+1-1<<24) / (1 << 24)
}

// Keys of independent uses of one seed.
const (
	useInit    = 1
	useShuffle = 2
)

// shuffle fills order with the permutation of 0 … len-1 that belongs to a seed and an epoch (Fisher and Yates).
func shuffle(order []int32, seed, epoch int) {
	for i := range order {
		order[i] = int32(i)
	}
	key := randomKey(seed, useShuffle, epoch)
	for i := len(order) - 1; i > 0; i-- {
		j := randomBelow(key, uint64(i), i+1)
		order[i], order[j] = order[j], order[i]
	}
}
