package workflow

import (
	"context"
	"errors"
	"sync"
)

// branches carries out a Parallel. The error of the branch that fails first is the state's own, and
// ends the other branches.
func (x *execution) branches(ctx context.Context, s *state, f *frame, input any) (any, error) {
	if f.Branches == nil {
		frames := make([]*frame, len(s.flows))
		for i := range frames {
			frames[i] = &frame{Data: input, Item: f.Item}
		}
		x.update(func() { f.Branches = frames })
	}
	return x.together(ctx, f.Branches, len(f.Branches), func(i int) flow { return s.flows[i] })
}

// eachItem carries out a Map.
func (x *execution) eachItem(ctx context.Context, s *state, f *frame, input any) (any, error) {
	if f.Branches == nil {
		frames, err := x.itemFrames(s, f, input)
		if err != nil {
			return nil, err
		}
		x.update(func() { f.Branches = frames })
	}
	limit := s.MaxConcurrency
	if limit == 0 {
		limit = maxMapConcurrency
	}
	return x.together(ctx, f.Branches, limit, func(int) flow { return s.flows[0] })
}

// maxMapConcurrency is what AWS bounds an inline Map to.
const maxMapConcurrency = 40

func (x *execution) itemFrames(s *state, f *frame, input any) ([]*frame, error) {
	value, err := s.ItemsPath.apply(input, x.contextOf(f))
	if err != nil {
		return nil, err
	}
	items, ok := value.([]any)
	if !ok {
		return nil, failf(ErrorRuntime, "ItemsPath %s names no array", s.ItemsPath.text)
	}
	frames := make([]*frame, len(items))
	for i, value := range items {
		frames[i] = &frame{Data: value, Item: &item{Index: i, Value: value}}
		if !s.ItemSelector.given() {
			continue
		}
		outer := *f
		outer.Item = frames[i].Item
		if frames[i].Data, err = s.ItemSelector.fill(input, x.contextOf(&outer)); err != nil {
			return nil, err
		}
	}
	return frames, nil
}

// together follows the frames that are not done, at most limit at once, and gives all outputs.
func (x *execution) together(ctx context.Context, frames []*frame, limit int, flowOf func(int) flow) (any, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	slots := make(chan struct{}, max(limit, 1))
	errs := make([]error, len(frames))
	var all sync.WaitGroup
	for i, f := range frames {
		if f.Done {
			continue
		}
		slots <- struct{}{}
		all.Go(func() {
			defer func() { <-slots }()
			output, err := x.follow(ctx, flowOf(i), f)
			if err != nil {
				errs[i] = err
				cancel(errAborted)
				return
			}
			x.update(func() { f.Done, f.Output = true, output })
		})
	}
	all.Wait()
	if err := first(errs); err != nil {
		return nil, err
	}
	outputs := make([]any, len(frames))
	for i, f := range frames {
		outputs[i] = f.Output
	}
	return outputs, nil
}

// first gives the error that counts: not one of a branch that only ended because of another's.
func first(errs []error) error {
	for _, err := range errs {
		if err != nil && !errors.Is(err, errAborted) {
			return err
		}
	}
	return nil
}
