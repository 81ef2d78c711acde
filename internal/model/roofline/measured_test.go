package roofline

import "testing"

// The embedded measurements name cards, models and formats that there are.
func TestKnown(t *testing.T) {
	all, err := knowns()
	if err != nil || len(all) == 0 {
		t.Fatal(len(all), err)
	}
	for _, k := range all {
		if _, err := FindCard(k.Card); err != nil {
			t.Error(err)
		}
		if _, _, err := FindModel(k.Model); err != nil {
			t.Error(err)
		}
		if p, err := NamePrecision(k.Precision); err != nil || p != k.Precision {
			t.Errorf("%q: %v", k.Precision, err)
		}
		if !(k.TTFT > 0 && k.TPOT > 0) || k.Source == "" {
			t.Errorf("%+v lacks a number or its source", k)
		}
		if got, ok := KnownOf(Known{Card: k.Card, Model: k.Model, Precision: k.Precision, Engine: k.Engine, Dataset: k.Dataset, Rate: k.Rate, Requests: k.Requests}); !ok || got != k {
			t.Errorf("%+v is not found: %+v", k, got)
		}
	}
	if _, ok := KnownOf(Known{Card: "a10g", Model: "llama-3-8b", Precision: "fp16", Engine: "vllm-v1", Dataset: "sharegpt", Rate: 1, Requests: 100}); ok {
		t.Error("another engine's load is taken for a measured one")
	}
}
