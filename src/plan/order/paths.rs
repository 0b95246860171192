//! Which steps follow which already, so that a further edge makes no circle.

use petgraph::algo::{DfsSpace, has_path_connecting};
use petgraph::graph::{DiGraph, NodeIndex};
use petgraph::visit::Visitable;

type Graph = DiGraph<(), ()>;

/// Which step leads to which.
pub(super) struct Paths {
    graph: Graph,
    space: DfsSpace<NodeIndex, <Graph as Visitable>::Map>,
}

impl Paths {
    pub(super) fn new(graph: Graph) -> Self {
        Self { space: DfsSpace::new(&graph), graph }
    }

    /// Whether `to` cannot come before `from`.
    pub(super) fn lead(&mut self, from: usize, to: usize) -> bool {
        has_path_connecting(&self.graph, NodeIndex::new(from), NodeIndex::new(to), Some(&mut self.space))
    }

    pub(super) fn add(&mut self, first: usize, then: usize) {
        self.graph.add_edge(NodeIndex::new(first), NodeIndex::new(then), ());
    }
}
