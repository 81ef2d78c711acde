package engine

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"tokmeter/internal/python"
)

const (
	configBytes = 1 << 20 // of a config.json that is read
	configKept  = 64 << 10
)

// hubPlaces are where the hub's client keeps models, as the environment tells
// (https://huggingface.co/docs/huggingface_hub/package_reference/environment_variables).
func hubPlaces(env []string) []string {
	values := map[string]string{}
	for _, v := range env {
		if name, value, ok := strings.Cut(v, "="); ok {
			values[name] = value
		}
	}
	var out []string
	if v := values["HF_HUB_CACHE"]; v != "" {
		out = append(out, v)
	}
	if v := values["HUGGINGFACE_HUB_CACHE"]; v != "" {
		out = append(out, v)
	}
	if v := values["HF_HOME"]; v != "" {
		out = append(out, filepath.Join(v, "hub"))
	}
	if v := values["XDG_CACHE_HOME"]; v != "" {
		out = append(out, filepath.Join(v, "huggingface", "hub"))
	}
	for _, name := range []string{"HOME", "USERPROFILE"} {
		if v := values[name]; v != "" {
			out = append(out, filepath.Join(v, ".cache", "huggingface", "hub"))
		}
	}
	return out
}

// findConfig is the config.json of a model on this machine: of a folder, or of
// a stub in the hub's cache; "" where there is none.
func findConfig(model, dir string, env []string) string {
	if model == "" || strings.ContainsRune(model, 0) {
		return ""
	}
	folder := model
	if !filepath.IsAbs(folder) {
		folder = filepath.Join(dir, folder)
	}
	paths := []string{filepath.Join(folder, "config.json")}
	if !filepath.IsAbs(model) && strings.Count(model, "/") <= 1 && !strings.Contains(model, "..") {
		name := "models--" + strings.ReplaceAll(model, "/", "--")
		for _, hub := range hubPlaces(env) {
			ref, err := os.ReadFile(filepath.Join(hub, name, "refs", "main"))
			commit := strings.TrimSpace(string(ref))
			if err != nil || commit == "" || strings.ContainsAny(commit, `/\`) {
				continue
			}
			paths = append(paths, filepath.Join(hub, name, "snapshots", commit, "config.json"))
		}
	}
	for _, p := range paths {
		if st, err := os.Stat(p); err == nil && st.Mode().IsRegular() {
			return p
		}
	}
	return ""
}

// readConfigFile reads a config.json into the facts; a file that can't be read
// leaves them as they are.
func readConfigFile(f *Facts, path string) {
	file, err := os.Open(path)
	if err != nil {
		return
	}
	defer file.Close()
	b, err := io.ReadAll(io.LimitReader(file, configBytes))
	if err == nil {
		readConfig(f, b)
	}
}

// readConfig reads a model's config.json: the whole of it is kept where it is of
// a usual size, and what it says of architecture, type and quantization.
func readConfig(f *Facts, b []byte) {
	var c struct {
		Architectures []string `json:"architectures"`
		TorchDType    string   `json:"torch_dtype"`
		DType         string   `json:"dtype"` // transformers 5 and later
		Quant         *struct {
			Method string  `json:"quant_method"`
			Bits   float64 `json:"bits"`
		} `json:"quantization_config"`
	}
	b = python.StrictJSON(b)
	if json.Unmarshal(b, &c) != nil {
		return
	}
	var small bytes.Buffer
	if json.Compact(&small, b) == nil && small.Len() <= configKept && small.Len() > 0 && small.Bytes()[0] == '{' {
		f.Config = small.Bytes()
	}
	if len(c.Architectures) > 0 {
		set(&f.Architecture, c.Architectures[0])
	}
	set(&f.DType, c.TorchDType)
	set(&f.DType, c.DType)
	if q := c.Quant; q != nil && q.Method != "" {
		bits := ""
		if q.Bits > 0 && q.Bits <= 64 {
			bits = fmt.Sprintf(" %g bit", q.Bits)
		}
		set(&f.Quantization, q.Method+bits)
	}
}
