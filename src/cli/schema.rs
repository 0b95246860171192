//! `reeve schema`

use clap::Args;

use super::terminal::Terminal;
use super::{Exit, Failure, code};
use crate::kinds::{KINDS, lookup};

/// JSON Schema of the YAML files, or of one kind.
#[derive(Debug, Args)]
pub struct Schema {
    /// A kind, such as `aws.vpc`.
    kind: Option<String>,
    /// A stack's folder, whose own modules count too.
    #[arg(long, value_name = "DIR")]
    dir: Option<std::path::PathBuf>,
}

impl Schema {
    pub fn run(self, terminal: &mut Terminal) -> Exit {
        let schema = match &self.kind {
            None => {
                let modules = crate::desired::modules(self.dir.as_deref())
                    .map_err(|problems| Failure::new(code::ERROR, problems.to_string().trim_end().to_owned()))?;
                crate::desired::schema::files(&modules)
            }
            Some(kind) => {
                let row = lookup(kind).ok_or_else(|| unknown(kind))?;
                let mut schema = row.info().schema.clone();
                schema["$id"] = row.name.into();
                schema["x-page"] = row.page.into();
                schema
            }
        };
        terminal.data(&format!("{schema:#}"));
        Ok(code::DONE)
    }
}

fn unknown(kind: &str) -> Failure {
    let near = KINDS.iter().map(|row| row.name).min_by_key(|name| strsim::damerau_levenshtein(name, kind));
    let advice = near.map(|name| format!("did you mean {name}?")).unwrap_or_default();
    Failure::usage(format!("there is no kind `{kind}`")).advice(advice)
}
