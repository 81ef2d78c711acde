package shell

import (
	"net/http"
	"net/url"

	"golang.org/x/net/http/httpproxy"

	"tokmeter/internal/hub"
)

// Proxy says through which proxy a URL is reached, by the environment.
func (e *Env) Proxy() func(*url.URL) (*url.URL, error) {
	get := func(names ...string) string {
		for _, n := range names {
			if v := e.Getenv(n); v != "" {
				return v
			}
		}
		return ""
	}
	cfg := httpproxy.Config{
		HTTPProxy:  get("HTTP_PROXY", "http_proxy"),
		HTTPSProxy: get("HTTPS_PROXY", "https_proxy"),
		NoProxy:    get("NO_PROXY", "no_proxy"),
	}
	return cfg.ProxyFunc()
}

// Hub finds files of models and datasets.
func (e *Env) Hub() *hub.Hub {
	home := e.Getenv("HOME")
	if home == "" {
		home = e.Getenv("USERPROFILE")
	}
	h := hub.New(e.Getenv, home)
	proxy := e.Proxy()
	h.HTTP = &http.Client{Transport: &http.Transport{
		Proxy:             func(req *http.Request) (*url.URL, error) { return proxy(req.URL) },
		ForceAttemptHTTP2: true,
		DisableKeepAlives: true,
	}}
	h.Progress = downloads(e.Stderr, e.StderrTTY, e.Now)
	return h
}
