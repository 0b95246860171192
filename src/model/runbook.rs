//! The runbooks, compiled in: whoever has only the binary reads them with `reeve runbook NAME`. A message sends there by [`Runbook`]'s own
//! words, so that they are the same everywhere.

use std::fmt;

/// What to do about one sort of failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Runbook {
    /// Its name: `stale-plan`.
    pub name: &'static str,
    /// Its text, in Markdown.
    pub text: &'static str,
}

impl fmt::Display for Runbook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "reeve runbook {}", self.name)
    }
}

impl Runbook {
    /// Its heading.
    #[must_use]
    pub fn title(&self) -> &'static str {
        self.text.lines().next().unwrap_or_default().trim_start_matches('#').trim()
    }
}

macro_rules! runbooks {
    ($($constant:ident $name:literal),* $(,)?) => {
        $(
            #[doc = concat!("`runbooks/", $name, ".md`")]
            pub const $constant: Runbook = Runbook { name: $name, text: include_str!(concat!("../../runbooks/", $name, ".md")) };
        )*
        /// All of them, by name.
        pub const ALL: &[Runbook] = &[$($constant),*];
    };
}

runbooks![
    DELETION_SCHEDULED "deletion-scheduled",
    DENIED "denied",
    DISK_FULL "disk-full",
    DOCKER_DOWN "docker-down",
    DRIFT "drift",
    FILES_AWAY "files-away",
    FIRST_APPLY "first-apply",
    FLEET_FULL "fleet-full",
    HAPROXY_DOWN "haproxy-down",
    HAPROXY_REJECTS "haproxy-rejects",
    HOST_LOST "host-lost",
    IMAGE_MISSING "image-missing",
    IN_USE "in-use",
    JOURNAL "journal",
    LOCKED "locked",
    LOOP "loop",
    LOST_MARK "lost-mark",
    MYSQL_REFUSING "mysql-refusing",
    NO_ROOM "no-room",
    PARTIAL_APPLY "partial-apply",
    PROTECTED "protected",
    QUORUM "quorum",
    RESTORE_DRILL "restore-drill",
    ROTATE "rotate",
    SMALLER "smaller",
    STALE_PLAN "stale-plan",
    TENANT_DATA "tenant-data",
    TENANT_LEAVES "tenant-leaves",
    TWO_OBJECTS "two-objects",
    UNHEALTHY "unhealthy",
    UNREACHABLE "unreachable",
    VANISHED "vanished",
    WAKER_AWAY "waker-away",
    WONT_WAKE "wont-wake",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_runbook_of_the_folder_is_compiled_in() {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("runbooks");
        let names = std::fs::read_dir(folder).unwrap().filter_map(|entry| entry.unwrap().path().file_stem()?.to_str().map(str::to_owned));
        let names: std::collections::BTreeSet<String> = names.collect();
        assert_eq!(names, ALL.iter().map(|one| one.name.to_owned()).collect());
        assert!(ALL.iter().all(|one| !one.title().is_empty()) && ALL.windows(2).all(|two| two[0].name < two[1].name));
    }
}
