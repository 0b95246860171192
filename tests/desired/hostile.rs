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
    assert!(words.contains("problems; these are the first 50, and") && words.len() < 200_000);
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

/// What a stack with this module beside it says, within a time that no honest stack needs.
fn bounded(module: &str) -> String {
    let begun = std::time::Instant::now();
    let said = problems(&[file("m.yaml", &format!("apiVersion: reeve/v1\nkind: Module\nmetadata: {{ name: x }}\nspec:\n{module}"))]);
    assert!(begun.elapsed().as_secs() < 20, "{:?} for {module:.200}", begun.elapsed());
    assert!(said.len() < 100_000);
    said
}

fn lets(lines: impl Iterator<Item = (String, String)>) -> String {
    lines.fold("  let:\n".to_owned(), |text, (name, value)| format!("{text}    {name}: '${{{value}}}'\n"))
}

/// `a0` to the last, each made of the one before.
fn ladder(first: &str, steps: usize, next: impl Fn(String) -> String) -> String {
    let rest = (1..=steps).map(|n| (format!("a{n}"), next(format!("a{}", n - 1))));
    lets(std::iter::once(("a0".to_owned(), first.to_owned())).chain(rest))
}

#[test]
fn what_an_expression_costs_is_bounded() {
    let one = |expression: &str| bounded(&lets(std::iter::once(("a".to_owned(), expression.to_owned()))));
    let big = "lists.range(1000)";
    for expression in [
        format!("{big}.map(a, {big}.map(b, {big}.map(c, a + b + c)))"),
        format!("{big}.all(a, {big}.all(b, {big}.all(c, a + b + c >= 0)))"),
        format!("{big}.filter(a, {big}.exists(b, {big}.exists(c, a + b + c < 0))).size()"),
        format!("{big}.exists(a, {big}.exists(b, {big}.exists(c, a + b + c < 0))) || true"),
        format!("{big}.map(a, {big})"),
        format!("{big}.map(a, {{\"k\": {big}}})"),
        format!("{big}.map(a, json({big}))"),
        format!("{big}.map(a, ({big} + {big}).size())"),
        "lists.range(1000000).map(n, n)".to_owned(),
        format!("[{}].size()", vec!["size(lists.range(1000000))"; 250].join(", ")),
        "lists.range(200000).distinct().size()".to_owned(),
        "lists.range(5000).map(n, string(n)).join(lists.range(5000).map(n, string(n)).join(\"\")).size()".to_owned(),
        "lists.range(9000).map(n, string(n)).join(\"\").replace(\"\", lists.range(9000).map(n, string(n)).join(\"\")).size()".to_owned(),
        "lists.range(100000).map(n, string(n).matches(\"(a{1,90}){1,90}\")).size()".to_owned(),
        format!("lists.range(30000).map(n, {})", vec!["1"; 90].join("+")),
    ] {
        let said = one(&expression);
        assert!(said.contains("takes more than 1000000 steps"), "{expression:.100}: {said}");
    }
}

#[test]
fn what_grows_from_let_to_let_is_bounded() {
    for (what, module) in [
        ("text", ladder("\"abcdefghijklmnop\"", 60, |before| format!("{before} + {before}"))),
        ("lists", ladder("[1]", 60, |before| format!("{before} + {before}"))),
        ("nested lists", ladder("[1]", 60, |before| format!("[{before}, {before}]"))),
        ("maps", ladder("{\"a\": 1}", 60, |before| format!("{{\"a\": {before}, \"b\": {before}}}"))),
        ("canonical text", ladder("\"\\\"\"", 60, |before| format!("json({before})"))),
        ("replacements", ladder("\"aa\"", 60, |before| format!("{before}.replace(\"a\", \"aa\")"))),
        ("towers", ladder("[1]", 5000, |before| format!("[{before}]"))),
    ] {
        let said = bounded(&module);
        assert!(said.contains("takes more than 1000000 steps"), "{what}: {said}");
    }
}

#[test]
fn what_all_expressions_and_resources_cost_together_is_bounded() {
    let many = (0..400).map(|n| (format!("a{n}"), "lists.range(20000).map(n, n)".to_owned()));
    assert!(bounded(&lets(many)).contains("all expressions together take more than"));
    let resource = |spec: &str| {
        format!(
            "  let:\n    keys: '${{lists.range(20000).map(n, string(n))}}'\n  resources:\n    log:\n      for_each: '${{keys}}'\n      kind: aws.parameter\n      spec: {{ value: x, description: '{spec}' }}\n"
        )
    };
    let said = bounded(&resource(&"wide ".repeat(2000)));
    assert!(said.contains("all resources together take more than"), "{said:.2000}");
}

