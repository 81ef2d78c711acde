package run

import "testing"

// TestNoSuchModel: only an answer that says that there is no such model stops a
// run. Words are those of servers and gateways.
func TestNoSuchModel(t *testing.T) {
	for _, tt := range []struct {
		why, words string
		want       bool
	}{
		{"OpenAI's code", `HTTP 404 Not Found: {"error":{"message":"The model ` + "`my-alias`" + ` does not exist or you do not have access to it.","type":"invalid_request_error","param":null,"code":"model_not_found"}}`, true},
		{"a code alone", `HTTP 400 Bad Request: {"error":{"message":"Bad request","code":"model_not_found"}}`, true},
		{"Azure's code", `HTTP 404 Not Found: {"error":{"code":"DeploymentNotFound","message":"The API deployment for this resource does not exist."}}`, true},
		{"a type alone", `HTTP 400 Bad Request: {"error":{"message":"Bad request","type":"ModelNotFoundError"}}`, true},
		{"a code beside the words", `HTTP 400 Bad Request: {"code":"invalid_model","message":"oops"}`, true},
		{"the parameter", `HTTP 400 Bad Request: {"error":{"message":"Invalid value","type":"invalid_request_error","param":"model","code":null}}`, true},
		{"FastAPI's place", `HTTP 422 Unprocessable Entity: {"detail":[{"type":"value_error","loc":["body","model"],"msg":"Value error, unexpected"}]}`, true},
		{"vLLM", `HTTP 404 Not Found: {"error":{"message":"The model ` + "`my-alias`" + ` does not exist.","type":"NotFoundError","param":"model","code":404}}`, true},
		{"words alone", `HTTP 400 Bad Request: {"error":{"message":"Model not found","type":"invalid_request_error","param":null,"code":null}}`, true},
		{"words with the name", `HTTP 400 Bad Request: {"error":{"message":"model 'my-alias' not found, try pulling it first"}}`, true},
		{"words with the name in quotes", `HTTP 404 Not Found: {"error":{"message":"model \"my-alias\" not found"}}`, true},
		{"unknown model", `HTTP 400 Bad Request: {"message":"Unknown model: my-alias"}`, true},
		{"invalid model name", `HTTP 400 Bad Request: {"error":{"message":"litellm: Invalid model name passed in model=my-alias. Call /v1/models"}}`, true},
		{"no such model", `HTTP 404 Not Found: no such model my-alias`, true},
		{"not a valid model", `HTTP 400 Bad Request: {"error":{"message":"my-alias is not a valid model ID","code":400}}`, true},
		{"not supported", `HTTP 400 Bad Request: {"error":{"message":"The model my-alias is not supported"}}`, true},
		{"no endpoints", `HTTP 404 Not Found: {"error":{"message":"No endpoints found for my-alias.","code":404}}`, true},
		{"the name alone with the verdict", `HTTP 404 Not Found: {"detail":"my-alias not found"}`, true},
		{"no access", `HTTP 403 Forbidden: {"error":{"message":"You do not have access to model my-alias"}}`, true},
		{"could not find", `HTTP 400 Bad Request: Could not find model my-alias`, true},
		{"Chinese", `HTTP 503 Service Unavailable: {"error":{"message":"当前分组 default 下对于模型 my-alias 无可用渠道"}}`, true},
		{"a list, as Google's gateway has it", `HTTP 400 Bad Request: [{"error":{"code":400,"message":"models/my-alias is not found for API version v1beta"}}]`, true},
		{"LiteLLM", `HTTP 400 Bad Request: {"error":{"message":"litellm.BadRequestError: LLM Provider NOT provided. You passed model=my-alias"}}`, true},
		{"words that are cut", `HTTP 404 Not Found: {"error":{"message":"The model my-alias does not exist","type":"invalid_request_error","para`, true},
		{"a page", `HTTP 404 Not Found: <html><body>The model my-alias does not exist</body></html>`, true},

		{"a floor of tokens", `HTTP 400 Bad Request: {"error":{"message":"max_tokens must be greater than 2 for this model","type":"invalid_request_error","code":"integer_below_min_value"}}`, false},
		{"OpenAI's floor", `HTTP 400 Bad Request: {"error":{"message":"Invalid 'max_output_tokens': integer below minimum value. Expected a value >= 16, but got 1 instead.","type":"invalid_request_error","param":"max_output_tokens","code":"integer_below_min_value"}}`, false},
		{"a parameter that the model does not know", `HTTP 400 Bad Request: {"error":{"message":"Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.","type":"invalid_request_error","param":"max_tokens","code":"unsupported_parameter"}}`, false},
		{"a model that reasons", `HTTP 400 Bad Request: {"error":{"message":"Could not finish the message because max_tokens or model output limit was reached. Please try again with higher max_tokens.","type":"invalid_request_error"}}`, false},
		{"FastAPI's place of another member", `HTTP 422 Unprocessable Entity: {"detail":[{"type":"greater_than_equal","loc":["body","max_tokens"],"msg":"Input should be greater than or equal to 2 for this model"}]}`, false},
		{"streaming", `HTTP 400 Bad Request: {"error":{"message":"This model does not support streaming"}}`, false},
		{"temperature", `HTTP 400 Bad Request: {"error":{"message":"temperature does not support 0 with this model. Only the default (1) value is supported.","param":"temperature"}}`, false},
		{"no key", `HTTP 401 Unauthorized: {"error":{"message":"Incorrect API key provided","code":"invalid_api_key"}}`, false},
		{"busy", `HTTP 429 Too Many Requests: {"error":{"message":"Rate limit reached for model my-alias","code":"rate_limit_exceeded"}}`, false},
		{"overloaded", `HTTP 503 Service Unavailable: {"error":{"message":"The model is currently overloaded"}}`, false},
		{"another path", `HTTP 404 Not Found: {"detail":"Not Found"}`, false},
		{"the model is loading", `HTTP 503 Service Unavailable: {"error":{"message":"Loading model","type":"unavailable_error","code":503}}`, false},
		{"warming up", `HTTP 404 Not Found: {"error":{"message":"Deployment is warming up for this model","type":"invalid_request_error","param":null,"code":null}}`, false},
		{"warming up, with its name", `HTTP 404 Not Found: {"error":{"message":"my-alias is warming up","type":"invalid_request_error"}}`, false},
		{"a crash", `HTTP 500 Internal Server Error: {"error":{"message":"model crashed","type":"invalid_request_error"}}`, false},
		{"busy, by OpenAI's type", `HTTP 429 Too Many Requests: {"error":{"message":"rate limit for model","type":"invalid_request_error"}}`, false},
		{"words that are cut", `HTTP 400 Bad Request: {"error":{"message":"this model needs a longer answer","type":"invalid_request_error","para`, false},
		{"nothing", ``, false},
	} {
		if got := readRefusal(tt.words).noSuchModel("my-alias"); got != tt.want {
			t.Errorf("%s: got %v: %s", tt.why, got, tt.words)
		}
	}
}
