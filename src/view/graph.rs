//! The graph of resources for drawing tools: an arrow runs from a resource to what it needs.

use std::collections::HashMap;
use std::fmt::Write as _;

/// Graphviz. Nodes are address and kind.
#[must_use]
pub fn dot(title: &str, nodes: &[(String, String)], edges: &[(String, String)]) -> String {
    let mut out = format!("digraph \"{title}\" {{\n  rankdir=LR;\n  node [shape=box];\n");
    for (address, kind) in nodes {
        let _ = writeln!(out, "  \"{address}\" [label=\"{address}\\n{kind}\"];");
    }
    for (from, to) in edges {
        let _ = writeln!(out, "  \"{from}\" -> \"{to}\";");
    }
    out.push_str("}\n");
    out
}

/// Mermaid.
#[must_use]
pub fn mermaid(nodes: &[(String, String)], edges: &[(String, String)]) -> String {
    let known: HashMap<&str, usize> = nodes.iter().enumerate().map(|(at, (node, _))| (node.as_str(), at)).collect();
    let id = |address: &str| known.get(address).map_or_else(|| address.replace(['.', '/', '-'], "_"), |at| format!("n{at}"));
    let mut out = String::from("flowchart LR\n");
    for (at, (address, kind)) in nodes.iter().enumerate() {
        let _ = writeln!(out, "  n{at}[\"{address}<br/>{kind}\"]");
    }
    for (from, to) in edges {
        let _ = writeln!(out, "  {} --> {}", id(from), id(to));
    }
    out
}
