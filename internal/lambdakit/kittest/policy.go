package kittest

// Policy is one that connects everything and has one service in one stage.
const Policy = `apiVersion: guardian/v1
mode: act
server:
  webhookTokens: ["secret:webhook"]
  operators: {anna: "secret:anna"}
connections:
  argocd: {server: "127.0.0.1:1", token: "secret:argocd", plainText: true, timeout: 1s}
  prometheus: {url: "http://127.0.0.1:1", timeout: 1s}
gates:
  errors: {query: 'sum(app_bad{service="$service"})', failureCondition: result > 0.5}
services:
  review: {gates: [errors], stages: [{name: prod, application: review}]}
rules:
  - match: '{alertname="Bad"}'
    target: {service: label service, stage: label env}
    remedies: [revert]
`

// Secrets are those that Policy refers to.
func Secrets() map[string]string {
	return map[string]string{"webhook": "webhook-token-1", "anna": "anna-token-1", "argocd": "argocd-token-1"}
}
