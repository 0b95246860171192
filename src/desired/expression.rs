//! CEL as modules use it: expressions are compiled once, evaluated against borrowed JSON, and a mistake never shows a value.

pub mod budget;
mod functions;
mod meter;
mod names;
mod value;

use std::collections::BTreeSet;
use std::sync::Arc;

use cel::common::value::Val;
use cel::{Context, Env, ExecutionError, IdedExpr, Value as CelValue};
use serde_json::Value as Json;

use super::doubt::Doubts;
use super::scan;
use crate::model::node::Node;
use crate::model::problem::{Place, Problem, Problems, suggest};

/// The longest expression, in bytes.
const LONGEST: usize = 8 << 10;
/// The most that an expression may nest, as [`scan::depth`] counts it: the parser is recursive, and [`STACK`] has to hold it.
const DEEPEST: usize = 300;
/// The stack that compiling and evaluating need at most, in bytes, in a build without optimisation.
pub const STACK: usize = 64 << 20;

/// The language: CEL with its string, list and math extensions and the functions of `modules/README.md`.
pub struct Language {
    env: Arc<Env>,
}

/// A compiled expression.
#[derive(Debug)]
pub struct Expression {
    source: String,
    place: Place,
    tree: IdedExpr,
    names: Vec<String>,
    uses: Vec<Vec<String>>,
    path: Option<Vec<String>>,
}

impl Language {
    /// The language, with the whole of the budget for what this thread evaluates.
    ///
    /// # Errors
    /// Only if two of its functions clash, which a test rules out.
    pub fn new() -> Result<Self, Problem> {
        budget::begin_load();
        functions::environment()
            .map(|env| Self { env: Arc::new(env) })
            .map_err(|error| Problem::anywhere(format!("the expression language: {error}")))
    }

    /// Compiles an expression that stands at `place`.
    ///
    /// # Errors
    /// When it is no CEL.
    pub fn compile(&self, source: &str, place: &Place) -> Result<Expression, Problem> {
        if source.is_empty() {
            return Err(Problem::at(place, "this expression is empty").help("write $${ for a literal ${"));
        }
        if source.len() > LONGEST {
            return Err(Problem::at(place, format!("this expression has {} bytes; the most is {LONGEST}", source.len())));
        }
        if scan::depth(source) > DEEPEST {
            return Err(Problem::at(place, format!("`{}` is nested too deep", short(source))).help("name its parts in `let`"));
        }
        let mut tree = self.env.parser().parse(source).map_err(|errors| {
            let first = errors.errors.first();
            let words = first.map_or("it cannot be read", |error| error.msg.as_str());
            // The parser goes on to list every token that could stand there.
            let words = words.trim_start_matches("Syntax error: ").split(" expecting").next().unwrap_or_default().replace("'<EOF>'", "end");
            let words: String = words.chars().filter(|c| !c.is_control()).take(120).collect();
            let problem = Problem::at(place, format!("`{}` is no expression: {words}", short(source)));
            if source.starts_with("${") { problem.help("here it stands without `${` and `}`") } else { problem }
        })?;
        let path = names::path(&tree);
        let uses = names::prepare(&mut tree);
        meter::install(&mut tree);
        let names = uses.iter().map(|path| path[0].clone()).collect::<BTreeSet<_>>().into_iter().collect();
        Ok(Expression { source: source.to_owned(), place: place.clone(), tree, names, uses, path })
    }

    /// A scope without names.
    pub fn scope<'v>(&self) -> Scope<'static, 'v> {
        Scope { context: Context::with_env(Arc::clone(&self.env)), doubts: Doubts::default() }
    }
}

/// The names that expressions see. They borrow their values.
pub struct Scope<'p, 'v> {
    context: Context<'p, 'v>,
    /// Which of the values are doubtful.
    pub doubts: Doubts,
}

impl<'v> Scope<'_, 'v> {
    /// Adds a name.
    pub fn bind(&mut self, name: &str, json: &'v Json) {
        self.context.add_variable_as_val(name, value::borrowed(json));
    }

    /// Adds a name with a value of its own.
    pub fn bind_owned(&mut self, name: &str, json: Json) {
        self.context.add_variable_as_val(name, value::owned(json));
    }

    /// A scope that sees this one's names too.
    pub fn inner<'b>(&'b self) -> Scope<'b, 'v> {
        Scope { context: self.context.new_inner_scope(), doubts: self.doubts.clone() }
    }
}

impl Expression {
    /// Where it stands.
    pub fn place(&self) -> &Place {
        &self.place
    }