#[test]
fn input_against_the_grain_is_named_at_its_place() {
    let stack = |lines: &str| problems(&[crate::support::stack_with(lines)]);
    let tenant = |name: &str, more: &str| {
        let text = format!(
            "apiVersion: reeve/v1\nkind: Tenant\nmetadata: {{ name: {name} }}\nspec: {{ distribution: refapp, country: US, admin_email: a@b.example{more} }}\n"
        );
        problems(&[crate::support::stack_with("  residency: { allow: [US] }\n"), file("x.yaml", &text)])
    };
    let module = |spec: &str| hurts(&format!("apiVersion: reeve/v1\nkind: Module\nmetadata: {{ name: x }}\nspec:\n{spec}"));
    let vpc = |field: &str| module(&format!("  resources: {{ a: {{ {field}, kind: aws.vpc, spec: {{ cidr_block: 10.0.0.0/16 }} }} }}\n"));
    let policy =
        |rule: &str| hurts(&format!("apiVersion: reeve/v1\nkind: Policy\nmetadata: {{ name: p }}\nspec: {{ rule: {rule}, message: m }}\n"));
    for (said, place, words) in [
        (stack("  database: { storage_gib: 99999999999999999999 }\n"), "s.yaml:10:28", "wants a whole number, not one so large"),
        (stack("  database: { storage_gib: 1e400 }\n"), "s.yaml:10:28", "wants a whole number, not one so large"),
        (stack("  vpc: [a]\n"), "s.yaml:10:8", "`vpc` wants a mapping, not a list"),
        (stack("  vpc: { zone: [a] }\n").replace('\n', "\r\n"), "s.yaml:10:10", "did you mean `zones`?"),
        (problems(&[file("x.yaml", "- a\n")]), "x.yaml:1:1", "a document is a mapping with a `kind`, not a list"),
        (problems(&[file("x.yaml", "---\nhello\n")]), "x.yaml:2:1", "not text"),
        (problems(&[file("x.yaml", "&a\n---\nkind: *a\n")]), "x.yaml:3:7", "unknown anchor"),
        (tenant("a", ", st\u{430}te: active"), "x.yaml:4:70", "did you mean `state`? (`\u{430}` is U+0430)"),
        (tenant("a", ", \"\\e[2Jx\\n\": 1"), "x.yaml:4:70", r"unknown field `\u{1b}[2Jx\n`"),
        (tenant("\"a\u{202e}b\"", ""), "x.yaml:3:19", r"`a\u{202e}b` is no DNS label"),
        (vpc("moved: vpc.x"), "x.yaml:5:28", "as a list: [vpc.x]"),
        (vpc("moved: [x.a]"), "x.yaml:5:16", "`x.a` cannot have moved from `x.a`, which is still wished"),
        (vpc("moved: [vpc.vpc]"), "x.yaml:5:16", "cannot have moved from `vpc.vpc`, which is still wished"),
        (vpc("moved: [lookup.zone]"), "x.yaml:5:16", "which is looked up and never made"),
        (vpc("for_each: [b, c], moved: [vpc.old]"), "x.yaml:5:16", "`vpc.old` cannot have moved both to `x.a/b` and to `x.a/c`"),
        (vpc("for_each: 7"), "x.yaml:5:31", "not over a whole number"),
        (vpc("for_each: [b, b]"), "x.yaml:5:31", "has the key `b` twice"),
        (vpc("for_each: \"${lists.range(-5).map(n, string(n))}\""), "x.yaml:5:34", "cannot do this"),
        (vpc("when: maybe"), "x.yaml:5:27", "this has to be true or false"),
        (vpc("when: \"${each.key == ''}\""), "x.yaml:5:30", "`each` is not defined"),
        (module("  let: { a: '${9223372036854775807 + 1}' }\n"), "x.yaml:5:16", "the number is too large"),
        (module("  let: { a: '${resources}' }\n  resources: {}\n"), "x.yaml:5:16", "`resources` is not defined"),
        (module("  let: { a: '${1.0/0.0}' }\n"), "x.yaml:5:16", "which YAML has no form for"),
        (policy("'${action == \"delete\"}'"), "x.yaml:4:15", "here it stands without `${` and `}`"),
        (policy("[a]"), "x.yaml:4:15", "`rule` wants text, not a list"),
        (policy("''"), "x.yaml:4:15", "`rule` is empty"),
    ] {
        assert!(said.contains(&format!("{place}: ")) && said.contains(words) && said.ends_with("\n1 problem"), "{place} {words}\n{said}");
        assert!(said.lines().count() <= 24 && !said.chars().any(|c| c == '\u{1b}' || c == '\u{202e}'), "{said}");
    }
}

