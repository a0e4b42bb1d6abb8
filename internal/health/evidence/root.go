package evidence

import "math"

// rootTolerance is the one with which R inverts its rank test, so that intervals are the same.
const rootTolerance = 1e-4

// root finds where f changes its sign between low and high by Brent's method (Algorithms for
// Minimization without Derivatives, 1973, chapter 4): inverse quadratic interpolation, kept in
// bounds by bisection. Where the ends have the same sign it is the end nearer to zero.
func root(f func(float64) float64, low, high float64) float64 {
	s := bracket{a: low, b: high, fa: f(low), fb: f(high)}
	if s.fa == 0 {
		return low
	}
	if s.fa*s.fb > 0 {
		if math.Abs(s.fa) < math.Abs(s.fb) {
			return low
		}
		return high
	}
	s.c, s.fc = s.a, s.fa
	for range 1000 {
		before := s.b - s.a
		if math.Abs(s.fc) < math.Abs(s.fb) {
			s.a, s.b, s.c = s.b, s.c, s.b
			s.fa, s.fb, s.fc = s.fb, s.fc, s.fb
		}
		least := 2*epsilon*math.Abs(s.b) + rootTolerance/2
		step := (s.c - s.b) / 2
		if math.Abs(step) <= least || s.fb == 0 {
			break
		}
		if better, ok := s.interpolate(before, least); ok {
			step = better
		}
		if math.Abs(step) < least {
			step = math.Copysign(least, step)
		}
		s.a, s.fa = s.b, s.fb
		s.b += step
		s.fb = f(s.b)
		if s.fb > 0 == (s.fc > 0) && s.fb != 0 {
			s.c, s.fc = s.a, s.fa
		}
	}
	return s.b
}

const epsilon = 0x1p-52

// bracket is b, the best guess so far; a, the one before; and c on the other side of the root.
type bracket struct {
	a, b, c, fa, fb, fc float64
}

// interpolate proposes a step, unless it is too far or the last one helped too little.
func (s bracket) interpolate(before, least float64) (float64, bool) {
	if math.Abs(before) < least || math.Abs(s.fa) <= math.Abs(s.fb) {
		return 0, false
	}
	width, ratio := s.c-s.b, s.fb/s.fa
	p, q := width*ratio, 1-ratio
	if s.a != s.c {
		q, ratio = s.fa/s.fc, s.fb/s.fc
		over := s.fb / s.fa
		p = over * (width*q*(q-ratio) - (s.b-s.a)*(ratio-1))
		q = (q - 1) * (ratio - 1) * (over - 1)
	}
	if p > 0 {
		q = -q
	} else {
		p = -p
	}
	if p >= 0.75*width*q-math.Abs(least*q)/2 || p >= math.Abs(before*q/2) {
		return 0, false
	}
	return p / q, true
}
