package policy

import (
	"slices"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/rego"
	"github.com/open-policy-agent/opa/v1/topdown"
)

// maxValue bounds the text of one value that is shown.
const maxValue = 160

// source is the condition as its author wrote it, in one line.
func (e *Explainer) source(location *ast.Location) string {
	if location == nil {
		return ""
	}
	if text := strings.TrimSpace(string(location.Text)); text != "" {
		return strings.Join(strings.Fields(text), " ")
	}
	lines := e.lines[location.File]
	if location.Row < 1 || location.Row > len(lines) {
		return ""
	}
	return strings.TrimSpace(lines[location.Row-1])
}

// within holds for what is written inside a condition; the compiler makes several of one that nests calls.
func within(outer *ast.Location) func(*ast.Location) bool {
	return func(inner *ast.Location) bool {
		return inner.File == outer.File && inner.Offset >= outer.Offset && inner.Offset < outer.Offset+max(len(outer.Text), 1)
	}
}

// inBody holds for what is written behind a rule's if: the compiler moves calls in the head there.
func (e *Explainer) inBody(rule *ast.Rule) func(*ast.Location) bool {
	start := e.written[at(rule.Location)].body
	return func(inner *ast.Location) bool { return inner.Offset >= start }
}

// values are what the references, variables and calls of a rule's body stood for at an event, of those that are written
// at a place that counts.
func (o *observer) values(rule *ast.Rule, event topdown.Event, counts func(*ast.Location) bool) []Value {
	var found []Value
	add := func(value Value, ok bool) {
		// One value under two names, such as target and input.graph.targets[0], is shown once if it is long.
		if ok && !slices.ContainsFunc(found, func(v Value) bool {
			return v.Name == value.Name || len(v.Text) > maxValue/2 && v.Text == value.Text
		}) {
			found = append(found, value)
		}
	}
	visitor := ast.NewGenericVisitor(func(x any) bool {
		switch x := x.(type) {
		case *ast.ArrayComprehension, *ast.SetComprehension, *ast.ObjectComprehension, *ast.Every:
			return true // what is inside has bindings of its own
		case ast.Ref:
			add(o.resolve(rule, x, event))
			return true
		case ast.Var:
			bound, name := local(event, x)
			if bound != nil && name != "" {
				add(Value{Name: name, Text: clip(bound.String())}, true)
			}
		}
		return false
	})
	for _, expr := range rule.Body {
		if expr.Location == nil || !counts(expr.Location) {
			continue
		}
		if !expr.IsCall() {
			visitor.Walk(expr)
			continue
		}
		for _, operand := range expr.Operands() {
			visitor.Walk(operand)
		}
		add(o.called(rule, expr, event))
	}
	return found
}

// called is the result of a function, which the compiler keeps in a variable of its own behind the arguments.
func (o *observer) called(rule *ast.Rule, expr *ast.Expr, event topdown.Event) (Value, bool) {
	operands := expr.Operands()
	last := len(operands) - 1
	if last != o.explainer.arity(expr) {
		return Value{}, false
	}
	output, ok := operands[last].Value.(ast.Var)
	if !ok {
		return Value{}, false
	}
	result, name := local(event, output)
	if result == nil || name != "" {
		return Value{}, false
	}
	arguments := make([]string, last)
	for i, operand := range operands[:last] {
		arguments[i] = operand.String()
		if v, ok := operand.Value.(ast.Var); ok {
			bound, name := local(event, v)
			if arguments[i] = name; bound != nil && name == "" {
				arguments[i] = clip(bound.String())
			}
		}
	}
	function := shorten(expr.Operator().String(), rule)
	return Value{Name: function + "(" + strings.Join(arguments, ", ") + ")", Text: clip(result.String())}, true
}

// arity is the number of arguments of the function that a condition calls, -1 for what is none.
func (e *Explainer) arity(expr *ast.Expr) int {
	operator := expr.Operator()
	if rules := e.compiler.GetRulesExact(operator); len(rules) > 0 {
		return len(rules[0].Head.Args)
	}
	if builtin, ok := ast.BuiltinMap[operator.String()]; ok {
		return builtin.Decl.Arity()
	}
	return -1
}

// shorten writes the name of something in data as the rule's file may write it.
func shorten(name string, rule *ast.Rule) string {
	if rest, ok := strings.CutPrefix(name, rule.Module.Package.Path.String()+"."); ok {
		return rest
	}
	return strings.TrimPrefix(name, "data.graphwarden.")
}

// resolve looks a reference up in the input document or, where it begins with a variable, in what that is bound to.
func (o *observer) resolve(rule *ast.Rule, ref ast.Ref, event topdown.Event) (Value, bool) {
	head, ok := ref[0].Value.(ast.Var)
	if !ok {
		return Value{}, false
	}
	if head.Equal(ast.DefaultRootDocument.Value) {
		return o.fromData(rule, ref)
	}
	root, name := o.input, string(head)
	if !head.Equal(ast.InputRootDocument.Value) {
		if root, name = local(event, head); root == nil || name == "" {
			return Value{}, false
		}
	}
	path := make(ast.Ref, 0, len(ref)-1)
	for _, term := range ref[1:] {
		if v, ok := term.Value.(ast.Var); ok {
			bound, _ := local(event, v)
			if bound == nil {
				break // the values up to where the search begins
			}
			term = ast.NewTerm(bound)
		}
		if !term.IsGround() {
			break
		}
		path = append(path, term)
	}
	name += step(path)
	value, err := root.Find(path)
	if err != nil {
		return Value{Name: name, Text: "undefined"}, true
	}
	return Value{Name: name, Text: clip(value.String())}, true
}

// fromData asks for a value in data or a rule that others are made of.
func (o *observer) fromData(rule *ast.Rule, ref ast.Ref) (Value, bool) {
	if !ref.IsGround() {
		return Value{}, false
	}
	value := Value{Name: shorten(ref.String(), rule), Text: "undefined"}
	results, err := rego.New(rego.ParsedQuery(ast.NewBody(ast.NewExpr(ast.NewTerm(ref)))), rego.Compiler(o.explainer.compiler),
		rego.Store(o.explainer.generation.query.store), rego.Transaction(o.explainer.generation.query.txn), rego.ParsedInput(o.input)).Eval(o.ctx)
	if err != nil {
		return Value{}, false
	}
	if len(results) == 1 {
		if result, err := ast.InterfaceToValue(results[0].Expressions[0].Value); err == nil {
			value.Text = clip(result.String())
		}
	}
	return value, true
}

// local is what a variable of the compiled rule is bound to, and its name in the source; nil for one that is not bound,
// or that nobody wrote.
func local(event topdown.Event, v ast.Var) (ast.Value, string) {
	if event.Locals == nil {
		return nil, ""
	}
	value := event.Locals.Get(v)
	if value == nil {
		return nil, ""
	}
	meta, ok := event.LocalMetadata[v]
	if !ok || meta.Name.IsGenerated() {
		return value, ""
	}
	return value, string(meta.Name)
}

// step writes the rest of a reference as Rego does: .name or ["odd name"].
func step(path ast.Ref) string {
	if len(path) == 0 {
		return ""
	}
	return strings.TrimPrefix(append(ast.Ref{ast.VarTerm("x")}, path...).String(), "x")
}

func clip(s string) string {
	if len(s) <= maxValue {
		return s
	}
	return strings.ToValidUTF8(s[:maxValue], "") + " …"
}
