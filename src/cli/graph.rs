//! `reeve graph`

use clap::{Args, ValueEnum};

use super::stack::load;
use super::terminal::Terminal;
use super::{Dir, Exit, code};
use crate::plan::references;
use crate::view::graph::{dot, mermaid};

/// The graph of resources.
#[derive(Debug, Args)]
pub struct Graph {
    #[command(flatten)]
    pub(super) dir: Dir,
    /// How to write it.
    #[arg(long, default_value = "dot")]
    format: Language,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Language {
    Dot,
    Mermaid,
}

impl Graph {
    pub fn run(self, terminal: &mut Terminal) -> Exit {
        let loaded = load(&self.dir.dir)?;
        let mut edges = std::collections::BTreeSet::new();
        for (address, wish) in &loaded.wishes {
            references(wish.kind.info(), &wish.spec, |_, hole| {
                edges.insert((address.to_string(), hole.address.to_string()));
            });
        }
        let nodes: Vec<(String, String)> =
            loaded.wishes.iter().map(|(address, wish)| (address.to_string(), wish.kind.name.to_owned())).collect();
        let edges: Vec<(String, String)> = edges.into_iter().collect();
        terminal.data(&match self.format {
            Language::Dot => dot(&loaded.stack.name, &nodes, &edges),
            Language::Mermaid => mermaid(&nodes, &edges),
        })?;
        Ok(code::DONE)
    }
}
