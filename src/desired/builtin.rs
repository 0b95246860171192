//! The modules that are part of the program. A list written by hand: what is compiled in is read here, not found.

use super::read::SourceFile;

macro_rules! modules {
    ($($name:literal),* $(,)?) => {
        &[$(($name, include_str!(concat!("../../modules/", $name, ".yaml")))),*]
    };
}

/// Name and text of each.
static MODULES: &[(&str, &str)] = modules!["backup", "database", "edge", "files", "fleet", "observability", "routing", "tenant", "vpc"];

/// The built-in modules as files. They lie in no folder of the operator's: a place in one names the command that prints it.
pub fn files() -> Vec<SourceFile> {
    MODULES.iter().map(|(name, text)| SourceFile { path: format!("<reeve module {name}>"), text: (*text).to_owned() }).collect()
}

/// The built-in modules: name, what it is for, and text.
pub fn texts() -> impl Iterator<Item = (&'static str, &'static str, &'static str)> {
    let doc = |text: &'static str| text.lines().find_map(|line| line.strip_prefix("  doc: ")).unwrap_or_default();
    MODULES.iter().map(move |(name, text)| (*name, doc(text), *text))
}
