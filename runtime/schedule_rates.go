package runtime

import "math"

// scheduleKind is the rate of one kind of schedule, and what its arguments may be.
type scheduleKind struct {
	rate     func(p *phase, lr float64, at phaseClock) float64
	momentum func(p *phase, at phaseClock) float64 // nil where it stays that of the optimizer
	check    func(c call) error
}

// scheduleKinds are the schedules by their names. The tables of package dsl have the defaults of their arguments.
var scheduleKinds = map[string]scheduleKind{
	"constant": {rate: func(p *phase, lr float64, at phaseClock) float64 { return lr }},
	"step": {rate: func(p *phase, lr float64, at phaseClock) float64 {
		return lr * power(argNumber(p.call, "factor", 0.1), at.whole(p)/int(argNumber(p.call, "every", 1)))
	}, check: checks(wholeArg("every", 0, 1, 1<<30), numberArg("factor", 0.1, 0, math.MaxFloat64), clockArg)},
	"multi_step": {rate: multiStepRate, check: checks(numberArg("factor", 0.1, 0, math.MaxFloat64), clockArg, milestonesArg)},
	"exponential": {rate: func(p *phase, lr float64, at phaseClock) float64 {
		return lr * power(argNumber(p.call, "factor", 1), at.whole(p))
	}, check: checks(numberArg("factor", 0, 0, math.MaxFloat64), clockArg)},
	"polynomial": {rate: func(p *phase, lr float64, at phaseClock) float64 {
		low := math.Min(argNumber(p.call, "min", 0), lr)
		return low + float64((lr-low)*raise(1-at.part(p), argNumber(p.call, "power", 1)))
	}, check: checks(numberArg("power", 1, 0, 1e6), numberArg("min", 0, 0, math.MaxFloat64), clockArg)},
	"inverse_time": {rate: func(p *phase, lr float64, at phaseClock) float64 {
		return lr / (1 + float64(argNumber(p.call, "rate", 0)*float64(at.whole(p)))/argNumber(p.call, "every", 1))
	}, check: checks(numberArg("rate", 0, 0, 1e30), wholeArg("every", 1, 1, 1<<30), clockArg)},
	"cosine": {rate: func(p *phase, lr float64, at phaseClock) float64 {
		return cosineRate(lr, argNumber(p.call, "min", 0), at.part(p))
	}, check: checks(numberArg("min", 0, 0, math.MaxFloat64), clockArg)},
	"cosine_restarts": {rate: restartsRate, check: checks(wholeArg("period", 0, 1, 1<<30), wholeArg("multiplier", 1, 1, 1000), numberArg("min", 0, 0, math.MaxFloat64), clockArg)},
	"warmup": {rate: func(p *phase, lr float64, at phaseClock) float64 {
		start := argNumber(p.call, "start", 0)
		part := math.Min(float64(at.step+1)/float64(max(at.steps, 1)), 1)
		return lr * (start + float64((1-start)*part))
	}, check: checks(numberArg("start", 0, 0, 1), lastsArg)},
	"cyclic": {rate: cyclicRate, momentum: cyclicMomentum, check: checks(momentumArgs(0.8, 0.9), numberArg("max", 0, 0, math.MaxFloat64), wholeArg("up", 0, 1, 1<<30), wholeArg("down", 0, 0, 1<<30),
		numberArg("factor", 1, 0, 1), wordArg("mode", "triangular", "triangular2", "exp_range"))},
	"one_cycle": {rate: oneCycleRate, momentum: oneCycleMomentum, check: checks(momentumArgs(0.85, 0.95), numberArg("rise", 0.3, 0, 1), numberArg("div", 25, 1, 1e30), numberArg("final_div", 1e4, 1, 1e30),
		wordArg("anneal", "cosine", "linear"))},
	"reduce_on_plateau": {rate: nil, check: checks(numberArg("factor", 0.1, 0, 1), wholeArg("patience", 10, 0, 1<<30), numberArg("min_lr", 0, 0, math.MaxFloat64),
		numberArg("threshold", 1e-4, 0, math.MaxFloat64), wholeArg("cooldown", 0, 0, 1<<30), wordArg("threshold_mode", "rel", "abs"))},
}