    /// The names it needs from the scope, each once.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// What it takes from the scope, with the fields behind each name, in the order of the text.
    pub fn uses(&self) -> &[Vec<String>] {
        &self.uses
    }

    /// `["waf", "rate_limit"]` when it is nothing but `waf.rate_limit`.
    pub fn path(&self) -> Option<&[String]> {
        self.path.as_deref()
    }

    /// A problem with this expression.
    pub fn problem(&self, message: impl std::fmt::Display) -> Problem {
        Problem::at(&self.place, format!("`{}`: {message}", short(&self.source)))
    }

    fn undefined(&self, name: &str) -> Problem {
        if name == self.source {
            Problem::at(&self.place, format!("`{name:.60}` is not defined"))
        } else {
            self.problem(format_args!("`{name:.60}` is not defined"))
        }
    }

    /// Reports names that are not in `known`, and whether all are.
    pub fn check_names<'k>(&self, known: impl Iterator<Item = &'k str> + Clone, problems: &mut Problems) -> bool {
        let unknown = self.names.iter().filter(|name| !known.clone().any(|known| known == *name));
        let unknown: Vec<Problem> = unknown.map(|name| self.undefined(name).maybe_help(suggest(name, known.clone()))).collect();
        let all = unknown.is_empty();
        problems.extend(unknown);
        all
    }

    /// Whether it takes something doubtful.
    pub fn doubtful(&self, scope: &Scope<'_, '_>) -> bool {
        !scope.doubts.is_empty() && self.uses.iter().any(|path| scope.doubts.touch(path))
    }

    /// Evaluates to a tree whose nodes all stand at `place`.
    ///
    /// # Errors
    /// What went wrong, without the values.
    pub fn node(&self, scope: &Scope<'_, '_>, place: &Place) -> Result<Node, Problem> {
        self.evaluate(scope, |value| value::node(value, place))
    }

    /// Evaluates to JSON.
    ///
    /// # Errors
    /// What went wrong, without the values.
    pub fn json(&self, scope: &Scope<'_, '_>) -> Result<Json, Problem> {
        self.evaluate(scope, |value| value::node(value, &self.place).map(|node| node.to_json()))
    }

    /// Evaluates to true or false.
    ///
    /// # Errors
    /// What went wrong, without the values; also when it is something else.
    pub fn boolean(&self, scope: &Scope<'_, '_>) -> Result<bool, Problem> {
        match self.json(scope)? {
            Json::Bool(b) => Ok(b),
            _ => Err(self.problem("has to be true or false")),
        }
    }

    fn evaluate<T>(&self, scope: &Scope<'_, '_>, take: impl FnOnce(&dyn Val) -> Result<T, value::NotJson>) -> Result<T, Problem> {
        budget::begin();
        let value = CelValue::resolve_val(&self.tree, &scope.context).and_then(|value| budget::keep(value.as_ref()).map(|()| value));
        if let Some(why) = budget::exhausted() {
            return Err(self.problem(why).help("let it go over less, or make a smaller text of it"));
        }
        let value = value.map_err(|error| self.failure(&error))?;
        take(value.as_ref()).map_err(|why| self.problem(why))
    }

    /// An error of the interpreter in words; its own would print values.
    fn failure(&self, error: &ExecutionError) -> Problem {
        match error {
            ExecutionError::UndeclaredReference(name) => self.undefined(name),
            ExecutionError::NoSuchKey(key) => {
                self.problem(format_args!("there is no `{key:.60}`")).help("has(...) tells whether it is there")
            }
            ExecutionError::NoSuchOverload(call) => {
                let name = call.function().trim_matches(['_', '@']);
                self.problem(format_args!("`{name}` does not go with {}", call.argument_types().join(" and ")))
            }
            ExecutionError::FunctionError { function, message } if functions::is_ours(function) => {
                self.problem(format_args!("{function}: {message}"))
            }
            ExecutionError::FunctionError { function, .. } => self.problem(format_args!("`{function}` cannot do this")),
            ExecutionError::UnexpectedType { got, want } => self.problem(format_args!("{want} is wanted, not {got}")),
            ExecutionError::InvalidArgumentCount { expected, actual } => {
                self.problem(format_args!("{expected} arguments are wanted, not {actual}"))
            }
            ExecutionError::DivisionByZero(_) | ExecutionError::RemainderByZero(_) => self.problem("division by zero"),
            ExecutionError::Overflow(..) => self.problem("the number is too large"),
            ExecutionError::IndexOutOfBounds(_) => self.problem("the list has no such item"),
            ExecutionError::DuplicateKey(_) => self.problem("a key is here twice"),
            ExecutionError::UnsupportedBinaryOperator(operator, ..) => {
                self.problem(format_args!("`{operator}` does not go with these types"))
            }
            _ => self.problem("it cannot be computed"),
        }
    }
}

