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
	// redefined is true when a with replaces something, so that no place of data has one value for good.
	redefined bool
	places    []readPlace
	constant  func(ast.Ref) (string, bool) // nil where nothing is
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
func (q *query) readsOf() *reads {
	found := q.follow(ast.MustParseRef(entryPoint), q.constant)
	if found.redefined {
		found = q.follow(ast.MustParseRef(entryPoint), nil)
	}
	return found
}

// constant is the string at a place of data that has it whatever the request; false where there is none.
func (q *query) constant(ref ast.Ref) (string, bool) {
	if f := q.follow(ref, nil); f.everything || f.fickle || len(f.places) > 0 {
		return "", false
	}
	value, err := q.lookUp(ref)
	text, ok := value.(ast.String)
	return string(text), ok && err == nil
}

// follow collects what the rules read that a place of data can come to.
func (q *query) follow(entry ast.Ref, constant func(ast.Ref) (string, bool)) *reads {
	found := &reads{constant: constant}
	seen := map[*ast.Rule]bool{}
	queue := q.compiler.GetRules(entry)
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
		for node := range q.compiler.Graph.Dependencies(rule) {
			if other, ok := node.(*ast.Rule); ok {
				queue = append(queue, other)
			}
		}
	}
	return found
}

// rule adds what one rule reads, an else of it aside. The conditions input.x == constant that its body begins with are
// read always, the rest only where they hold: OPA evaluates a body in its order and stops at the first condition that fails.
func (f *reads) rule(rule *ast.Rule) {
	w := walker{reads: f, data: map[ast.Var]ast.Ref{}}
	var gates []readGate
	rest := rule.Body
	for len(rest) > 0 {
		gate, ok := gateOf(rest[0])
		if !ok {
			break
		}
		w.walk(rest[0])
		gates, rest = append(gates, gate), rest[1:]
	}
	w.gates = gates
	for _, e := range rest {
		w.walk(e)
		w.bind(e)
	}
	w.walk(rule.Head)
}

// gateOf reads a condition input.x == constant that can be held against a request without OPA.
func gateOf(e *ast.Expr) (readGate, bool) {
	if !isGate(e) {
		return readGate{}, false
	}
	ref := e.Operand(0).Value.(ast.Ref)
	path := (&walker{reads: &reads{}}).path(ref)
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

// walker goes through the parts of one rule.
type walker struct {
	*reads
	gates []readGate
	data  map[ast.Var]ast.Ref // what the compiler has put a place of data into, so far
}

// bind notes a condition by which the compiler gives a name to a place of data.
func (w *walker) bind(e *ast.Expr) {
	if e.Negated || len(e.With) > 0 || !e.IsEquality() {
		return
	}
	name, isVar := e.Operand(0).Value.(ast.Var)
	ref, isRef := e.Operand(1).Value.(ast.Ref)
	if isVar && isRef && name.IsGenerated() && ref.IsGround() && ref.HasPrefix(ast.DefaultRootRef) {
		w.data[name] = ref
	}
}

// path is the names that follow input in a reference, up to the first that is not known beforehand.
func (w *walker) path(ref ast.Ref) []string {
	var path []string
	for _, term := range ref[1:] {
		name, ok := term.Value.(ast.String)
		if !ok {
			text, known := w.settled(term.Value)
			if !known {
				break
			}
			name = ast.String(text)
		}
		path = append(path, string(name))
	}
	return path
}

// settled is the string that a variable stands for in every verdict.
func (w *walker) settled(value ast.Value) (string, bool) {
	name, _ := value.(ast.Var)
	ref, ok := w.data[name]
	if !ok || w.constant == nil {
		return "", false
	}
	return w.constant(ref)
}

// walk adds every place that a part of a rule reads.
func (w *walker) walk(part any) {
	ast.NewGenericVisitor(func(x any) bool {
		switch x := x.(type) {
		case *ast.With:
			// What is evaluated under it may see another input than the request's, or other data.
			w.everything = w.everything || !isData(x.Target)
			w.redefined = true
		case ast.Call:
			w.call(x[0])
		case *ast.Expr:
			if x.IsCall() {
				w.call(x.OperatorTerm())
			}
		case ast.Ref:
			if !isInput(x[0].Value) {
				return false
			}
			if path := w.path(x); len(path) > 0 {
				w.places = append(w.places, readPlace{path, w.gates})
			} else {
				w.everything = true
			}
			for _, term := range x[1:] {
				w.walk(term)
			}
			return true
		case ast.Var:
			w.everything = w.everything || isInput(x)
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

func isData(target *ast.Term) bool {
	ref, ok := target.Value.(ast.Ref)
	return ok && ref.HasPrefix(ast.DefaultRootRef)
}
