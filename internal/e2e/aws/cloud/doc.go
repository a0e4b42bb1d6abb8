// Package cloud joins programs that stand in for AWS to one endpoint that functions call: moto for what
// keeps data, and ourselves for what runs code: Lambda by package runtimeapi, Step Functions by package
// workflow. Who calls is known by its access key, and may do what the role of the template lets it, and
// nothing else. Faults are injected here. What Lambda does by itself is here too: it polls queues and
// streams, and turns HTTP requests, notifications and schedules into invocations.
package cloud
