//! What the parts need to be there: programs, the right to make network namespaces, and the wrapper that tenants start through.

use std::path::{Path, PathBuf};

use super::Error;

/// Where programs are looked for: a user's PATH often has no `sbin`, and what the parts run should be the system's.
pub(super) const PATH: &str = "/usr/sbin:/usr/bin:/sbin:/bin";

/// Each program, and the Debian package that has it.
const NEEDED: &[(&str, &str)] = &[
    ("dockerd", "docker.io"),
    ("containerd", "containerd"),
    ("docker-registry", "docker-registry"),
    ("mariadbd", "mariadb-server"),
    ("mariadb-install-db", "mariadb-server"),
    ("haproxy", "haproxy"),
    ("ip", "iproute2"),
    ("iptables-restore", "iptables"),
    ("ip6tables-restore", "iptables"),
    ("nsenter", "util-linux"),
    ("unshare", "util-linux"),
    ("setpriv", "util-linux"),
    ("openssl", "openssl"),
];

/// Why the parts cannot run here; `None`: nothing is missing.
pub(super) fn missing() -> Option<Error> {
    let absent: Vec<&(&str, &str)> = NEEDED.iter().filter(|(program, _)| find(program).is_none()).collect();
    if !absent.is_empty() {
        let names = |names: Vec<&str>| names.join(", ");
        let mut packages: Vec<&str> = absent.iter().map(|(_, package)| *package).collect();
        packages.dedup();
        return Some(Error::Programs {
            programs: names(absent.iter().map(|(program, _)| *program).collect()),
            packages: packages.join(" "),
        });
    }
    // Who owns a process's own folder in /proc is who it runs as.
    let root = std::fs::metadata("/proc/self").is_ok_and(|own| std::os::unix::fs::MetadataExt::uid(&own) == 0);
    (!root).then_some(Error::NotRoot)
}

/// A program's path.
pub(super) fn find(program: &str) -> Option<PathBuf> {
    PATH.split(':').map(|folder| Path::new(folder).join(program)).find(|path| path.is_file())
}

/// The wrapper `reeve-hold`, linked without shared libraries: named, or where a build or an installation leaves it.
pub(super) fn hold(named: Option<PathBuf>) -> Result<PathBuf, Error> {
    let named = named.or_else(|| std::env::var_os("REEVE_HOLD_PROGRAM").map(PathBuf::from));
    let own = std::env::current_exe().unwrap_or_default();
    choose(named, &own, Path::new(env!("CARGO_MANIFEST_DIR")))
}

/// The stand-in application `reeve-standin`, where a build leaves it; there need not be one.
pub(super) fn standin() -> Option<PathBuf> {
    let own = std::env::current_exe().unwrap_or_default();
    candidates("reeve-standin", &own, Path::new(env!("CARGO_MANIFEST_DIR"))).into_iter().find(|path| path.is_file())
}

/// Where a static program of this project may be.
fn candidates(program: &str, own: &Path, checkout: &Path) -> Vec<PathBuf> {
    let built = format!("{}-unknown-linux-gnu/release/{program}", std::env::consts::ARCH);
    let beside = own.parent().map(|folder| folder.join(program)).into_iter();
    // The executable of a build is some folders down in its target folder.
    let builds = own.ancestors().skip(1).take(4).map(|folder| folder.join(&built));
    // What lies beside a build's own executable is linked with shared libraries, which an empty container has not.
    builds.chain([checkout.join("target").join(&built)]).chain(beside).collect()
}

fn choose(named: Option<PathBuf>, own: &Path, checkout: &Path) -> Result<PathBuf, Error> {
    let candidates = named.map_or_else(|| candidates("reeve-hold", own, checkout), |path| vec![path]);
    candidates.iter().find(|path| path.is_file()).cloned().ok_or_else(|| {
        let looked = candidates.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(", ");
        Error::NoHold { looked }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wrapper_of_the_build_is_found_from_its_tests_and_a_missing_one_is_told() {
        let root = tempfile::tempdir().unwrap();
        let built = root.path().join(format!("{}-unknown-linux-gnu/release/reeve-hold", std::env::consts::ARCH));
        let test = root.path().join("debug/deps/parts-0123");
        let nothing = Path::new("/nonexistent");
        let error = choose(None, &test, nothing).unwrap_err().to_string();
        assert!(error.contains("make setup"), "{error}");
        std::fs::create_dir_all(built.parent().unwrap()).unwrap();
        std::fs::write(&built, "").unwrap();
        assert_eq!(choose(None, &test, nothing).unwrap(), built);
        assert!(choose(Some("/nonexistent/hold".into()), &test, nothing).is_err());
    }
}
