//! What is done to an expression's tree between parsing and evaluation, and which names it needs.
//!
//! `ref(a).b` becomes `ref(a, "b")`, for a reference is text and text has no fields. What a comprehension goes over is put
//! in order first, for CEL's maps have none and an expansion has to be the same each time.

use std::collections::BTreeSet;

use cel::IdedExpr;
use cel::common::ast::{CallExpr, EntryExpr, Expr, LiteralValue};
use cel::common::types::CelString;

use super::functions::ORDERED;

/// Words before a dot that belong to the name of a function.
const NAMESPACES: &[&str] = &["lists", "math", "strings", "base64", "optional"];
/// Names of types, which are values too.
const TYPES: &[&str] = &["int", "uint", "double", "bool", "string", "bytes", "list", "map", "null_type", "type"];

/// Whether this, before a dot, is the first part of a function's name.
pub fn is_namespace(tree: &IdedExpr) -> bool {
    matches!(&tree.expr, Expr::Ident(name) if NAMESPACES.contains(&name.as_str()))
}

/// The fields of `a.b.c`, root first, when the expression is nothing else.
pub fn path(tree: &IdedExpr) -> Option<Vec<String>> {
    match &tree.expr {
        Expr::Ident(name) => Some(vec![name.clone()]),
        Expr::Select(select) if !select.test => {
            let mut path = path(&select.operand)?;
            path.push(select.field.clone());
            Some(path)
        }
        _ => None,
    }
}

/// Rewrites the tree and returns what it takes from its scope: names with the fields behind them (`["waf", "count"]`), each once, in the
/// order in which they stand there.
pub fn prepare(tree: &mut IdedExpr) -> Vec<Vec<String>> {
    let mut free = Vec::new();
    rewrite(tree, &mut Vec::new(), &mut free);
    let mut seen = BTreeSet::new();
    free.retain(|path| seen.insert(path.clone()));
    free
}

fn rewrite(tree: &mut IdedExpr, bound: &mut Vec<String>, free: &mut Vec<Vec<String>>) {
    if let Some(path) = path(tree) {
        if !bound.contains(&path[0]) && !TYPES.contains(&path[0].as_str()) {
            free.push(path);
        }
        return;
    }
    if let Expr::Select(select) = &mut tree.expr
        && let Expr::Call(call) = &mut select.operand.expr
        && call.func_name == "ref"
        && call.target.is_none()
        && call.args.len() == 1
        && !select.test
    {
        let attribute = LiteralValue::String(CelString::from(select.field.clone()));
        let mut call = std::mem::take(call);
        call.args.push(IdedExpr { id: tree.id, expr: Expr::Literal(attribute) });
        tree.expr = Expr::Call(call);
    }
    match &mut tree.expr {
        Expr::Select(select) => rewrite(&mut select.operand, bound, free),
        Expr::Call(call) => {
            if let Some(target) = &mut call.target {
                let hidden = matches!(&target.expr, Expr::Ident(name) if bound.contains(name));
                if hidden || !is_namespace(target) {
                    rewrite(target, bound, free);
                }
            }
            call.args.iter_mut().for_each(|arg| rewrite(arg, bound, free));
        }
        Expr::List(list) => list.elements.iter_mut().for_each(|element| rewrite(element, bound, free)),
        Expr::Map(map) => map.entries.iter_mut().for_each(|entry| rewrite_entry(&mut entry.expr, bound, free)),
        Expr::Struct(made) => made.entries.iter_mut().for_each(|entry| rewrite_entry(&mut entry.expr, bound, free)),
        Expr::Comprehension(loop_) => {
            rewrite(&mut loop_.iter_range, bound, free);
            let range = std::mem::take(&mut loop_.iter_range);
            let ordered = CallExpr { func_name: ORDERED.to_owned(), target: None, args: vec![range] };
            loop_.iter_range = IdedExpr { id: tree.id, expr: Expr::Call(ordered) };
            rewrite(&mut loop_.accu_init, bound, free);
            let depth = bound.len();
            bound.push(loop_.accu_var.clone());
            bound.push(loop_.iter_var.clone());
            bound.extend(loop_.iter_var2.clone());
            rewrite(&mut loop_.loop_cond, bound, free);
            rewrite(&mut loop_.loop_step, bound, free);
            rewrite(&mut loop_.result, bound, free);
            bound.truncate(depth);
        }
        Expr::Ident(_) | Expr::Literal(_) | Expr::Unspecified => {}
    }
}

fn rewrite_entry(entry: &mut EntryExpr, bound: &mut Vec<String>, free: &mut Vec<Vec<String>>) {
    match entry {
        EntryExpr::StructField(field) => rewrite(&mut field.value, bound, free),
        EntryExpr::MapEntry(entry) => {
            rewrite(&mut entry.key, bound, free);
            rewrite(&mut entry.value, bound, free);
        }
    }
}
