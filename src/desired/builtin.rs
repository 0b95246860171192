//! The modules that are part of the program. A list written by hand: what is compiled in is read here, not found.

use super::read::SourceFile;

macro_rules! modules {
    ($($name:literal),* $(,)?) => {
        &[$((concat!("modules/", $name, ".yaml"), include_str!(concat!("../../modules/", $name, ".yaml")))),*]
    };
}

/// Path and text of each.
static MODULES: &[(&str, &str)] = modules!["backup", "database", "edge", "files", "fleet", "observability", "tenant", "vpc"];

/// The built-in modules as files.
pub fn files() -> Vec<SourceFile> {
    MODULES.iter().map(|(path, text)| SourceFile { path: (*path).to_owned(), text: (*text).to_owned() }).collect()
}
