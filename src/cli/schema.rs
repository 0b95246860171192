//! `reeve schema`

use clap::Args;

use super::terminal::Terminal;
use super::{Exit, Failure, code};

/// JSON Schema of the YAML files, or of one kind.
#[derive(Debug, Args)]
pub struct Schema {
    /// A kind, such as `aws.vpc`.
    kind: Option<String>,
    /// A stack's folder, whose own modules count too.
    #[arg(long, value_name = "DIR")]
    pub(super) dir: Option<std::path::PathBuf>,
}

impl Schema {
    pub fn run(self, terminal: &mut Terminal) -> Exit {
        let schema = match &self.kind {
            None => {
                let modules = crate::desired::modules(self.dir.as_deref())
                    .map_err(|problems| Failure::new(code::ERROR, problems.to_string().trim_end().to_owned()))?;
                crate::desired::schema::files(&modules)
            }
            Some(kind) => crate::desired::kind_schema(kind).map_err(unknown)?,
        };
        terminal.data(&format!("{schema:#}"))?;
        Ok(code::DONE)
    }
}

fn unknown(problem: crate::model::problem::Problem) -> Failure {
    let failure = Failure::usage(problem.message);
    match problem.help {
        Some(help) => failure.advice(help),
        None => failure,
    }
}
