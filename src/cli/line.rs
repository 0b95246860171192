//! Reads the command line. A folder after a list (`reeve plan --target vpc.vpc database DIR`) is understood too.

use std::ffi::OsString;
use std::path::Path;

use clap::error::ErrorKind;
use clap::{CommandFactory, Parser};

use super::Cli;

/// Parses `args` (with the program's name first).
///
/// A flag that takes several values also takes the folder behind them for a value; the folder is then missing. So, when something
/// is missing, what names an existing file or folder is tried in the folder's place.
pub fn parse(args: Vec<OsString>) -> Result<Cli, clap::Error> {
    let error = match Cli::try_parse_from(&args) {
        Ok(cli) => return Ok(cli),
        Err(error) => error,
    };
    if error.kind() != ErrorKind::MissingRequiredArgument {
        return Err(error);
    }
    let Some(verb) = args.iter().skip(1).position(|arg| arg.to_str().is_some_and(is_command)).map(|at| at + 1) else { return Err(error) };
    for at in (verb + 1..args.len()).rev().filter(|at| Path::new(&args[*at]).exists()) {
        let mut moved = args.clone();
        let path = moved.remove(at);
        moved.insert(verb + 1, path);
        if let Ok(cli) = Cli::try_parse_from(moved) {
            return Ok(cli);
        }
    }
    Err(error)
}

fn is_command(name: &str) -> bool {
    Cli::command().find_subcommand(name).is_some()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::Command;
    use super::*;

    fn args(line: &str) -> Vec<OsString> {
        line.split(' ').map(OsString::from).collect()
    }

    #[test]
    fn a_folder_stands_before_or_behind_a_list() {
        for line in ["reeve plan src --target a.b c.d", "reeve plan --target a.b c.d src", "reeve plan --target a.b c.d src --stats"] {
            let Ok(Cli { command: Command::Plan(plan), .. }) = parse(args(line)) else { panic!("{line}") };
            assert_eq!(
                (plan.what.dir.dir.to_str(), plan.what.scope.target.as_slice()),
                (Some("src"), ["a.b".to_owned(), "c.d".to_owned()].as_slice())
            );
        }
    }

    #[test]
    fn a_missing_folder_is_still_missed() {
        // `src` exists but is the only target: it is not taken away from the list.
        for line in ["reeve plan", "reeve plan --target a.b", "reeve plan --target src"] {
            assert_eq!(parse(args(line)).unwrap_err().kind(), ErrorKind::MissingRequiredArgument, "{line}");
        }
    }

    #[test]
    fn the_table_is_sound() {
        Cli::command().debug_assert();
    }

    proptest! {
        #[test]
        fn no_line_makes_it_panic(words in prop::collection::vec(
            prop_oneof![
                "[ -~]{0,12}",
                prop::sample::select(vec!["plan", "apply", "--target", "--plane", "aws,docker", "--format", "json", "--", "src", "-", "--stats", "-h", "audit"])
                    .prop_map(str::to_owned),
            ],
            0..8,
        )) {
            let line: Vec<OsString> = std::iter::once("reeve".to_owned()).chain(words).map(OsString::from).collect();
            let _ = parse(line);
        }
    }
}
