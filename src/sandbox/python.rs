//! Finds the Python that has moto: `REEVE_SANDBOX_PYTHON`, else `.sandbox/venv` from here upwards, else the checkout's.

use std::path::{Path, PathBuf};

use super::Error;

const VENV: &str = ".sandbox/venv/bin/python";

/// The interpreter to run.
pub(super) fn find() -> Result<PathBuf, Error> {
    let named = std::env::var_os("REEVE_SANDBOX_PYTHON").map(PathBuf::from);
    let here = std::env::current_dir().unwrap_or_default();
    choose(named, &here, Path::new(env!("CARGO_MANIFEST_DIR")))
}

fn choose(named: Option<PathBuf>, here: &Path, checkout: &Path) -> Result<PathBuf, Error> {
    let candidates: Vec<PathBuf> = match named {
        // A name that is wrong is an error, not a reason to take another.
        Some(path) => vec![path],
        None => here.ancestors().chain([checkout]).map(|folder| folder.join(VENV)).collect(),
    };
    candidates.iter().find(|path| path.is_file()).cloned().ok_or_else(|| {
        let looked = candidates.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(", ");
        Error::NoPython { looked }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_folder_upwards_wins_and_a_wrong_name_is_told() {
        let root = tempfile::tempdir().unwrap();
        let deep = root.path().join("a/b");
        std::fs::create_dir_all(&deep).unwrap();
        let nothing = Path::new("/nonexistent");
        let error = choose(None, &deep, nothing).unwrap_err().to_string();
        assert!(error.contains("make setup"), "{error}");

        let python = root.path().join("a").join(VENV);
        std::fs::create_dir_all(python.parent().unwrap()).unwrap();
        std::fs::write(&python, "").unwrap();
        assert_eq!(choose(None, &deep, nothing).unwrap(), python);
        assert_eq!(choose(None, nothing, &root.path().join("a")).unwrap(), python);
        assert!(choose(Some(deep.join("none")), &deep, nothing).is_err());
    }
}
