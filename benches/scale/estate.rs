//! The example estate with as many tenants as are asked for.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// Tenants in one file: nobody keeps thousands in one, and nobody a file for each.
const IN_A_FILE: usize = 250;

/// A stack's folder that goes when this does.
#[derive(Debug)]
pub struct Estate {
    folder: tempfile::TempDir,
}

impl Estate {
    /// The example's stack with `tenants` tenants.
    pub fn new(tenants: usize) -> Self {
        let estate = Self { folder: tempfile::tempdir().expect("a temporary folder") };
        let stack = Path::new(env!("CARGO_MANIFEST_DIR")).join("desired/hostedehr/stack.yaml");
        std::fs::copy(stack, estate.folder.path().join("stack.yaml")).expect("the example's stack");
        estate.tenants(tenants);
        estate
    }

    /// Writes `tenants` tenants; those that are there stay as they are.
    pub fn tenants(&self, tenants: usize) {
        let all: Vec<usize> = (0..tenants).collect();
        for (at, some) in all.chunks(IN_A_FILE).enumerate() {
            let mut text = String::new();
            for number in some {
                let country = ["US", "HT", "GT"][number % 3];
                let _ = write!(
                    text,
                    "---\napiVersion: reeve/v1\nkind: Tenant\nmetadata: {{ name: clinic-{number:05} }}\nspec:\n  distribution: refapp\n  \
                     country: {country}\n  admin_email: admin@clinic-{number:05}.example\n"
                );
            }
            std::fs::write(self.folder.path().join(format!("tenants-{at:04}.yaml")), text).expect("a file of tenants");
        }
    }

    /// Its folder.
    pub fn path(&self) -> PathBuf {
        self.folder.path().to_owned()
    }
}
