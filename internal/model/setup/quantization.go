package setup

import (
	"fmt"
	"slices"
	"strings"

	"tokmeter/internal/model/roofline"
)

// quantizationOf reads a name of vLLM's --quantization: the precision that it
// means where none is given, "" where it says nothing of it, and the kernel.
func quantizationOf(name string) (precision, kernel string, err error) {
	switch n := strings.ToLower(name); n {
	case "gptq", "awq", "gptq_marlin", "awq_marlin", "marlin", "machete":
		return "int4", n, nil
	case "cutlass", "compressed-tensors", "none":
		return "", "", nil
	case "fp8", "fbgemm_fp8", "mxfp4", "modelopt_fp4":
		precision, err = roofline.NamePrecision(n)
		return precision, "", err
	}
	known := append(roofline.KernelNames(), "compressed-tensors", "fp8", "fbgemm_fp8", "mxfp4", "modelopt_fp4")
	slices.Sort(known)
	return "", "", fmt.Errorf("%q: want one of %s", name, strings.Join(known, ", "))
}
