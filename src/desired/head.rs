//! What a stack is called and where it is: all that its record can be reached with. Read without the rest, so that a lock can be released
//! and a journal read while a tenant's file is wrong.

use std::path::Path;

use super::{Documents, documents, folder, schema, sort, the_stack, with_lines, with_stack};
use crate::model::node::Node;
use crate::model::problem::{Problem, Problems};

/// The part of a stack's document that says which one it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// Its name.
    pub name: String,
    /// The only AWS account that may be touched.
    pub account: Option<String>,
    /// The AWS region.
    pub region: String,
    /// The domain of the tenants; empty when it is not there.
    pub domain: String,
    /// Where its record is: `s3` or `local:PATH`.
    pub record: String,
}

/// Reads the head of a stack's folder. What is wrong elsewhere does not matter.
///
/// # Errors
/// When there is no stack, or two, or its name, region, account or record cannot be told; then with everything that could not be read.
pub fn head(dir: &Path) -> Result<Head, Problems> {
    let (files, mut problems) = folder::files(dir);
    let documents: Documents = with_stack(|| sort(&files, &mut problems));
    let mut found = Problems::new();
    let head = the_stack(&documents, &mut found).and_then(|stack| read(stack, &mut found));
    match head.filter(|_| found.is_empty()) {
        Some(head) => Ok(head),
        None => {
            problems.merge(found);
            Err(with_lines(problems, &[], &files))
        }
    }
}

fn read(stack: &Node, problems: &mut Problems) -> Option<Head> {
    let name = documents::name(stack);
    if let Some((name, place)) = name {
        documents::check_label("a stack", name, place, problems);
    } else {
        problems.push(Problem::at(&stack.place, "this stack has no name").help("write `metadata: { name: NAME }`"));
    }
    let spec = stack.get("spec");
    let mut text = |field: &str| match spec.and_then(|spec| spec.get(field)) {
        None => None,
        Some(node) if node.as_str().is_some() => node.as_str().map(str::to_owned),
        Some(node) => {
            problems.push(Problem::at(&node.place, format!("`{field}` has to be text, and this is {}", node.noun())));
            None
        }
    };
    let (account, region, domain, record) = (text("account"), text("region"), text("domain"), text("record"));
    if region.is_none() && problems.is_empty() {
        problems.push(Problem::at(&stack.place, "this stack has no `region`").help("write `region: us-east-1`, or another one"));
    }
    let (name, _) = name.filter(|(name, _)| schema::is_label(name))?;
    Some(Head {
        name: name.to_owned(),
        account,
        region: region?,
        domain: domain.unwrap_or_default(),
        record: record.unwrap_or_else(super::stack::s3),
    })
}
