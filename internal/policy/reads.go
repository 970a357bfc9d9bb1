package policy

import (
	"strconv"

	"github.com/open-policy-agent/opa/v1/ast"
)

// reads is what a compiled set of policies may ask of the input document, as far as that can be told from its text. It
// may hold more than is ever asked, and never less.
type reads struct {
	// everything is true when the document is read as a whole or replaced, so that nothing can be told.
	everything bool
	// fickle is true when a built-in is called whose result does not follow from its operands.
	fickle bool
	places []readPlace
}

// readPlace is a place that is read, and the conditions without which it is not.
type readPlace struct {
	path  []string
	gates []readGate
}

// readGate is the condition that the value at a place is a constant.
type readGate struct {
	path []string
	is   leaf
}

// readsOf walks the rules that the entry point can come to.
func readsOf(compiler *ast.Compiler) *reads {
	found := &reads{}
	entry := ast.MustParseRef(entryPoint)
	seen := map[*ast.Rule]bool{}
	queue := compiler.GetRules(entry)
	for len(queue) > 0 {
		rule := queue[len(queue)-1]
		queue = queue[:len(queue)-1]
		if seen[rule] {
			continue
		}
		seen[rule] = true
		found.rule(rule)
		if rule.Else != nil {
			queue = append(queue, rule.Else)
		}
		for node := range compiler.Graph.Dependencies(rule) {
			if other, ok := node.(*ast.Rule); ok {
				queue = append(queue, other)
			}
		}
	}
	return found
}

// rule adds what one rule reads, an else of it aside. The conditions input.x == constant that its body begins with are read always, the rest
// only where they hold: OPA evaluates a body in its order and stops at the first condition that fails.
func (f *reads) rule(rule *ast.Rule) {
	var gates []readGate
	rest := rule.Body
	for len(rest) > 0 {
		gate, ok := gateOf(rest[0])
		if !ok {
			break
		}
		f.walk(rest[0], nil)
		gates, rest = append(gates, gate), rest[1:]
	}
	f.walk(rule.Head, gates)
	for _, e := range rest {
		f.walk(e, gates)
	}
}

// gateOf reads a condition input.x == constant that can be held against a request without OPA.
func gateOf(e *ast.Expr) (readGate, bool) {
	if !isGate(e) {
		return readGate{}, false
	}
	ref := e.Operand(0).Value.(ast.Ref)
	path := groundPath(ref)
	if len(path) != len(ref)-1 {
		return readGate{}, false
	}
	is, ok := scalarLeaf(e.Operand(1).Value)
	return readGate{path: path, is: is}, ok
}

func scalarLeaf(value ast.Value) (leaf, bool) {
	switch v := value.(type) {
	case ast.Null:
		return null(), true
	case ast.Boolean:
		return flag(bool(v)), true
	case ast.String:
		return word(string(v)), true
	case ast.Number:
		n, err := strconv.ParseInt(string(v), 10, 64)
		return leaf{kind: leafNumber, number: n}, err == nil
	}
	return leaf{}, false
}

// groundPath is the names that follow input in a reference, up to the first that is not known beforehand.
func groundPath(ref ast.Ref) []string {
	var path []string
	for _, term := range ref[1:] {
		name, ok := term.Value.(ast.String)
		if !ok {
			break
		}
		path = append(path, string(name))
	}
	return path
}

// walk adds every place that a part of a rule reads.
func (f *reads) walk(part any, gates []readGate) {
	ast.NewGenericVisitor(func(x any) bool {
		switch x := x.(type) {
		case *ast.With:
			// What is evaluated under it may see another input than the request's.
			f.everything = f.everything || readsInput(x.Target)
		case ast.Call:
			f.call(x[0])
		case *ast.Expr:
			if x.IsCall() {
				f.call(x.OperatorTerm())
			}
		case ast.Ref:
			if !isInput(x[0].Value) {
				return false
			}
			if path := groundPath(x); len(path) > 0 {
				f.places = append(f.places, readPlace{path, gates})
			} else {
				f.everything = true
			}
			for _, term := range x[1:] {
				f.walk(term, gates)
			}
			return true
		case ast.Var:
			f.everything = f.everything || isInput(x)
		}
		return false
	}).Walk(part)
}

func (f *reads) call(operator *ast.Term) {
	builtin, ok := ast.BuiltinMap[operator.Value.String()]
	f.fickle = f.fickle || ok && builtin.IsNondeterministic()
}

func isInput(value ast.Value) bool {
	name, ok := value.(ast.Var)
	return ok && name == ast.InputRootDocument.Value.(ast.Var)
}

func readsInput(target *ast.Term) bool {
	ref, ok := target.Value.(ast.Ref)
	return !ok || isInput(ref[0].Value)
}
