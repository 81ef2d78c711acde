package simulated

import (
	"context"
	"os"
	"strings"

	"tokmeter/internal/cli/shell"
	"tokmeter/internal/model/roofline"
	"tokmeter/internal/model/setup"
)

// FindModel looks for the shapes of a model that the catalogue does not have in
// the cache of Hugging Face and, where the name has an organization, on the hub,
// and puts the folder in the place of the name. It returns the name that was
// found there, "" where none was, and why the hub did not have it.
func FindModel(ctx context.Context, env *shell.Env, s *setup.Setup) (name string, missing error) {
	if s.Model == "" {
		return "", nil
	}
	if _, err := os.Stat(s.Model); err == nil {
		return "", nil
	}
	if _, _, err := roofline.FindModel(s.Model); err == nil {
		return "", nil
	}
	h := env.Hub()
	h.Offline = h.Offline || !strings.Contains(s.Model, "/")
	dir, err := h.Model(ctx, s.Model, []string{"config.json"}, nil)
	switch {
	case err == nil:
		name, s.Model = s.Model, dir
		return name, nil
	case strings.Contains(s.Model, "/"):
		return "", err
	}
	return "", nil
}
