package sim

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"tokmeter/internal/sim/engine"
)

// devRoutes are those of vLLM's VLLM_SERVER_DEV_MODE=1, and the loading of
// adapters, which it has with VLLM_ALLOW_RUNTIME_LORA_UPDATING.
func (s *Server) devRoutes() map[string]handler {
	nothing := func(c *call) bool { return c.reply(http.StatusOK, nil) }
	return map[string]handler{
		"POST /reset_prefix_cache":     s.resetPrefixCache,
		"POST /reset_mm_cache":         nothing, // there is no such cache
		"POST /reset_encoder_cache":    nothing,
		"POST /sleep":                  s.sleep,
		"POST /wake_up":                s.wakeUp,
		"GET /is_sleeping":             s.isSleeping,
		"POST /pause":                  s.pause,
		"POST /resume":                 s.resume,
		"GET /is_paused":               s.isPaused,
		"GET /server_info":             s.serverInfo,
		"POST /v1/load_lora_adapter":   s.loadAdapter,
		"POST /v1/unload_lora_adapter": s.unloadAdapter,
	}
}

// replyEngine answers with what the engine could not do.
func (c *call) replyEngine(err error) bool {
	if errors.Is(err, engine.ErrFixed) {
		return c.replyError(&apiError{http.StatusNotImplemented, "NotImplementedError", "", err.Error()})
	}
	return c.replyError(&apiError{http.StatusInternalServerError, "InternalServerError", "", err.Error()})
}

// resetPrefixCache answers POST /reset_prefix_cache. There is no external cache
// that reset_external could reset.
func (s *Server) resetPrefixCache(c *call) bool {
	q := newQuery(c)
	running := q.flag("reset_running_requests", false)
	q.flag("reset_external", false)
	if fail := q.err(); fail != nil {
		return c.replyError(fail)
	}
	done, err := s.engine.ResetPrefixCache(running)
	if err != nil {
		return c.replyEngine(err)
	}
	return c.reply(http.StatusOK, map[string]bool{"success": done})
}

// A dozer keeps which parts of a sleeping engine's memory are away.
type dozer struct {
	mu   sync.Mutex
	away map[string]bool
}

// pauseMode reads the parameter mode.
func (q *query) pauseMode() engine.PauseMode {
	switch q.choice("mode", "abort", "wait", "keep") {
	case "wait":
		return engine.PauseWait
	case "keep":
		return engine.PauseKeep
	}
	return engine.PauseAbort
}

// sleep answers POST /sleep.
func (s *Server) sleep(c *call) bool {
	q := newQuery(c)
	level, mode := q.between("level", 1, 0, 2), q.pauseMode()
	if fail := q.err(); fail != nil {
		return c.replyError(fail)
	}
	begin := time.Now()
	s.doze.mu.Lock()
	defer s.doze.mu.Unlock()
	if err := s.engine.Sleep(level, mode); err != nil {
		return c.replyEngine(err)
	}
	s.doze.away = nil
	if level > 0 {
		s.doze.away = map[string]bool{"weights": true, "kv_cache": true}
	}
	s.slept("sleep", level, begin)
	return c.reply(http.StatusOK, struct {
		Status string `json:"status"`
		Level  int    `json:"level"`
	}{"sleeping", level})
}

// slept counts an operation and shows the state.
func (s *Server) slept(operation string, level int, begin time.Time) {
	s.meter.series.Sleep(level)
	s.meter.series.SleepOperation(operation, time.Since(begin).Seconds(), unixSeconds(begin))
}

// wakeUp answers POST /wake_up: the engine goes on when weights and KV cache
// are both back, or at once without tags.
func (s *Server) wakeUp(c *call) bool {
	tags := c.URL.Query()["tags"]
	begin := time.Now()
	s.doze.mu.Lock()
	defer s.doze.mu.Unlock()
	if tags == nil {
		s.doze.away = nil
	}
	for _, tag := range tags {
		delete(s.doze.away, tag)
	}
	status := "sleeping"
	if len(s.doze.away) == 0 {
		status = "awake"
		if err := s.engine.Wake(); err != nil {
			return c.replyEngine(err)
		}
		s.slept("wake", -1, begin)
	} else {
		s.meter.series.SleepOperation("wake", time.Since(begin).Seconds(), unixSeconds(begin))
	}
	return c.reply(http.StatusOK, struct {
		Status string   `json:"status"`
		Tags   []string `json:"tags"`
	}{status, tags})
}

// isSleeping answers GET /is_sleeping; vLLM says so of a paused engine too.
func (s *Server) isSleeping(c *call) bool {
	return c.reply(http.StatusOK, map[string]bool{"is_sleeping": s.engine.Snapshot().Paused})
}

// isPaused answers GET /is_paused.
func (s *Server) isPaused(c *call) bool {
	return c.reply(http.StatusOK, map[string]bool{"is_paused": s.engine.Snapshot().Paused})
}

// pause answers POST /pause.
func (s *Server) pause(c *call) bool {
	q := newQuery(c)
	mode := q.pauseMode()
	empty := q.flag("clear_cache", true)
	if fail := q.err(); fail != nil {
		return c.replyError(fail)
	}
	if err := s.engine.Pause(mode); err != nil {
		return c.replyEngine(err)
	}
	if empty && mode != engine.PauseKeep {
		if _, err := s.engine.ResetPrefixCache(false); err != nil {
			return c.replyEngine(err)
		}
	}
	return c.reply(http.StatusOK, map[string]string{"status": "paused"})
}

// resume answers POST /resume.
func (s *Server) resume(c *call) bool {
	if err := s.engine.Resume(); err != nil {
		return c.replyEngine(err)
	}
	return c.reply(http.StatusOK, map[string]string{"status": "resumed"})
}

// serverInfo answers GET /server_info in the shape of vLLM's, with the
// simulator's own settings.
func (s *Server) serverInfo(c *call) bool {
	q := newQuery(c)
	format := q.choice("config_format", "text", "json")
	if fail := q.err(); fail != nil {
		return c.replyError(fail)
	}
	config := map[string]any{"simulated": true, "served_model_name": s.opts.Names, "max_model_len": s.maxLen}
	if b := s.built; b != nil {
		config["setup"] = b.Setup
		config["scheduler"] = b.Sched
		config["notes"] = b.Notes
	} else {
		config["fixed"] = *s.opts.Fixed
	}
	var shownConfig any = config
	if format == "text" {
		text, err := json.Marshal(config)
		if err != nil {
			return c.replyEngine(fmt.Errorf("server_info: %w", err))
		}
		shownConfig = string(text)
	}
	none := map[string]string{}
	return c.reply(http.StatusOK, struct {
		Config any               `json:"vllm_config"`
		Env    map[string]string `json:"vllm_env"`
		System map[string]string `json:"system_env"`
	}{shownConfig, none, none})
}
