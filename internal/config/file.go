package config

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"gopkg.in/yaml.v3"
)

// FileName is the settings file that is read from the current folder when no other is named.
const FileName = "graphwarden.yaml"

// readFile reads the settings file: the one that is named, which must exist, or FileName if it is there.
func (c Call) readFile(flags, environ layer, faults *Faults) layer {
	path, named := filepath.Join(c.Dir, FileName), false
	for _, l := range []layer{environ, flags} {
		if g, ok := l[fileFlag]; ok && g.values[0] != "" {
			path, named = g.values[0], true
			if !filepath.IsAbs(path) {
				path = filepath.Join(c.Dir, path)
			}
		}
	}
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) && !named {
		return layer{}
	}
	if err != nil {
		faults.add(fileFlag, "read settings: %v", err)
		return layer{}
	}
	shown := path
	if !named {
		shown = FileName
	}
	return parseFile(data, shown, filepath.Dir(path), faults)
}

// parseFile reads a flat YAML mapping of settings.
func parseFile(data []byte, name, dir string, faults *Faults) layer {
	var doc yaml.Node
	if err := yaml.Unmarshal(data, &doc); err != nil {
		faults.add(name, "%v", err)
		return layer{}
	}
	if len(doc.Content) == 0 || doc.Content[0].Tag == "!!null" {
		return layer{} // empty, or comments only
	}
	root := doc.Content[0]
	if root.Kind != yaml.MappingNode {
		faults.add(name, "not a list of settings, one `name: value` a line")
		return layer{}
	}
	l, table := layer{}, Table()
	for i := 0; i+1 < len(root.Content); i += 2 {
		key, value := root.Content[i], root.Content[i+1]
		place := fmt.Sprintf("%s:%d", name, key.Line)
		set := find(table, func(s *Setting) bool { return s.Name == key.Value })
		if set == nil {
			faults.add(place, "unknown key %s%s", key.Value, didYouMean(Nearest(key.Value, tableNames(table))))
			continue
		}
		if before, ok := l[set.Name]; ok {
			faults.add(place, "%s is set twice, first at %s", set.Name, before.source)
			continue
		}
		values, err := scalars(value, set.List)
		if err != nil {
			faults.add(place, "%s: %v", set.Name, err)
			continue
		}
		l[set.Name] = given{values: values, source: place, dir: dir, shared: true}
	}
	return l
}

// scalars are the values of a node: one, or the members of a sequence.
func scalars(n *yaml.Node, isList bool) ([]string, error) {
	switch {
	case n.Kind == yaml.ScalarNode && n.Tag != "!!null":
		return []string{n.Value}, nil
	case n.Kind == yaml.SequenceNode && isList:
		var values []string
		for _, item := range n.Content {
			if item.Kind != yaml.ScalarNode || item.Tag == "!!null" {
				return nil, fmt.Errorf("line %d is not a plain value", item.Line)
			}
			values = append(values, item.Value)
		}
		return values, nil
	case n.Kind == yaml.SequenceNode:
		return nil, errors.New("takes one value, not a list")
	}
	return nil, errors.New("has no plain value")
}

func tableNames(table []Setting) []string {
	names := make([]string, len(table))
	for i := range table {
		names[i] = table[i].Name
	}
	return names
}
