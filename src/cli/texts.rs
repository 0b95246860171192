//! `reeve runbook` and `reeve module`: texts that are compiled in, for who has only the binary.

use clap::Args;

use super::terminal::Terminal;
use super::{Exit, Failure, code};
use crate::model::problem::suggest;
use crate::model::runbook;

/// What to do when something goes wrong.
#[derive(Debug, Args)]
pub struct Runbook {
    /// Its name, as messages give it; none: all names.
    name: Option<String>,
}

impl Runbook {
    pub fn run(self, terminal: &mut Terminal) -> Exit {
        let texts = runbook::ALL.iter().map(|one| Text { name: one.name, title: one.title(), text: one.text });
        show("runbook", &texts.collect::<Vec<_>>(), self.name.as_deref(), terminal)
    }
}

/// A built-in module as it is compiled in.
#[derive(Debug, Args)]
pub struct Module {
    /// Its name: the section of the stack that it makes; none: all names.
    name: Option<String>,
}

impl Module {
    pub fn run(self, terminal: &mut Terminal) -> Exit {
        let texts = crate::desired::builtin_modules().map(|(name, doc, text)| Text { name, title: doc, text });
        show("module", &texts.collect::<Vec<_>>(), self.name.as_deref(), terminal)
    }
}

struct Text {
    name: &'static str,
    title: &'static str,
    text: &'static str,
}

fn show(what: &str, texts: &[Text], name: Option<&str>, terminal: &mut Terminal) -> Exit {
    let Some(name) = name else {
        let widest = texts.iter().map(|one| one.name.len()).max().unwrap_or(0);
        let lines: Vec<String> = texts.iter().map(|one| format!("{:widest$}  {}", one.name, one.title)).collect();
        terminal.data(&lines.join("\n"))?;
        return Ok(code::DONE);
    };
    // Who follows a link of the repository may name the file.
    let bare = name.rsplit('/').next().unwrap_or(name).trim_end_matches(".md").trim_end_matches(".yaml");
    match texts.iter().find(|one| one.name == bare) {
        Some(one) => {
            terminal.data(one.text.trim_end())?;
            Ok(code::DONE)
        }
        None => {
            let help = suggest(bare, texts.iter().map(|one| one.name)).unwrap_or_else(|| format!("`reeve {what}` lists them"));
            Err(Failure::usage(format!("there is no {what} `{name:.60}`")).advice(help))
        }
    }
}
