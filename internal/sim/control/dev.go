package control

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"tokmeter/internal/sim/call"
	"tokmeter/internal/sim/engine"
)

// devRoutes are those of vLLM's VLLM_SERVER_DEV_MODE=1, and the loading of
// adapters, which it has with VLLM_ALLOW_RUNTIME_LORA_UPDATING.
func (s *Control) devRoutes() map[string]call.Handler {
	nothing := func(c *call.Call) bool { return c.Reply(http.StatusOK, nil) }
	return map[string]call.Handler{
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
func replyEngine(c *call.Call, err error) bool {
	if errors.Is(err, engine.ErrFixed) {
		return c.ReplyError(call.NewError(http.StatusNotImplemented, "NotImplementedError", "", err.Error()))
	}
	return c.ReplyError(call.NewError(http.StatusInternalServerError, "InternalServerError", "", err.Error()))
}

// resetPrefixCache answers POST /reset_prefix_cache. There is no external cache
// that reset_external could reset.
func (s *Control) resetPrefixCache(c *call.Call) bool {
	q := call.NewQuery(c)
	running := q.Flag("reset_running_requests", false)
	q.Flag("reset_external", false)
	if fail := q.Err(); fail != nil {
		return c.ReplyError(fail)
	}
	done, err := s.in.Engine.ResetPrefixCache(running)
	if err != nil {
		return replyEngine(c, err)
	}
	return c.Reply(http.StatusOK, map[string]bool{"success": done})
}

// A dozer keeps which parts of a sleeping engine's memory are away.
type dozer struct {
	mu   sync.Mutex
	away map[string]bool
}

// pauseMode reads the parameter mode.
func pauseMode(q *call.Query) engine.PauseMode {
	switch q.Choice("mode", "abort", "wait", "keep") {
	case "wait":
		return engine.PauseWait
	case "keep":
		return engine.PauseKeep
	}
	return engine.PauseAbort
}

// sleep answers POST /sleep.
func (s *Control) sleep(c *call.Call) bool {
	q := call.NewQuery(c)
	level, mode := q.Between("level", 1, 0, 2), pauseMode(q)
	if fail := q.Err(); fail != nil {
		return c.ReplyError(fail)
	}
	begin := time.Now()
	s.doze.mu.Lock()
	defer s.doze.mu.Unlock()
	if err := s.in.Engine.Sleep(level, mode); err != nil {
		return replyEngine(c, err)
	}
	s.doze.away = nil
	if level > 0 {
		s.doze.away = map[string]bool{"weights": true, "kv_cache": true}
	}
	s.slept("sleep", level, begin)
	return c.Reply(http.StatusOK, struct {
		Status string `json:"status"`
		Level  int    `json:"level"`
	}{"sleeping", level})
}

// slept counts an operation and shows the state.
func (s *Control) slept(operation string, level int, begin time.Time) {
	s.meter.series.Sleep(level)
	s.meter.series.SleepOperation(operation, time.Since(begin).Seconds(), unixSeconds(begin))
}

// wakeUp answers POST /wake_up: the engine goes on when weights and KV cache
// are both back, or at once without tags.
func (s *Control) wakeUp(c *call.Call) bool {
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
		if err := s.in.Engine.Wake(); err != nil {
			return replyEngine(c, err)
		}
		s.slept("wake", -1, begin)
	} else {
		s.meter.series.SleepOperation("wake", time.Since(begin).Seconds(), unixSeconds(begin))
	}
	return c.Reply(http.StatusOK, struct {
		Status string   `json:"status"`
		Tags   []string `json:"tags"`
	}{status, tags})
}

// isSleeping answers GET /is_sleeping; vLLM says so of a paused engine too.
func (s *Control) isSleeping(c *call.Call) bool {
	return c.Reply(http.StatusOK, map[string]bool{"is_sleeping": s.in.Engine.Snapshot().Paused})
}

// isPaused answers GET /is_paused.
func (s *Control) isPaused(c *call.Call) bool {
	return c.Reply(http.StatusOK, map[string]bool{"is_paused": s.in.Engine.Snapshot().Paused})
}

// pause answers POST /pause.
func (s *Control) pause(c *call.Call) bool {
	q := call.NewQuery(c)
	mode := pauseMode(q)
	empty := q.Flag("clear_cache", true)
	if fail := q.Err(); fail != nil {
		return c.ReplyError(fail)
	}
	if err := s.in.Engine.Pause(mode); err != nil {
		return replyEngine(c, err)
	}
	if empty && mode != engine.PauseKeep {
		if _, err := s.in.Engine.ResetPrefixCache(false); err != nil {
			return replyEngine(c, err)
		}
	}
	return c.Reply(http.StatusOK, map[string]string{"status": "paused"})
}

// resume answers POST /resume.
func (s *Control) resume(c *call.Call) bool {
	if err := s.in.Engine.Resume(); err != nil {
		return replyEngine(c, err)
	}
	return c.Reply(http.StatusOK, map[string]string{"status": "resumed"})
}

// serverInfo answers GET /server_info in the shape of vLLM's, with the
// simulator's own settings.
func (s *Control) serverInfo(c *call.Call) bool {
	q := call.NewQuery(c)
	format := q.Choice("config_format", "text", "json")
	if fail := q.Err(); fail != nil {
		return c.ReplyError(fail)
	}
	config := map[string]any{"simulated": true, "served_model_name": s.in.Options.Names, "max_model_len": s.in.MaxLen}
	if b := s.in.Built; b != nil {
		config["setup"] = b.Setup
		config["scheduler"] = b.Sched
		config["notes"] = b.Notes
	} else {
		config["fixed"] = *s.in.Options.Fixed
	}
	var shownConfig any = config
	if format == "text" {
		text, err := json.Marshal(config)
		if err != nil {
			return replyEngine(c, fmt.Errorf("server_info: %w", err))
		}
		shownConfig = string(text)
	}
	none := map[string]string{}
	return c.Reply(http.StatusOK, struct {
		Config any               `json:"vllm_config"`
		Env    map[string]string `json:"vllm_env"`
		System map[string]string `json:"system_env"`
	}{shownConfig, none, none})
}