#[test]
fn odd_files_are_named_and_odd_folders_are_folders() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name);
    std::fs::write(path("s.yaml"), format!("\u{feff}{}", crate::support::SMALLEST.replace('\n', "\r\n"))).unwrap();
    std::fs::create_dir(path("folder.yaml")).unwrap();
    let load = || reeve::desired::load(dir.path()).map_or_else(|problems| problems.to_string(), |_| "no problem".to_owned());
    assert_eq!(load(), "no problem", "a BOM, CRLF and a folder that is called like a file");
    std::os::unix::fs::symlink(path("b.yaml"), path("a.yaml")).unwrap();
    std::os::unix::fs::symlink(path("a.yaml"), path("b.yaml")).unwrap();
    std::os::unix::fs::symlink("nowhere.yaml", path("c.yaml")).unwrap();
    std::fs::write(path("\u{1b}[31m.yaml"), "kind: x\n").unwrap();
    let said = load();
    assert_eq!(said.matches("is a link that leads nowhere").count(), 3, "{said}");
    assert!(said.contains(r"\u{1b}[31m.yaml:1:7: there is no document") && said.ends_with("\n4 problems"), "{said}");
}

#[test]
fn ten_megabytes_of_mistakes_are_told_in_time() {
    let many: String = (0..20_000).map(|n| format!("---\napiVersion: reeve/v1\nkind: Tenant\nmetadata: {{ name: t{n} }}\nspec: {{ distribution: refap, country: XX, admin_email: a@b.example, foo: 1 }}\n")).collect();
    let begun = std::time::Instant::now();
    let said = problems(&[file("t.yaml", &many)]);
    assert!(said.ends_with("60000 problems; these are the first 50, and 59950 more follow") && said.len() < 20_000, "{said}");
    assert!(begun.elapsed().as_secs() < 60, "{:?}", begun.elapsed());
}

/// A suggestion is a comparison with every address: one mistake in a template must not become a hundred million of them.
#[test]
fn a_mistake_in_a_template_of_many_is_not_compared_with_everything_each_time() {
    let names: Vec<String> = (0..600).map(|n| format!("n{n:03}")).collect();
    let module = format!(
        "apiVersion: reeve/v1\nkind: Module\nmetadata: {{ name: vpc }}\nspec:\n  inputs:\n    names: {{ type: list, items: {{ type: string }}, default: [{}] }}\n  resources:\n    group:\n      for_each: ${{names}}\n      kind: aws.security_group\n      spec: {{ vpc: '${{ref(\"vpc.net/\" + each.key)}}', description: x }}\n    nets:\n      for_each: ${{names}}\n      kind: aws.vpc\n      spec: {{ cidr_block: 10.0.0.0/16 }}\n",
        names.join(", ")
    );
    let told = reeve::desired::load_with(&[file("vpc.yaml", &module)], &[file("s.yaml", crate::support::SMALLEST)]).unwrap_err();
    let dangling = |one: &&reeve::model::problem::Problem| one.message.contains("which does not exist");
    assert_eq!(told.iter().filter(dangling).count(), 600, "{told}");
    let suggested = told.iter().filter(dangling).filter(|one| one.help.as_ref().is_some_and(|help| help.contains("vpc.nets/"))).count();
    assert_eq!(suggested, 200, "{told}");
}

/// Old addresses lead to older ones: neither for ever nor in every order.
#[test]
fn moves_that_lead_on_and_on_are_refused_or_bounded() {
    let moved = |rules: &str| problems(&[crate::support::stack_with(&format!("  moved: [{rules}]\n"))]);
    let told = moved("{ from: vpc.vpc/x, to: vpc.vpc }, { from: vpc.vpc/y, to: vpc.vpc }");
    assert!(told.contains("`vpc.vpc/x` lies under `vpc.vpc`"), "{told}");
    let circle = "{ from: n0/a, to: vpc }, { from: n0/b, to: vpc }, { from: vpc, to: n0 }";
    assert!(moved(circle).ends_with("1 problem") && moved(circle).contains("nothing is called `n0`"), "{}", moved(circle));
    let every_way: Vec<String> =
        (0..40).map(|n| format!("{{ from: n{n}, to: n{} }}, {{ from: n{n}/x, to: n{} }}", (n + 1) % 40, (n + 7) % 40)).collect();
    let begun = std::time::Instant::now();
    let told = moved(&format!("{{ from: n0, to: vpc }}, {}", every_way.join(", ")));
    assert!(told.contains("back to more than 64 old addresses"), "{told}");
    assert!(begun.elapsed().as_secs() < 30, "{:?}", begun.elapsed());
}
