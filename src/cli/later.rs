//! Commands that are announced and not there yet: they take any arguments and say so.

use clap::Args;

use super::Failure;

/// Whatever was given.
#[derive(Debug, Args)]
pub struct Later {
    /// Taken and not read.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, hide = true, num_args = 0..)]
    rest: Vec<std::ffi::OsString>,
}

/// What such a command answers.
pub fn command(name: &str) -> Failure {
    Failure::usage(format!("`reeve {name}` comes in a later release; nothing was read or touched"))
        .advice("`reeve help` lists what is there")
}
