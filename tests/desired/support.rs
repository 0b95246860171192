//! Texts that tests put together.

use reeve::desired::{self, Desired, SourceFile};
use reeve::model::{Address, Problems};

/// The least that a stack needs.
pub const SMALLEST: &str = "\
apiVersion: reeve/v1
kind: Stack
metadata: { name: small }
spec:
  region: us-east-1
  domain: small.example
  distributions:
    refapp:
      image: openmrs/backend@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef
";

pub fn file(path: &str, text: &str) -> SourceFile {
    SourceFile { path: path.into(), text: text.into() }
}

/// The modules of these tests.
pub fn toy() -> SourceFile {
    file("toy.yaml", include_str!("toy.yaml"))
}

/// A file of the example stack.
pub fn example(name: &str) -> SourceFile {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("desired/hostedehr").join(name);
    file(name, &std::fs::read_to_string(path).unwrap())
}

/// Reads files over the modules of these tests.
pub fn load(files: &[SourceFile]) -> Result<Desired, Problems> {
    desired::load_with(&[toy()], files)
}

pub fn address(text: &str) -> Address {
    Address::parse(text).unwrap()
}

/// The problems of the smallest stack with these files beside it (one named `s.yaml` replaces it), rendered.
pub fn problems(files: &[SourceFile]) -> String {
    let mut all = Vec::new();
    if !files.iter().any(|file| file.path == "s.yaml") {
        all.push(file("s.yaml", SMALLEST));
    }
    all.extend(files.iter().cloned());
    match load(&all) {
        Ok(_) => "no problem".to_owned(),
        Err(problems) => problems.to_string(),
    }
}

/// The smallest stack with lines added to its `spec`.
pub fn stack_with(lines: &str) -> SourceFile {
    file("s.yaml", &format!("{SMALLEST}{lines}"))
}
