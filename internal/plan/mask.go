package plan

import (
	"encoding/json"
	"html"
	"net/url"
	"strings"
)

// leastSecret is the shortest value that is masked: shorter ones are words of
// their own.
const leastSecret = 4

// Mask puts Redacted in place of the key, of the values of headers and of secrets
// in the endpoint's query wherever they stand in a text of the server's: some repeat them in their refusals.
func (t *Target) Mask(text string) string {
	var pairs []string
	cut := ""
	add := func(secret string) {
		if secret = strings.TrimSpace(secret); len(secret) < leastSecret {
			return
		}
		quoted, _ := json.Marshal(secret) // a string is always marshalled
		inJSON := strings.Trim(string(quoted), `"`)
		for _, form := range []string{
			secret, inJSON, strings.ReplaceAll(inJSON, "/", `\/`), // as PHP writes it
			url.QueryEscape(secret), url.PathEscape(secret), html.EscapeString(secret),
		} {
			pairs = append(pairs, form, Redacted)
		}
		for n := len(secret) - 1; n > max(leastSecret, len(cut)); n-- {
			if strings.HasSuffix(text, secret[:n]) {
				cut = secret[:n] // the text was cut inside it
			}
		}
	}
	secrets := append(querySecrets(t.Endpoint), t.APIKey)
	for _, h := range t.Headers {
		secrets = append(secrets, h.Value)
	}
	for _, s := range secrets {
		add(s)
		if scheme, credentials, ok := strings.Cut(s, " "); ok && isToken(scheme) {
			add(credentials)
		}
	}
	if len(pairs) == 0 {
		return text
	}
	if cut != "" {
		text = strings.TrimSuffix(text, cut) + Redacted
	}
	return strings.NewReplacer(pairs...).Replace(text)
}
