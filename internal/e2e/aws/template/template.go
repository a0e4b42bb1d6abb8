// Package template reads the template that cdk synthesises, with every reference resolved to the name that
// the resource has once it is deployed to the account and region of the tests.
package template

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Where the template is deployed to.
const (
	Account = "123456789012"
	Region  = "eu-west-1"
)

// ErrResource means that the template lacks something that was asked for.
var ErrResource = errors.New("no such resource in the template")

// Template is a template of one stack.
type Template struct {
	folder    string
	resources map[string]resource
}

// Resource is a resource with its properties resolved.
type Resource struct {
	ID         string // in the template
	Type       string // such as AWS::SQS::Queue
	Properties map[string]any
}

type resource struct {
	Type       string
	Properties map[string]any
	Metadata   map[string]any
}

// Read reads the only stack of a cloud assembly.
func Read(folder string) (*Template, error) {
	files, err := filepath.Glob(filepath.Join(folder, "*.template.json"))
	if err != nil || len(files) != 1 {
		return nil, fmt.Errorf("%s has %d templates, want 1", folder, len(files))
	}
	raw, err := os.ReadFile(files[0])
	if err != nil {
		return nil, fmt.Errorf("template: %w", err)
	}
	var file struct{ Resources map[string]resource }
	if err := json.Unmarshal(raw, &file); err != nil {
		return nil, fmt.Errorf("template: %w", err)
	}
	return &Template{folder: folder, resources: file.Resources}, nil
}

// Of gives the resources of a type in the order of their IDs.
func (t *Template) Of(kind string) ([]Resource, error) {
	var out []Resource
	for _, id := range slices.Sorted(maps.Keys(t.resources)) {
		if t.resources[id].Type != kind {
			continue
		}
		r, err := t.Resource(id)
		if err != nil {
			return nil, err
		}
		out = append(out, r)
	}
	return out, nil
}

// Types gives the type of each resource by its ID.
func (t *Template) Types() map[string]string {
	out := map[string]string{}
	for id, r := range t.resources {
		out[id] = r.Type
	}
	return out
}

// Resource gives one resource by its ID in the template. ErrResource: there is none.
func (t *Template) Resource(id string) (Resource, error) {
	r, ok := t.resources[id]
	if !ok {
		return Resource{}, fmt.Errorf("%w: %s", ErrResource, id)
	}
	resolved, err := t.resolve(map[string]any(r.Properties))
	if err != nil {
		return Resource{}, fmt.Errorf("template: %s: %w", id, err)
	}
	properties, _ := resolved.(map[string]any)
	return Resource{ID: id, Type: r.Type, Properties: properties}, nil
}

// ARN is the ARN of a resource that has one.
func (t *Template) ARN(id string) (string, error) {
	arn, err := t.attribute(id, "Arn")
	return fmt.Sprint(arn), err
}

// Without gives a copy that lacks a resource.
func (t *Template) Without(id string) *Template {
	resources := maps.Clone(t.resources)
	delete(resources, id)
	return &Template{folder: t.folder, resources: resources}
}

// With gives a copy in which a property of a resource has another value.
func (t *Template) With(id, property string, value any) *Template {
	r := t.resources[id]
	r.Properties = maps.Clone(r.Properties)
	r.Properties[property] = value
	resources := maps.Clone(t.resources)
	resources[id] = r
	return &Template{folder: t.folder, resources: resources}
}

// Bootstrap is the executable that a function's code is made of.
func (t *Template) Bootstrap(id string) (string, error) {
	asset, _ := t.resources[id].Metadata["aws:asset:path"].(string)
	if asset == "" {
		return "", fmt.Errorf("%w: %s has no asset", ErrResource, id)
	}
	return filepath.Join(t.folder, asset, "bootstrap"), nil
}

// Text gives the text at a path of properties, empty if there is none.
func (r Resource) Text(path ...string) string {
	switch v := r.Value(path...).(type) {
	case string:
		return v
	case nil:
		return ""
	default:
		return strings.Trim(fmt.Sprint(v), `"`)
	}
}

// Number gives the number at a path of properties, zero if there is none.
func (r Resource) Number(path ...string) int {
	n, _ := r.Value(path...).(float64)
	return int(n)
}

// List gives the list at a path of properties.
func (r Resource) List(path ...string) []any {
	list, _ := r.Value(path...).([]any)
	return list
}

// Map gives the object at a path of properties.
func (r Resource) Map(path ...string) map[string]any {
	m, _ := r.Value(path...).(map[string]any)
	return m
}

// Value gives what stands at a path of properties, nil if nothing does.
func (r Resource) Value(path ...string) any {
	var v any = r.Properties
	for _, name := range path {
		m, ok := v.(map[string]any)
		if !ok {
			return nil
		}
		v = m[name]
	}
	return v
}
