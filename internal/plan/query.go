package plan

import (
	"encoding/json"
	"net/url"
	"slices"
	"strings"
)

// RedactedQuery is an address with Redacted for the values of those parameters
// of its query that are secrets by their name, such as api-key.
func RedactedQuery(address string) string {
	path, query, ok := strings.Cut(address, "?")
	if !ok {
		return address
	}
	parts := strings.Split(query, "&")
	for i, p := range parts {
		if name, value, ok := strings.Cut(p, "="); ok && value != "" && namesSecret(name) {
			parts[i] = name + "=" + Redacted
		}
	}
	return path + "?" + strings.Join(parts, "&")
}

// querySecrets are the values that RedactedQuery hides.
func querySecrets(address string) (secrets []string) {
	_, query, _ := strings.Cut(address, "?")
	for p := range strings.SplitSeq(query, "&") {
		name, value, ok := strings.Cut(p, "=")
		if !ok || !namesSecret(name) {
			continue
		}
		secrets = append(secrets, value)
		if plain, err := url.QueryUnescape(value); err == nil && plain != value {
			secrets = append(secrets, plain)
		}
	}
	return secrets
}

// namesSecret reports whether the value of a parameter of this name is a secret.
func namesSecret(name string) bool {
	name = strings.ToLower(name)
	if name == "code" || name == "sig" { // of Azure's functions and storage
		return true
	}
	return slices.ContainsFunc([]string{"key", "token", "secret", "signature", "password", "auth", "credential"}, func(word string) bool {
		return strings.Contains(name, word)
	})
}

// MarshalJSON writes everything but secrets, also those in the endpoint's query.
func (t Target) MarshalJSON() ([]byte, error) {
	type target Target
	t.Endpoint = RedactedQuery(t.Endpoint)
	return json.Marshal(target(t))
}
