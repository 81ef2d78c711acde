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
// and notes their folder in s. The error is why they are not there; nil says
// that s is to be built as it is.
func FindModel(ctx context.Context, env *shell.Env, s *setup.Setup) (missing error) {
	if s.Model == "" {
		return nil
	}
	if _, err := os.Stat(s.Model); err == nil {
		return nil
	}
	if _, _, err := roofline.FindModel(s.Model); err == nil {
		return nil
	}
	h := env.Hub()
	organized := strings.Contains(s.Model, "/")
	h.Offline = h.Offline || !organized
	dir, err := h.Model(ctx, s.Model, []string{"config.json"}, nil)
	if err == nil {
		s.Folder = dir
	} else if organized {
		return err
	}
	return nil
}
