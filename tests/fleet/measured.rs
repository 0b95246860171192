//! What the stories measured: said, and on demand written into the README.
//!
//! `REEVE_MEASURED=write cargo test --test fleet -- --test-threads=1 one_writer rotation` writes it.

use std::path::Path;

/// Says `text`, and with `REEVE_MEASURED=write` puts it in the place of that name in the README.
pub fn measured(name: &str, text: &str) {
    println!("{name}: {text}");
    if std::env::var("REEVE_MEASURED").as_deref() != Ok("write") {
        return;
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
    let readme = std::fs::read_to_string(&path).expect("the README");
    let (begin, end) = (format!("<!-- {name}:begin -->"), format!("<!-- {name}:end -->"));
    let (before, rest) = readme.split_once(&begin).unwrap_or_else(|| panic!("{begin} in the README"));
    let (_, after) = rest.split_once(&end).unwrap_or_else(|| panic!("{end} in the README"));
    std::fs::write(&path, format!("{before}{begin}{text}{end}{after}")).expect("the README is written");
}