/// An expression short enough for a message.
fn short(source: &str) -> String {
    let line: String = source.chars().map(|c| if c.is_control() { ' ' } else { c }).take(80).collect();
    if line.len() < source.len() { format!("{line}...") } else { line }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn eval(source: &str) -> Result<Json, Problem> {
        let place = Place { file: "m.yaml".into(), line: 1, column: 1, len: 1 };
        let language = Language::new()?;
        let values = json!({ "cidr": "10.0.0.0/16", "zones": ["a", "b"], "secret": "hunter2", "sizes": { "b": 1, "a": 2, "c": 3 } });
        let mut scope = language.scope();
        for (name, value) in values.as_object().unwrap() {
            scope.bind(name, value);
        }
        language.compile(source, &place)?.json(&scope)
    }

    #[test]
    fn references_leave_holes() {
        assert_eq!(eval(r#"ref("vpc.vpc")"#).unwrap(), json!(r#"${ref("vpc.vpc")}"#));
        assert_eq!(eval(r#"ref("edge.alb").dns_name"#).unwrap(), json!(r#"${ref("edge.alb").dns_name}"#));
        let list = json!([r#"${ref("vpc.private/a")}"#, r#"${ref("vpc.private/b")}"#]);
        assert_eq!(eval(r#"zones.map(z, ref("vpc.private/" + z))"#).unwrap(), list);
        assert_eq!(eval(r#"[ref("vpc.vpc").arn + "/*"]"#).unwrap(), json!([r#"${ref("vpc.vpc").arn}/*"#]));
        assert!(eval(r#"ref("No such")"#).unwrap_err().message.contains("no address"));
    }

    #[test]
    fn the_functions_of_the_readme_work() {
        assert_eq!(eval("cidrsubnet(cidr, 4, 2)").unwrap(), json!("10.0.32.0/20"));
        assert_eq!(eval("cidrsubnet(cidr, 8, 255)").unwrap(), json!("10.0.255.0/24"));
        assert_eq!(eval(r#"json({"b": [1, true, null], "a": "x"})"#).unwrap(), json!(r#"{"a":"x","b":[1,true,null]}"#));
        assert_eq!(eval(r#"sha256("")"#).unwrap(), json!("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"));
        assert_eq!(eval(r#"merge({"a": 1, "b": 1}, {"b": 2})"#).unwrap(), json!({ "a": 1, "b": 2 }));
        assert_eq!(eval(r#"zipmap(zones, [1, 2])"#).unwrap(), json!({ "a": 1, "b": 2 }));
        assert_eq!(eval(r#"zones.join("-").upperAscii() + "%d".format([3]) + "xay".replace("a", "b")"#).unwrap(), json!("A-B3xby"));
        assert_eq!(eval("[[1], [2]].flatten() + lists.range(2) + [math.greatest(1, 5)]").unwrap(), json!([1, 2, 0, 1, 5]));
    }

    #[test]
    fn maps_are_walked_in_order() {
        for _ in 0..20 {
            assert_eq!(eval("sizes.map(k, k)").unwrap(), json!(["a", "b", "c"]));
            assert_eq!(eval(r#"{"z": 1, "m": 2, "q": 3, "a": 4}.map(k, k)"#).unwrap(), json!(["a", "m", "q", "z"]));
        }
    }

    #[test]
    fn mistakes_say_what_is_undefined_and_never_a_value() {
        for (source, words) in [
            ("secret + 1", "does not"),
            ("secret.foo", "secret"),
            ("zones[7]", "no such item"),
            ("[secret][3]", "no such item"),
            ("{secret: 1}[2]", "there is no `2`"),
            ("cidrsubnet(secret, 4, 2)", "cidrsubnet"),
            ("cidrsubnet(cidr, 20, 0)", "too small"),
            ("zoness", "`zoness` is not defined"),
            ("frobnicate(secret)", "`frobnicate` is not defined"),
            ("secret.matches('[')", "`"),
            ("a +", "no expression"),
            ("1 / 0", "division"),
            ("bytes(secret)", "bytes"),
        ] {
            let problem = eval(source).unwrap_err();
            assert!(problem.message.contains(words), "{source}: {}", problem.message);
            assert!(!problem.message.contains("hunter2"), "{source}: {}", problem.message);
        }
    }
}
