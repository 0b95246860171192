//! What holds for every input: no panic, the same graph for the same text, and work that grows with the tenants.

use proptest::prelude::*;

use crate::support::{SMALLEST, file, load, stack_with, toy};
use reeve::desired::{Desired, SourceFile};

/// Pieces that, thrown together, come close to what people write.
fn yamlish() -> impl Strategy<Value = String> {
    let words = prop::sample::select(vec![
        "apiVersion: reeve/v1\n",
        "kind: Stack\n",
        "kind: Tenant\n",
        "kind: Module\n",
        "kind: Policy\n",
        "metadata: ",
        "{ name: a }\n",
        "spec:\n",
        "  ",
        "    ",
        "\n",
        "---\n",
        "...\n",
        "- ",
        ": ",
        "? ",
        "& ",
        "&a ",
        "*a ",
        "!t ",
        "| ",
        "> ",
        "|\n  x\n",
        "\"",
        "'",
        "[",
        "]",
        "{",
        "}",
        ",",
        "#",
        "%",
        "@",
        "`",
        "${",
        "}",
        "${ref(\"a.b\").c}",
        "${stack}",
        "${each.key}",
        "${1 + }",
        "null",
        "~",
        "no",
        "0o7",
        "1.10",
        "1e999",
        "-",
        "vpc",
        "resources",
        "inputs",
        "type: ",
        "list",
        "map",
        "object",
        "default",
        "check: ",
        "for_each",
        "when",
        "let",
        "\t",
        "\u{0}",
        "\u{feff}",
        "é",
        "\u{1f980}",
        "distributions",
        "image",
        "x@sha256:",
        "tenant",
        "aws.vpc",
        "cidr_block",
        "10.0.0.0/16",
        "2GiB",
        "14d",
        "<<",
    ]);
    prop::collection::vec(prop_oneof![8 => words.prop_map(str::to_owned), 1 => ".{0,8}"], 0..60).prop_map(|words| words.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 120, ..ProptestConfig::default() })]

    #[test]
    fn nothing_panics_on_text(text in yamlish()) {
        let _ = load(&[file("x.yaml", &text)]);
    }

    #[test]
    fn nothing_panics_on_a_damaged_stack(at in 0usize..2000, cut in 0usize..40, put in yamlish()) {
        let whole = format!("{}---\n{SMALLEST}  residency: {{ allow: [US] }}\n", toy().text);
        let chars: Vec<char> = whole.chars().collect();
        let at = at * chars.len() / 2000;
        let end = (at + cut).min(chars.len());
        let text: String = chars[..at].iter().copied().chain(put.chars()).chain(chars[end..].iter().copied()).collect();
        let _ = load(&[file("x.yaml", &text)]);
    }

    #[test]
    fn problems_can_always_be_shown(text in yamlish()) {
        if let Err(problems) = load(&[file("x.yaml", &text)]) {
            prop_assert!(!problems.is_empty());
            prop_assert!(!problems.to_string().is_empty());
        }
    }

    #[test]
    fn how_documents_are_split_into_files_changes_nothing(order in Just((0..12usize).collect::<Vec<_>>()).prop_shuffle(), cuts in prop::collection::vec(any::<bool>(), 12)) {
        let documents = documents();
        let mut files: Vec<SourceFile> = Vec::new();
        for (n, at) in order.iter().enumerate() {
            match files.last_mut().filter(|_| !cuts[n]) {
                Some(last) => last.text += &format!("---\n{}", documents[*at]),
                None => files.push(file(&format!("{n}.yaml"), &documents[*at])),
            }
        }
        let whole = file("all.yaml", &documents.join("---\n"));
        prop_assert_eq!(essence(&load(&files).unwrap()), essence(&load(&[whole]).unwrap()));
    }
}

/// The toy modules, a stack and four tenants: twelve documents.
fn documents() -> Vec<String> {
    let mut documents: Vec<String> = toy().text.split("---\n").map(str::to_owned).collect();
    documents.push(stack_with("  residency: { allow: [US] }\n").text);
    documents.extend((0..4).map(tenant));
    assert_eq!(documents.len(), 12);
    documents
}

fn tenant(n: usize) -> String {
    format!(
        "apiVersion: reeve/v1\nkind: Tenant\nmetadata: {{ name: clinic-{n} }}\nspec: {{ distribution: refapp, country: US, admin_email: a@b.example }}\n"
    )
}

/// Everything but the places.
fn essence(desired: &Desired) -> String {
    let resources = desired.resources.values().map(|resource| {
        let refs: Vec<_> = resource.refs.iter().map(|used| (&used.field, &used.address, &used.attribute, used.need)).collect();
        format!("{} {} {} {:?} {} {:?}\n", resource.address, resource.kind.name, resource.spec, refs, resource.protect, resource.moved_from)
    });
    let tenants = desired.tenants.iter().map(|tenant| format!("{} {:?}\n", tenant.name, tenant.spec));
    format!("{:?}\n{}{}", desired.stack, tenants.collect::<String>(), resources.collect::<String>())
}

fn of_tenants(count: usize) -> Desired {
    let tenants: Vec<String> = (0..count).map(tenant).collect();
    load(&[stack_with("  residency: { allow: [US] }\n"), file("tenants.yaml", &tenants.join("---\n"))]).unwrap()
}

#[test]
fn the_work_grows_with_the_tenants_and_no_faster() {
    let work = |count| of_tenants(count).work;
    let (none, hundred, thousand) = (work(0), work(100), work(1000));
    let each = (hundred - none) / 100;
    assert_eq!(hundred - none, each * 100, "the same for each tenant");
    assert_eq!(thousand - none, each * 1000, "however many there are");
    assert_eq!(each, 2, "one `let` of its own and one resource; what does not depend on the tenant is computed once");
}

#[test]
fn the_same_text_gives_the_same_graph() {
    assert_eq!(essence(&of_tenants(50)), essence(&of_tenants(50)));
}
