package metrics

import (
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql"
)

// valueOf copies a result of the engine into the types whose JSON is that of the HTTP API.
func valueOf(result *promql.Result) model.Value {
	switch v := result.Value.(type) {
	case promql.Scalar:
		return &model.Scalar{Timestamp: model.Time(v.T), Value: model.SampleValue(v.V)}
	case promql.String:
		return &model.String{Timestamp: model.Time(v.T), Value: v.V}
	case promql.Matrix:
		matrix := make(model.Matrix, 0, len(v))
		for _, one := range v {
			matrix = append(matrix, &model.SampleStream{Metric: metricOf(one.Metric), Values: pairsOf(one.Floats)})
		}
		return matrix
	case promql.Vector:
		vector := make(model.Vector, 0, len(v))
		for _, one := range v {
			vector = append(vector, &model.Sample{
				Metric: metricOf(one.Metric), Timestamp: model.Time(one.T), Value: model.SampleValue(one.F),
			})
		}
		return vector
	}
	return model.Vector{}
}

func metricOf(l labels.Labels) model.Metric {
	metric := model.Metric{}
	l.Range(func(one labels.Label) { metric[model.LabelName(one.Name)] = model.LabelValue(one.Value) })
	return metric
}

func pairsOf(points []promql.FPoint) []model.SamplePair {
	pairs := make([]model.SamplePair, len(points))
	for i, p := range points {
		pairs[i] = model.SamplePair{Timestamp: model.Time(p.T), Value: model.SampleValue(p.F)}
	}
	return pairs
}
