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

/// Rewrites the tree and returns the names it needs from its scope.
pub fn prepare(tree: &mut IdedExpr) -> Vec<String> {
    let mut free = BTreeSet::new();
    rewrite(tree, &mut Vec::new(), &mut free);
    free.into_iter().collect()
}

fn rewrite(tree: &mut IdedExpr, bound: &mut Vec<String>, free: &mut BTreeSet<String>) {
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
        Expr::Ident(name) => {
            if !bound.contains(name) && !TYPES.contains(&name.as_str()) {
                free.insert(name.clone());
            }
        }
        Expr::Select(select) => rewrite(&mut select.operand, bound, free),
        Expr::Call(call) => {
            if let Some(target) = &mut call.target {
                let namespace = matches!(&target.expr, Expr::Ident(name) if NAMESPACES.contains(&name.as_str()) && !bound.contains(name));
                if !namespace {
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
        Expr::Literal(_) | Expr::Unspecified => {}
    }
}

fn rewrite_entry(entry: &mut EntryExpr, bound: &mut Vec<String>, free: &mut BTreeSet<String>) {
    match entry {
        EntryExpr::StructField(field) => rewrite(&mut field.value, bound, free),
        EntryExpr::MapEntry(entry) => {
            rewrite(&mut entry.key, bound, free);
            rewrite(&mut entry.value, bound, free);
        }
    }
}