func multiStepRate(p *phase, lr float64, at phaseClock) float64 {
	n := 0
	for _, m := range p.milestones {
		if float64(at.whole(p)) >= m {
			n++
		}
	}
	return lr * power(argNumber(p.call, "factor", 0.1), n)
}

func cosineRate(lr, low, part float64) float64 {
	low = math.Min(low, lr)
	return low + float64((lr-low)*float64(0.5*(1+cosPi(part))))
}

func restartsRate(p *phase, lr float64, at phaseClock) float64 {
	t, period := float64(at.step), argNumber(p.call, "period", 1)
	if argWord(p.call, "by", "epoch") == "epoch" {
		t /= float64(max(at.perEpoch, 1))
	}
	longer := argNumber(p.call, "multiplier", 1)
	if longer == 1 {
		t = math.Mod(t, period)
	}
	for longer > 1 && t >= period {
		t -= period
		period *= longer
	}
	return cosineRate(lr, argNumber(p.call, "min", 0), t/period)
}

// momentumArgs checks the bounds of a momentum that is cycled.
func momentumArgs(base, most float64) argCheck {
	return checks(numberArg("base_momentum", base, 0, 1), numberArg("max_momentum", most, 0, 1))
}

func cyclicRate(p *phase, lr float64, at phaseClock) float64 {
	return lr + float64((argNumber(p.call, "max", lr)-lr)*cyclicHeight(p, at))
}

func cyclicMomentum(p *phase, at phaseClock) float64 {
	most := argNumber(p.call, "max_momentum", 0.9)
	return most - float64((most-argNumber(p.call, "base_momentum", 0.8))*cyclicHeight(p, at))
}

// cyclicHeight is how far a cycle has risen, from 0 to 1.
func cyclicHeight(p *phase, at phaseClock) float64 {
	up, down := int(argNumber(p.call, "up", 1)), int(argNumber(p.call, "down", 0))
	if down == 0 {
		down = up
	}
	cycle, t := at.step/(up+down), at.step%(up+down)
	height := float64(t) / float64(up)
	if t > up {
		height = float64(up+down-t) / float64(down)
	}
	switch argWord(p.call, "mode", "triangular") {
	case "triangular2":
		height = math.Ldexp(height, -cycle)
	case "exp_range":
		height *= power(argNumber(p.call, "factor", 1), at.step)
	}
	return height
}

func oneCycleRate(p *phase, lr float64, at phaseClock) float64 {
	first := lr / argNumber(p.call, "div", 25)
	last := first / argNumber(p.call, "final_div", 1e4)
	if threePhases(p) {
		return oneCycle(p, at, [4]float64{first, lr, first, last})
	}
	return oneCycle(p, at, [4]float64{first, lr, last, last})
}

func oneCycleMomentum(p *phase, at phaseClock) float64 {
	most := argNumber(p.call, "max_momentum", 0.95)
	return oneCycle(p, at, [4]float64{most, argNumber(p.call, "base_momentum", 0.85), most, most})
}

func threePhases(p *phase) bool {
	three, _ := p.args["three_phase"].(bool)
	return three
}

// oneCycle goes from the first of four values to the second, from there to the third, and to the fourth.
func oneCycle(p *phase, at phaseClock, values [4]float64) float64 {
	total := float64(at.steps)
	peak, end := float64(argNumber(p.call, "rise", 0.3)*total)-1, total-1
	ends := [3]float64{peak, end, end}
	if threePhases(p) {
		ends[1] = 2 * peak
	}
	t, begin := float64(min(at.step, max(at.steps-1, 0))), 0.0
	for i, to := range ends {
		if t > to && i < 2 {
			begin = to
			continue
		}
		part, from, target := 1.0, values[i], values[i+1]
		if to > begin {
			part = math.Max(0, math.Min(1, (t-begin)/(to-begin)))
		}
		if argWord(p.call, "anneal", "cosine") == "linear" {
			return from + float64((target-from)*part)
		}
		return target + float64((from-target)*float64(0.5*(1+cosPi(part))))
	}
	return values[3]
}
