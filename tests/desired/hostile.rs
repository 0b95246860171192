//! Files that are meant to hurt: each ends in a clear problem, soon.

use crate::support::{file, problems};

fn hurts(text: &str) -> String {
    let words = problems(&[file("x.yaml", text)]);
    assert!(words.len() < 20_000, "a problem is short whatever the file: {}", words.len());
    words
}

#[test]
fn an_alias_bomb_does_not_go_off() {
    let mut bomb = "a0: &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol]\n".to_owned();
    for level in 1..12 {
        let inner = format!("*a{}", level - 1);
        bomb += &format!("a{level}: &a{level} [{}]\n", vec![inner; 9].join(", "));
    }
    assert!(hurts(&bomb).contains("aliases of this file copy more than 50000 values"));
}

#[test]
fn an_alias_bomb_of_long_texts_does_not_go_off_either() {
    let text = format!("a: &a \"{}\"\nb: [{}]\n", "x".repeat(60_000), vec!["*a"; 5000].join(", "));
    assert!(hurts(&text).contains("aliases of this file copy more than"));
}

#[test]
fn an_alias_of_itself_is_refused() {
    assert!(hurts("a: &a [*a]\n").contains("alias"));
}

#[test]
fn a_megabyte_scalar_is_refused() {
    assert!(hurts(&format!("kind: {}\n", "x".repeat(1 << 20))).contains("the most is 64"));
    assert!(hurts(&format!("{}: 1\n", "x".repeat(2000))).contains("x.yaml:1:1"));
    assert!(hurts(&format!("kind: |\n{}", "  x\n".repeat(100_000))).contains("the most is 64"));
}

#[test]
fn a_tower_of_brackets_is_refused() {
    for text in [
        "[".repeat(100_000),
        format!("a: {}", "[".repeat(60)),
        "{a: ".repeat(60),
        "- ".repeat(10_000),
        (0..200).map(|n| format!("{}a:\n", " ".repeat(n))).collect(),
    ] {
        let words = hurts(&text);
        assert!(words.contains("x.yaml:"), "{words}");
    }
}

#[test]
fn binary_files_and_other_encodings_are_named() {
    assert!(hurts("kind: St\0ack").contains("binary"));
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("a.yaml"), [0xff, 0xfe, 0x00, 0x41]).unwrap();
    std::fs::write(dir.path().join("b.yaml"), b"kind: Stack\nname: caf\xe9\n").unwrap();
    let words = reeve::desired::load(dir.path()).unwrap_err().to_string();
    assert!(words.contains("a.yaml:1:1") && words.contains("b.yaml:2:1") && words.contains("UTF-8"), "{words}");
}

#[test]
fn a_huge_file_is_refused_before_it_is_read() {
    let dir = tempfile::tempdir().unwrap();
    let huge = std::fs::File::create(dir.path().join("huge.yaml")).unwrap();
    huge.set_len(1 << 40).unwrap();
    let words = reeve::desired::load(dir.path()).unwrap_err().to_string();
    assert!(words.contains("the most is 16"), "{words}");
}

#[test]
fn keys_that_are_lists_and_texts_without_end_are_refused() {
    for text in [
        "? [a, b]\n: c\n",
        "a: \"never ends",
        "a: 'never ends",
        "%YAML 9.9\n---\n",
        "a: *nowhere\n",
        "&a : 1\n",
        "!!binary x",
        "\u{feff}\u{feff}",
        "--- |9\n",
    ] {
        let _ = hurts(text);
    }
}

#[test]
fn many_mistakes_are_counted_and_not_all_shown() {
    let many: String = (0..5000).map(|n| format!("field{n}: 1\n")).collect();
    let words = problems(&[file("s.yaml", &format!("{}{many}", "kind: Stack\n"))]);
    assert!(words.contains("problems, ") && words.contains("not shown") && words.len() < 200_000);
}

#[test]
fn a_flood_of_work_in_an_expression_is_bounded_by_its_length() {
    let long = format!(
        "apiVersion: reeve/v1\nkind: Module\nmetadata: {{ name: x }}\nspec: {{ let: {{ a: \"${{{}}}\" }} }}\n",
        "1+".repeat(5000) + "1"
    );
    assert!(hurts(&long).contains("the most is 8192"));
    let deep = format!(
        "apiVersion: reeve/v1\nkind: Module\nmetadata: {{ name: x }}\nspec: {{ let: {{ a: \"${{{}1{}}}\" }} }}\n",
        "(".repeat(2000),
        ")".repeat(2000)
    );
    assert!(hurts(&deep).contains("nested too deep"));
}

#[test]
fn expressions_of_every_depth_are_refused_or_understood() {
    let towers: [fn(usize) -> String; 9] = [
        |n| format!("{}1{}", "(".repeat(n), ")".repeat(n)),
        |n| format!("{}1", "1 + ".repeat(n)),
        |n| format!("{}true", "!".repeat(n)),
        |n| format!("{}1", "-".repeat(n)),
        |n| format!("{}1", "true ? 1 : ".repeat(n)),
        |n| format!("a{}", ".a".repeat(n)),
        |n| format!("{}true", "true && ".repeat(n)),
        |n| format!("{}1{}", "[".repeat(n), "]".repeat(n)),
        |n| format!("{}1{}", "{1: ".repeat(n), "}".repeat(n)),
    ];
    for tower in towers {
        for n in [10, 30, 37, 90, 100, 290, 299, 700] {
            let _ = hurts(&format!(
                "apiVersion: reeve/v1\nkind: Module\nmetadata: {{ name: x }}\nspec: {{ let: {{ a: \"${{{}}}\" }} }}\n",
                tower(n)
            ));
        }
    }
}
