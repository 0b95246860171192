//! Puts the meter into an expression's tree: who uses a value pays for it first (`budget.rs`).

use cel::IdedExpr;
use cel::common::ast::{CallExpr, EntryExpr, Expr, LiteralValue, operators};
use cel::common::types::CelInt;

use super::budget;
use super::functions::{COUNT, JOIN, ORDERED, PATTERN, REPLACE, SQUARE, USE};
use super::names::is_namespace;

/// What costs the same whatever its arguments are.
const CONSTANT: &[&str] = &[
    operators::CONDITIONAL,
    operators::LOGICAL_AND,
    operators::LOGICAL_OR,
    operators::LOGICAL_NOT,
    operators::SUBSTRACT,
    operators::MULTIPLY,
    operators::DIVIDE,
    operators::MODULO,
    operators::NEGATE,
    operators::INDEX,
    operators::OPT_INDEX,
    operators::OPT_SELECT,
    operators::NOT_STRICTLY_FALSE,
    "size",
    "ref",
];

/// Puts the meter in, and answers what the tree counts when each of its parts is evaluated once.
pub fn install(tree: &mut IdedExpr) -> u64 {
    match &mut tree.expr {
        Expr::Literal(literal) => budget::of_literal(literal),
        Expr::Ident(_) | Expr::Unspecified => 1,
        Expr::Select(select) => 1 + install(&mut select.operand),
        Expr::List(list) => 1 + list.elements.iter_mut().map(used).sum::<u64>(),
        Expr::Map(map) => 1 + map.entries.iter_mut().map(|entry| of_entry(&mut entry.expr)).sum::<u64>(),
        Expr::Struct(made) => 1 + made.entries.iter_mut().map(|entry| of_entry(&mut entry.expr)).sum::<u64>(),
        Expr::Call(call) => of_call(call),
        Expr::Comprehension(loop_) => {
            let outside = install(&mut loop_.accu_init) + install(&mut loop_.result);
            let each = 1 + install(&mut loop_.loop_cond) + step(&mut loop_.loop_step, &loop_.accu_var);
            let mut range = 0;
            if let Expr::Call(ordered) = &mut loop_.iter_range.expr
                && ordered.func_name == ORDERED
            {
                range = ordered.args.iter_mut().map(install).sum::<u64>();
                let weight = LiteralValue::Int(CelInt::from(i64::try_from(each).unwrap_or(i64::MAX)));
                ordered.args.push(IdedExpr { id: tree.id, expr: Expr::Literal(weight) });
            }
            outside + each + range
        }
    }
}

/// One round of a loop. CEL appends in place where a round is `accu + [item]`, perhaps behind a condition: that form has to stay.
fn step(tree: &mut IdedExpr, accu: &str) -> u64 {
    let is_accu = |tree: &IdedExpr| matches!(&tree.expr, Expr::Ident(name) if name == accu);
    match &mut tree.expr {
        Expr::Call(call) if call.func_name == operators::CONDITIONAL && call.args.len() == 3 => {
            let [guard, then, otherwise] = &mut call.args[..] else { return 1 };
            1 + install(guard) + step(then, accu) + step(otherwise, accu)
        }
        Expr::Call(call) if call.func_name == operators::ADD && call.args.first().is_some_and(is_accu) => {
            1 + call.args[1..].iter_mut().map(install).sum::<u64>()
        }
        _ => install(tree),
    }
}

fn of_entry(entry: &mut EntryExpr) -> u64 {
    match entry {
        EntryExpr::StructField(field) => used(&mut field.value),
        EntryExpr::MapEntry(entry) => used(&mut entry.key) + used(&mut entry.value),
    }
}

fn of_call(call: &mut CallExpr) -> u64 {
    let of_namespace = call.target.as_ref().is_some_and(|target| is_namespace(target));
    if let Some(own) = own(&call.func_name).filter(|_| !of_namespace)
        && let Some(target) = call.target.take()
    {
        call.func_name = own.to_owned();
        call.args.insert(0, *target);
    }
    let constant = CONSTANT.contains(&call.func_name.as_str());
    let mut weight = 1;
    if let Some(target) = call.target.as_mut().filter(|_| !of_namespace) {
        weight += match call.func_name.as_str() {
            "distinct" => wrapped(target, SQUARE),
            _ if constant => install(target),
            _ => used(target),
        };
    }
    for arg in &mut call.args {
        weight += match call.func_name.as_str() {
            "range" if of_namespace => wrapped(arg, COUNT),
            "matches" => wrapped(arg, PATTERN),
            _ if constant => install(arg),
            _ => used(arg),
        };
    }
    weight
}

/// Functions whose result can be larger than all their arguments together, which ours pay for.
fn own(name: &str) -> Option<&'static str> {
    match name {
        "replace" => Some(REPLACE),
        "join" => Some(JOIN),
        _ => None,
    }
}

/// Its value is paid for. A literal is part of the expression, whose length is limited.
fn used(tree: &mut IdedExpr) -> u64 {
    if matches!(tree.expr, Expr::Literal(_)) { install(tree) } else { wrapped(tree, USE) }
}

/// Puts a function of the meter around it.
fn wrapped(tree: &mut IdedExpr, function: &str) -> u64 {
    let weight = install(tree);
    let inner = IdedExpr { id: tree.id, expr: std::mem::replace(&mut tree.expr, Expr::Unspecified) };
    tree.expr = Expr::Call(CallExpr { func_name: function.to_owned(), target: None, args: vec![inner] });
    weight + 1
}
