//! The YAML that people copy out of the documents is right.

use std::path::Path;

use crate::support::{SMALLEST, file};
use reeve::desired::{self, SourceFile, read};
use reeve::model::Problems;

/// The blocks of YAML in a file of Markdown, with the line at which each begins.
fn blocks(path: &str) -> Vec<(usize, String)> {
    let text = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap();
    let mut blocks: Vec<(usize, String)> = Vec::new();
    let mut open = false;
    for (n, line) in text.lines().enumerate() {
        match (open, line.trim_end()) {
            (false, "```yaml" | "```yml") => {
                blocks.push((n + 2, String::new()));
                open = true;
            }
            (true, "```") => open = false,
            (true, line) => {
                if let Some((_, block)) = blocks.last_mut() {
                    block.push_str(&format!("{line}\n"));
                }
            }
            _ => {}
        }
    }
    blocks
}

/// What is wrong with a block; a document that is no stack stands beside the smallest one.
fn wrong(block: &str) -> Option<String> {
    let mut problems = Problems::new();
    let contents = read::documents(&file("block.yaml", block), &mut 0, &mut problems);
    if !problems.is_empty() {
        return Some(problems.to_string());
    }
    let is_ours = contents.documents.iter().any(|document| document.get("apiVersion").is_some());
    let is_stack = contents.documents.iter().any(|document| document.get("kind").and_then(|kind| kind.as_str()) == Some("Stack"));
    let mut files: Vec<SourceFile> = vec![file("block.yaml", block)];
    if !is_stack {
        files.push(file("s.yaml", &format!("{SMALLEST}  residency: {{ allow: [US, HT] }}\n")));
    }
    if is_ours { desired::load_sources(&files).err().map(|problems| problems.to_string()) } else { None }
}

#[test]
fn every_block_of_yaml_in_the_readme_is_valid() {
    let blocks = blocks("README.md");
    let ours = blocks.iter().filter(|(_, block)| block.contains("apiVersion: reeve/v1")).count();
    assert!(ours >= 2, "a stack and a policy at least: {blocks:?}");
    for (line, block) in blocks {
        assert_eq!(wrong(&block), None, "README.md:{line}");
    }
    assert!(wrong("apiVersion: reeve/v1\nkind: Policy\nmetadata: { name: p }\nspec: { rule: 'true' }\n").unwrap().contains("message"));
}

#[test]
fn every_block_of_yaml_in_the_runbooks_is_yaml() {
    for entry in std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("runbooks")).unwrap() {
        let path = entry.unwrap().path().display().to_string();
        for (line, block) in blocks(&path) {
            let mut problems = Problems::new();
            read::documents(&file("block.yaml", &block), &mut 0, &mut problems);
            assert!(problems.is_empty(), "{path}:{line}: {problems}");
        }
    }
}
